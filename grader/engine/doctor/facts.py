"""What the doctor looks at: this machine's facts, gathered once and without changing anything."""

from __future__ import annotations

import errno
import grp
import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from grader.engine.docker_context import DEFAULT_SOCKET, DockerContext, current_context
from grader.engine.doctor.folders import Place, gather_places
from grader.engine.doctor.virtual_machine import VMFacts, gather_vm
from grader.engine.endpoint import (
    TIMEOUT_S,
    Endpoint,
    find_docker_host,
    is_socket,
    reach,
    usual_sockets,
)
from grader.engine.system import programs, subordinate
from grader.errors import EngineUnavailable

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """Everything that the diagnosis is based on. Sizes in bytes; ``None`` where the machine does not say."""

    user: str = "student"
    uid: int = 1000
    system: str = "Linux"
    distribution: str = "debian"
    distribution_name: str = "Debian GNU/Linux"
    kernel: str = "6.12.0"
    machine: str = "x86_64"
    in_container: bool = False
    wsl: bool = False  # Windows' own virtual machine
    python_path: str = "/usr/bin/python3"
    versions: Mapping[str, str] = field(default_factory=dict)
    # Docker
    endpoint: Endpoint = field(default_factory=lambda: Endpoint(DEFAULT_SOCKET))
    docker_host: str = ""  # of the environment
    context: DockerContext = field(default_factory=DockerContext)
    other_sockets: tuple[str, ...] = ()  # that answer, where the context's own does not
    docker_installed: bool = False
    systemd: bool = True
    in_docker_group: bool = False  # according to /etc/group
    has_docker_group: bool = False  # of this process
    # Sandbox
    max_user_namespaces: int | None = None
    unprivileged_userns_clone: int | None = None
    apparmor_restricts: bool = False
    namespaces: str = ""  # why a trial failed; empty: it worked
    newuidmap: bool = True
    subordinate_ids: str = ""  # what gives this user some; empty: they are there
    overlay: bool = True
    probe: str | None = None  # why a trial of all that a sandbox needs failed
    probed: bool = False
    started: bool = False  # the trial was a whole engine, with a container and its port
    limits: str = ""  # what a sandbox's containers can be limited in, or why not, as a lab says it
    image: str = ""  # why there is no engine image; empty: it is there
    image_tools: bool = True
    # VM
    vm: VMFacts = field(default_factory=VMFacts)
    # Room
    cache: str = ""
    cache_free: int | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    places: tuple[Place, ...] = ()  # unsuitable folders
    busy_ports: frozenset[int] = frozenset()
    unseen: Mapping[str, str] = field(default_factory=dict)  # looks that failed, and why


def gather() -> Facts:
    """Look at this machine. Takes a few seconds: every wait has a deadline.

    A check that fails does not affect the others: what is unknown counts as fine, and ``unseen`` has the
    reason.
    """
    env = os.environ
    unseen: dict[str, str] = {}

    def look(what: str, at: Callable[[], T], otherwise: S) -> T | S:
        try:
            return at()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other checks continue
            unseen[what] = " ".join(str(error).split()) or type(error).__name__
            return otherwise

    uid = os.geteuid()
    user = look("user", lambda: _user(uid), str(uid))
    nothing: Mapping[str, str] = {}
    release = look("system", _os_release, nothing)
    image, image_tools = look("image", _image, ("It could not be checked.", True))
    probe, probed, started = look("sandbox", lambda: _probe(has_image=not image), (None, False, False))
    endpoint = look("docker", _endpoint, Endpoint(DEFAULT_SOCKET, "other", "it was not asked"))
    in_group, has_group = look("groups", lambda: _docker_group(user), (False, False))
    cache, free = _cache()
    total, available = look("memory", _memory, (None, None))
    return Facts(
        user=user,
        uid=uid,
        system=platform.system(),
        distribution=release.get("ID", ""),
        distribution_name=release.get("PRETTY_NAME", platform.system()),
        kernel=platform.release(),
        machine=platform.machine(),
        in_container=Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
        wsl="microsoft" in platform.release().lower(),
        python_path=os.path.realpath(sys.executable),
        versions=look("versions", _versions, nothing),
        endpoint=endpoint,
        docker_host=env.get("DOCKER_HOST", ""),
        context=look("context", current_context, DockerContext()),
        other_sockets=look("sockets", lambda: _other_sockets(env), ()) if endpoint.trouble else (),
        # A client alone is not an engine; on macOS and Windows the client comes with Docker Desktop.
        docker_installed=_which("docker" if platform.system() != "Linux" else "dockerd"),
        systemd=Path("/run/systemd/system").is_dir(),
        in_docker_group=in_group,
        has_docker_group=has_group,
        max_user_namespaces=_number("/proc/sys/user/max_user_namespaces"),
        unprivileged_userns_clone=_number("/proc/sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts=_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1,
        namespaces=look("namespaces", _try_namespaces, ""),
        newuidmap=_which("newuidmap") and _which("newgidmap"),
        subordinate_ids=look("subordinate ids", lambda: _subordinate_ids(user, uid), ""),
        overlay=_overlay(),
        probe=probe,
        probed=probed,
        started=started,
        limits=look("limits", _limits, "") if probed and probe is None else "",
        image=image,
        image_tools=image_tools,
        vm=look("vm", gather_vm, VMFacts()),
        cache=cache,
        cache_free=free,
        places=look("folders", lambda: gather_places(to_build=bool(image)), ()),
        memory_total=total,
        memory_available=available,
        busy_ports=look("ports", lambda: frozenset(filter(_busy, (5000, 8888))), frozenset()),
        unseen=unseen,
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# Docker


def _endpoint() -> Endpoint:
    """What the lab would ask."""
    try:
        host = find_docker_host()
    except EngineUnavailable as error:
        return Endpoint(DEFAULT_SOCKET, "no-context", error.what)
    return reach(host.address, host.tls)


def _other_sockets(env: Mapping[str, str]) -> tuple[str, ...]:
    """The usual places where a Docker answers."""
    found = (f"unix://{path}" for path in usual_sockets(env) if is_socket(path))
    return tuple(address for address in found if not reach(address).trouble)


def _docker_group(user: str) -> tuple[bool, bool]:
    try:
        group = grp.getgrnam("docker")
    except KeyError:
        return False, False
    return user in group.gr_mem, group.gr_gid in os.getgroups()


# The kernel


def _try_namespaces() -> str:
    """Make the sandbox's kinds of namespaces and mount something in them, as it does; why not, if not."""
    if platform.system() != "Linux":
        return f"{platform.system()} has no user namespaces"
    argv = "unshare --user --map-root-user --net --mount --pid --fork --ipc --uts mount -t tmpfs none /tmp"
    try:
        done = subprocess.run(argv.split(), capture_output=True, text=True, timeout=5, check=False)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"unshare ended with {done.returncode}"])[-1]


