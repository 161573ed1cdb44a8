"""What the engine image is made of. Its key is a hash of all this: any change causes a new build."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.engine.system.package import PACKAGE, file_text
from grader.engine.system.places import GATEWAY_ADDRESS, HUB_ADDRESS

Suite = Literal["trixie", "forky"]
SUITES: tuple[Suite, ...] = ("trixie", "forky")
FORMAT = 1
"""Increase it when a change to the builder's own code changes the result."""

PACKAGES = (
    *("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc", "crun"),
    *("iptables", "kmod", "tini", "iproute2", "mount", "util-linux", "procps", "ca-certificates", "openssl"),
    *("busybox-static", "nginx-light", "socat", "python3-ipykernel", "python3-docker"),
)
SUITE_PACKAGES: dict[Suite, tuple[str, ...]] = {"forky": ("passwd",)}
"""What a suite no longer counts among the packages that every system has."""
COURSE_SUITE: Suite = "trixie"
"""The Debian in the course's images, whatever the engine itself is made of: ``debian:trixie`` is trixie."""
DEBIAN_PACKAGES = ("python3", "hello", "docker.io", "python3-h2")
"""What the hub's package source offers, with all that it depends on, for `apt-get install` in containers."""
SLIM = (
    "--dpkgopt=force-unsafe-io",  # half an image is never used: nothing of it needs to be on the disk early
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info", "lintian")),
)
_LIBRARIES = "/usr/lib/python3/dist-packages"
ENGINE_SLIM = (
    *SLIM,
    *(
        f"--dpkgopt=path-exclude={path}"
        for path in (
            # containerd's own client, and the shims of before its second
            *("/usr/bin/ctr", "/usr/bin/containerd-shim", "/usr/bin/containerd-shim-runc-v1"),
            # what a kernel has for editors: a debugger, completion, the types of libraries that are not there
            *("/usr/bin/gdb*", "/usr/share/gdb/*", "/usr/lib/*.a"),
            *(
                f"{_LIBRARIES}/{name}*"
                for name in ("coverage", "debugpy", "jedi", "parso", "types_", "*-stubs")
            ),
            *(
                f"{_LIBRARIES}/{name}*"
                for name in ("_distutils", "distutils-", "pkg_resources", "setuptools")
            ),
            # Each package would compile its own modules; COMPILE compiles all at once.
            "/usr/bin/py3compile",
        )
    ),
)
"""Options of mmdebstrap's, for dpkg: what is left out of the packages, in the engine's root file system."""
COMPILE = f"python3 -m compileall -q {_LIBRARIES}"
"""A command for the engine's root, once all is installed."""

CONTAINERD_TOML = file_text("engine/image/files/containerd.toml")

FAILED = "etc/dockbook/runtime-failed.sh"
"""What the wrappers of the OCI runtime do when it failed; ``vm_runtime`` has the name, too."""

RUNTIME = file_text("engine/image/files/runtime.sh")

RUNTIME_28 = RUNTIME.replace("for id; do", file_text("engine/image/files/runtime-28.sh") + "for id; do")

DOCKERD_28 = file_text("engine/image/files/dockerd-28.sh")

NO_IMAGE = (
    '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"the course hub has no such image. In this engine the '
    'names of Docker Hub lead to the course hub, which has only these: IMAGES"}]}'
)
NO_PUSHES = (
    '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied: '
    'this is the course hub, which takes no pushes"}]}'
)
NO_ACCOUNTS = (
    '{"errors":[{"code":"UNAUTHORIZED","message":"this is the course hub, which has no accounts: '
    'everybody may pull, and your password was not kept"}]}'
)
HUB_CONF = file_text(
    "engine/image/files/hub.conf",
    HUB_ADDRESS=HUB_ADDRESS,
    NO_IMAGE=NO_IMAGE,
    NO_PUSHES=NO_PUSHES,
    NO_ACCOUNTS=NO_ACCOUNTS,
)

HOSTS = f"""\
127.0.0.1 localhost
127.0.1.1 dockbook
{HUB_ADDRESS} hub mirror registry-1.docker.io index.docker.io
{GATEWAY_ADDRESS} engine
"""


