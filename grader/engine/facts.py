"""What the doctor looks at: this machine's facts, gathered once and without changing anything."""

from __future__ import annotations

import errno
import grp
import hashlib
import json
import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from grader.engine.facts_vm import VMFacts, gather_vm

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_S = 2.0

Trouble = Literal[
    "", "bad-address", "missing", "refused", "denied", "no-name", "timeout", "not-docker", "untested", "other"
]


@dataclass(frozen=True)
class Endpoint:
    """A Docker address and what came of asking it. ``trouble`` is empty when an engine answered."""

    address: str
    trouble: Trouble = ""
    detail: str = ""
    engine_version: str = ""
    api_version: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything that the diagnosis rests on. Sizes in bytes; ``None`` where the machine does not say."""

    user: str = "student"
    uid: int = 1000
    system: str = "Linux"
    distribution: str = "debian"
    distribution_name: str = "Debian GNU/Linux"
    kernel: str = "6.12.0"
    machine: str = "x86_64"
    in_container: bool = False
    python_path: str = "/usr/bin/python3"
    versions: Mapping[str, str] = field(default_factory=dict)
    # Docker
    endpoint: Endpoint = Endpoint(DEFAULT_SOCKET)
    docker_host: str = ""  # of the environment
    context: str = "default"
    context_source: str = ""  # "DOCKER_CONTEXT" or "config.json"
    context_address: str | None = None  # None: the context is not there
    other_sockets: tuple[str, ...] = ()
    docker_installed: bool = False
    systemd: bool = True
    in_docker_group: bool = False  # as /etc/group has it
    has_docker_group: bool = False  # as this process has it
    # Sandbox
    max_user_namespaces: int | None = None
    unprivileged_userns_clone: int | None = None
    apparmor_restricts: bool = False
    namespaces: str = ""  # why a trial failed; empty: it worked
    newuidmap: bool = True
    subordinate_ids: bool = True
    overlay: bool = True
    probe: str | None = None  # why a trial of all that a sandbox needs failed
    probed: bool = False
    image: str = ""  # why there is no engine image; empty: it is there
    image_tools: bool = True
    # VM
    vm: VMFacts = field(default_factory=VMFacts)
    # Room
    cache: str = ""
    cache_free: int | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    busy_ports: frozenset[int] = frozenset()


def gather(environment: Mapping[str, str] | None = None) -> Facts:
    """Look at this machine. Takes a few seconds at most: every wait has a deadline."""
    env = os.environ if environment is None else environment
    uid = os.geteuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    release = _os_release()
    context, source, address = docker_context(env)
    docker_host = env.get("DOCKER_HOST", "")
    image, image_tools = _image()
    probe, probed = _probe()
    in_group, has_group = _docker_group(user)
    cache, free = _cache()
    total, available = _memory()
    return Facts(
        user=user,
        uid=uid,
        system=platform.system(),
        distribution=release.get("ID", ""),
        distribution_name=release.get("PRETTY_NAME", platform.system()),
        kernel=platform.release(),
        machine=platform.machine(),
        in_container=Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
        python_path=os.path.realpath(sys.executable),
        versions=_versions(),
        endpoint=reach(docker_host or address or DEFAULT_SOCKET, tls=bool(env.get("DOCKER_TLS_VERIFY"))),
        docker_host=docker_host,
        context=context,
        context_source=source,
        context_address=address,
        other_sockets=_other_sockets(uid),
        # A client alone is no engine; on macOS and Windows the client comes with Docker Desktop.
        docker_installed=_which("docker" if platform.system() != "Linux" else "dockerd"),
        systemd=Path("/run/systemd/system").is_dir(),
        in_docker_group=in_group,
        has_docker_group=has_group,
        max_user_namespaces=_number("/proc/sys/user/max_user_namespaces"),
        unprivileged_userns_clone=_number("/proc/sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts=_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1,
        namespaces=_try_namespaces(),
        newuidmap=_which("newuidmap") and _which("newgidmap"),
        subordinate_ids=_subordinate_ids(user, uid),
        overlay=_overlay(),
        probe=probe,
        probed=probed,
        image=image,
        image_tools=image_tools,
        vm=gather_vm(),
        cache=cache,
        cache_free=free,
        memory_total=total,
        memory_available=available,
        busy_ports=frozenset(port for port in (5000, 8888) if _busy(port)),
    )


# Docker


def reach(address: str, *, tls: bool = False) -> Endpoint:
    """Ask a Docker address for its version; tells apart why it cannot be asked."""
    parts = urlsplit(address)
    try:
        if parts.scheme == "unix" and parts.path:
            with socket.socket(socket.AF_UNIX) as trial:
                trial.settimeout(TIMEOUT_S)
                trial.connect(parts.path)
        elif parts.scheme in ("tcp", "http", "https") and parts.hostname:
            socket.create_connection((parts.hostname, parts.port or 2375), TIMEOUT_S).close()
        elif parts.scheme in ("ssh", "npipe"):
            return Endpoint(address, "untested", f"{parts.scheme} addresses are not tried here")
        else:
            return Endpoint(address, "bad-address", "not of the form unix:///PATH or tcp://NAME:PORT")
    except TimeoutError:
        return Endpoint(address, "timeout", f"no answer within {TIMEOUT_S:g} s")
    except socket.gaierror as error:
        return Endpoint(address, "no-name", str(error.strerror))
    except ValueError as error:  # a port that is no number
        return Endpoint(address, "bad-address", str(error))
    except OSError as error:
        known: dict[int | None, Trouble] = {
            errno.ENOENT: "missing",
            errno.ENOTDIR: "missing",
            errno.ECONNREFUSED: "refused",
            errno.EACCES: "denied",
            errno.EPERM: "denied",
        }
        return Endpoint(address, known.get(error.errno, "other"), error.strerror or str(error))
    return _ask_version(address, tls=tls)


def _ask_version(address: str, *, tls: bool) -> Endpoint:
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    environment = {"DOCKER_HOST": address}
    if tls:
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            if name in os.environ:
                environment[name] = os.environ[name]
    try:
        client = docker.from_env(timeout=int(TIMEOUT_S), environment=environment)
        with closing(client):
            found = client.version()
    except (DockerException, RequestException, OSError, ValueError, KeyError) as error:
        if "timed out" in str(error).lower():
            return Endpoint(address, "timeout", f"it accepts, but says nothing within {TIMEOUT_S:g} s")
        return Endpoint(address, "not-docker", " ".join(str(error).split())[:160])
    return Endpoint(
        address, engine_version=str(found.get("Version", "?")), api_version=str(found.get("ApiVersion", "?"))
    )


def docker_context(env: Mapping[str, str], home: Path | None = None) -> tuple[str, str, str | None]:
    """The docker CLI's current context: name, where it is set, its address (None: not there)."""
    folder = Path(env.get("DOCKER_CONFIG") or (home or Path.home()) / ".docker")
    name, source = env.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        found = _json(folder / "config.json").get("currentContext")
        name, source = (found, "config.json") if isinstance(found, str) and found else ("default", "")
    if name == "default":
        return name, source, DEFAULT_SOCKET
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = _json(folder / "contexts/meta" / digest / "meta.json")
    try:
        return name, source, str(meta["Endpoints"]["docker"]["Host"])  # type: ignore[index]
    except (KeyError, TypeError):
        return name, source, None


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _other_sockets(uid: int) -> tuple[str, ...]:
    """Where rootless Docker, Docker Desktop and Colima listen."""
    home = Path.home()
    places = (
        Path(f"/run/user/{uid}/docker.sock"),
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        home / ".colima/default/docker.sock",
    )
    found = []
    for place in places:
        with suppress(OSError):
            if place.is_socket():
                found.append(f"unix://{place}")
    return tuple(found)


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