def _subordinate_ids(user: str, uid: int) -> str:
    """The command that gives this user ids; empty: there are some, or none are needed."""
    if uid == 0 or all(subordinate.range_of(kind, user, uid) for kind in subordinate.FILES):
        return ""
    return subordinate.advice(user, uid)


def _overlay() -> bool:
    """Whether this kernel has overlay, loaded or not."""
    with suppress(OSError):
        if "\toverlay" in Path("/proc/filesystems").read_text():
            return True
    modules = Path("/lib/modules") / platform.release()
    if not modules.is_dir():
        return True  # a container shows no modules: not known, and the trial start tells
    with suppress(OSError):
        for name in ("modules.dep", "modules.builtin"):
            if "overlayfs/overlay.ko" in (modules / name).read_text():
                return True
    return False


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


# Dockbook's own


def _image() -> tuple[str, bool]:
    from grader.engine.image.engine_image import find_image
    from grader.errors import DockbookError

    tools = _which("mmdebstrap")
    try:
        find_image()
    except DockbookError as error:
        return error.what, tools
    return "", tools


def _probe(*, has_image: bool) -> tuple[str | None, bool, bool]:
    """Make what a sandbox is made of, and a whole engine where there is an image: why it did not work,
    whether it was tried, and whether it was a whole one."""
    if platform.system() != "Linux":
        return None, False, False
    from grader.engine.sandbox import probe

    trouble = probe()
    if trouble or not has_image:
        return trouble, True, False
    from grader.engine.doctor.rehearsal import rehearse
    from grader.engine.image.engine_image import find_image

    return rehearse(find_image()), True, True


def _limits() -> str:
    """As a lab would say it, from a trial."""
    from grader.engine.base import limits_line
    from grader.engine.sandbox import probe_limits

    try:
        return limits_line(*probe_limits())
    except EngineUnavailable as error:
        return error.what


def _cache() -> tuple[str, int | None]:
    from grader.errors import DockbookError
    from grader.paths import cache_folder

    try:
        folder = cache_folder()
        return str(folder), shutil.disk_usage(folder).free
    except DockbookError as error:
        return error.what.rstrip("."), None
    except OSError as error:
        return str(error), None


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("dockbook", "docker", "jupyterlab", "nbgrader"):
        with suppress(metadata.PackageNotFoundError):
            found["docker-py" if name == "docker" else name] = metadata.version(name)
    with suppress(OSError, subprocess.TimeoutExpired):
        argv = ["docker", "version", "--format", "{{.Client.Version}}"]
        # A client that finds no server says so, after its own version.
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if done.stdout.strip():
            found["docker CLI"] = done.stdout.strip().splitlines()[0]
    return found


def _os_release() -> Mapping[str, str]:
    if platform.system() == "Darwin":
        return {"PRETTY_NAME": f"macOS {platform.mac_ver()[0]}"}
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _memory() -> tuple[int | None, int | None]:
    import psutil

    try:
        found = psutil.virtual_memory()
    except (OSError, psutil.Error):
        return None, None
    return int(found.total), int(found.available)


def _which(name: str) -> bool:
    return programs.find(name) is not None


def _busy(port: int) -> bool:
    """Whether something listens there; nothing is sent to it."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