@dataclass(frozen=True)
class ImageSource:
    """One of the course's images as written in ``images.toml``; ``folder`` holds its Dockerfile.

    ``mirror_only``: not preloaded and not at the hub's ordinary names: a pull of it proves the mirror.
    ``hub_only``: at the hub and not preloaded: a tool that nobody runs by hand.
    """

    names: tuple[str, ...]
    folder: Path
    rootfs: str
    description: str
    official: bool
    mirror_only: bool
    hub_only: bool

    @property
    def base(self) -> str:
        """The image that it is built from; ``scratch`` for none."""
        dockerfile = (self.folder / "Dockerfile").read_text(encoding="utf-8")
        return next(line.split()[1] for line in dockerfile.splitlines() if line.startswith("FROM "))

    @property
    def preloaded(self) -> bool:
        """Whether an engine has it from the start; ``docker search`` then finds it, too."""
        return not (self.mirror_only or self.hub_only)


def with_tag(name: str) -> str:
    """An image's name with its tag, which is ``latest`` where none is written."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def images_folder() -> Path:
    """Dockerfiles of the course's images: next to the package in a checkout, inside it when installed."""
    for folder in (PACKAGE.parent / "course" / "images", PACKAGE / "_course" / "images"):
        if (folder / "images.toml").is_file():
            return folder
    raise FileNotFoundError(f"no course/images next to {PACKAGE}")


def image_sources() -> list[ImageSource]:
    """The course's images, in the order in which they are built."""
    folder = images_folder()
    with (folder / "images.toml").open("rb") as handle:
        entries = tomllib.load(handle)["image"]
    return [
        ImageSource(
            names=tuple(entry["names"]),
            folder=folder / entry["folder"],
            rootfs=entry.get("rootfs", ""),
            description=entry["description"],
            official=entry["official"],
            mirror_only=entry.get("mirror_only", False),
            hub_only=entry.get("hub_only", False),
        )
        for entry in entries
    ]


def hub_conf() -> str:
    """The configuration of the hub's nginx. For an image that the hub does not have, it lists those that it
    has."""
    names = [name for source in image_sources() if source.preloaded for name in source.names]
    return HUB_CONF.replace("IMAGES", ", ".join(sorted(name.removesuffix(":latest") for name in names)))


def packages(suite: Suite) -> tuple[str, ...]:
    """Debian packages that the engine's root file system is made of."""
    return (*PACKAGES, *SUITE_PACKAGES.get(suite, ()))


def files(suite: Suite) -> dict[str, tuple[str, int]]:
    """Files that the recipe adds to the root file system: path to content and mode."""
    of_suite = {"usr/local/bin/dockbook-runtime": (RUNTIME, 0o755)}
    if suite == "forky":
        of_suite = {
            "usr/local/bin/dockbook-runtime": (RUNTIME_28, 0o755),
            "usr/local/sbin/dockerd": (DOCKERD_28, 0o755),
        }
    return of_suite | {
        "etc/dockbook/containerd.toml": (CONTAINERD_TOML, 0o644),
        "etc/dockbook/hub.conf": (hub_conf(), 0o644),
        FAILED: (file_text("engine/image/files/runtime-failed.sh"), 0o644),
        "etc/hosts": (HOSTS, 0o644),
        "etc/resolv.conf": ("# No name server: this engine has no way out.\n", 0o644),
        "etc/hostname": ("dockbook\n", 0o644),
    }


def key(suite: Suite) -> str:
    """Twelve hexadecimal digits that change with anything the image is made of."""
    digest = hashlib.sha256()
    parts = [
        FORMAT,
        suite,
        packages(suite),
        DEBIAN_PACKAGES,
        ENGINE_SLIM,
        COMPILE,
        sorted(files(suite).items()),
    ]
    digest.update(json.dumps(parts).encode())
    folder = images_folder()
    for path in sorted(folder.rglob("*")):
        # pip compiles what it installs; that is not part of an image.
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