def _subordinate_ids(user: str, uid: int) -> bool:
    from grader.engine.ids import subordinate_range

    files = ("/etc/subuid", "/etc/subgid")
    return uid == 0 or all(subordinate_range(file, user, uid) is not None for file in files)


def _overlay() -> bool:
    """Whether this kernel has overlay, loaded or not."""
    with suppress(OSError):
        if "\toverlay" in Path("/proc/filesystems").read_text():
            return True
    modules = Path("/lib/modules") / platform.release()
    if not modules.is_dir():
        return True  # a container shows no modules: not known, and the trial boot tells
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
    from grader.engine.image import find_image
    from grader.errors import DockbookError

    tools = _which("mmdebstrap")
    try:
        find_image()
    except DockbookError as error:
        return error.what, tools
    return "", tools


def _probe() -> tuple[str | None, bool]:
    """Make what a sandbox is made of; why it did not work, and whether it was tried."""
    if platform.system() != "Linux":
        return None, False
    from grader.engine.sandbox import probe

    return probe(), True


def _cache() -> tuple[str, int | None]:
    from grader.engine.paths import cache_folder
    from grader.errors import DockbookError

    try:
        folder = cache_folder()
        return str(folder), shutil.disk_usage(folder).free
    except (DockbookError, OSError) as error:
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
    # Ordinary users of Debian do not have the folders of administration on their PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return shutil.which(name, path=path) is not None


def _busy(port: int) -> bool:
    """Whether something listens there; nothing is sent to it."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
