"""The daemon's options: what an engine starts with, and what a ``daemon.json`` may change later.

Used outside and inside of a sandbox: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.engine.system.places import HUB_ADDRESS

RUNTIME = "/usr/local/bin/dockbook-runtime"
"""The engine's OCI runtime: crun, wrapped. See ``recipe``."""
DEFAULTS: dict[str, object] = {
    # In the file and not in flags: a reload would drop runtimes given as flags.
    "runtimes": {"crun": {"path": RUNTIME}},
    "default-runtime": "crun",
    "storage-driver": "overlay2",
    "userland-proxy": False,
    # The hub's host answers no names and says so at once; Docker's default is a public resolver out of reach,
    # and every unknown name would wait ten seconds for it.
    "dns": [HUB_ADDRESS],
    # BuildKit's own channel is where the plugin cannot look: no host network through it.
    "builder": {"Entitlements": {"network-host": False, "security-insecure": False}},
}
RELOADABLE = frozenset(
    {"debug", "insecure-registries", "labels", "max-concurrent-downloads", "max-concurrent-uploads"}
    | {"max-download-attempts", "registry-mirrors"}
)
"""Options that dockerd accepts without a restart and that reach nothing outside the engine."""


CONTAINERD_STORE: dict[str, object] = {
    "features": {"containerd-snapshotter": True},
    "storage-driver": "overlayfs",
}
"""With these, containerd keeps the images, as on a fresh Engine 29.

Source: https://docs.docker.com/engine/storage/containerd/. An engine starts without images then: a pull of
them all from its own hub takes a second and a half.
"""


def containerd_keeps_images(options: Mapping[str, object]) -> bool:
    """Whether these options choose containerd's image store."""
    features = options.get("features")
    return isinstance(features, dict) and bool(features.get("containerd-snapshotter"))


def merged(base: Mapping[str, object], options: object) -> dict[str, object]:
    """The engine's own options with the listed ones over them. Raises ValueError for any other."""
    if not isinstance(options, dict):
        raise ValueError("daemon.json must hold one JSON object, {...}")  # noqa: TRY004 - bad data, not a bad call
    unknown = sorted(str(name) for name in options if name not in RELOADABLE)
    if unknown:
        allowed = ", ".join(sorted(RELOADABLE))
        raise ValueError(f"this engine takes no {', '.join(unknown)} in its daemon.json; it takes {allowed}")
    return {**base, **options}
