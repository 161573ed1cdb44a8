"""Where the user's Docker listens and how it answers: addresses, contexts, usual sockets."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from grader.errors import EngineError, EngineUnavailable

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_S = 2.0

Trouble = Literal[
    "",
    "bad-address",
    "missing",
    "refused",
    "denied",
    "no-name",
    "no-context",
    "timeout",
    "not-docker",
    "untested",
    "other",
]


@dataclass(frozen=True)
class Endpoint:
    """A Docker address and how it answered. ``trouble`` is empty when an engine answered."""

    address: str
    trouble: Trouble = ""
    detail: str = ""
    engine_version: str = ""
    api_version: str = ""


def reach(address: str, *, tls: bool = False) -> Endpoint:
    """Ask a Docker address for its version; distinguishes the reasons for a failure."""
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
    except ValueError as error:  # a port that is not a number
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


def find_docker_host(environment: Mapping[str, str] | None = None) -> str:
    """The user's engine's address: DOCKER_HOST, else the CLI's context, else a usual socket that answers.

    Raises EngineUnavailable when a context is named that is not there.
    """
    env = os.environ if environment is None else environment
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    name, source, address = docker_context(env)
    if address is None:
        where = "DOCKER_CONTEXT" if source == "DOCKER_CONTEXT" else "your docker configuration"
        raise EngineUnavailable(
            f"The Docker context {name!r}, named by {where}, does not exist.",
            next_step="`docker context ls` lists all; `docker context use default` returns to the default.",
        )
    if address != DEFAULT_SOCKET:
        return address
    for path in usual_sockets(env):
        if is_socket(path) and not reach(f"unix://{path}").trouble:
            return f"unix://{path}"
    return DEFAULT_SOCKET


def is_socket(path: Path) -> bool:
    """Whether a socket is there, for all that this user can see."""
    try:
        return path.is_socket()
    except OSError:
        return False  # HOME may be another's: `su` without `-`, `sudo -E`


def usual_sockets(environment: Mapping[str, str]) -> list[Path]:
    """Where engines listen: Debian's own, a rootless one, Docker Desktop, Colima, Rancher, Podman."""
    home = Path(environment.get("HOME", "/nonexistent"))
    runtime = environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return [
        Path("/var/run/docker.sock"),
        Path(runtime, "docker.sock"),
        *(home / ".docker" / place / "docker.sock" for place in ("run", "desktop")),
        home / ".colima/default/docker.sock",
        home / ".rd/docker.sock",
        Path(runtime, "podman/podman.sock"),
        Path("/run/podman/podman.sock"),
    ]


def diagnose(docker_host: str) -> EngineError | None:
    """Why there is no engine at this address, with the next step; None when one answers."""
    tls = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    named = os.environ.get("DOCKER_HOST") == docker_host
    found = reach(docker_host, tls=tls)
    if named and found.trouble not in ("", "untested", "denied"):
        return EngineUnavailable(
            f"DOCKER_HOST names {docker_host}, and no Docker Engine answers there: {found.detail}.",
            next_step="start it, correct DOCKER_HOST or unset it; or ignore it and use a private engine: "
            "`--backend sandbox`.",
        )
    return _trouble(found, asked_for=docker_host != DEFAULT_SOCKET)


def _trouble(found: Endpoint, *, asked_for: bool) -> EngineError | None:
    if found.trouble in ("", "untested"):
        return None
    at, detail = found.address, found.detail
    correct = (
        "correct DOCKER_HOST or the docker context, or unset it; `docker context ls` shows what is there."
    )
    start = "start it (`sudo systemctl start docker`, or Docker Desktop); `dockbook doctor` says more."
    if found.trouble == "denied":
        what = f"The Docker Engine at {at} does not let you in."
        step = "`dockbook doctor` says how to get in; the sandbox, `--backend sandbox`, needs no permission."
    elif found.trouble == "missing" and asked_for:
        what, step = f"There is no Docker Engine at {at}: {detail}.", correct
    elif found.trouble == "missing":
        what = f"There is no Docker Engine on this machine: nothing at {at}."
        step = "install and start Docker, or take an engine that needs none: `--backend sandbox`."
    elif found.trouble == "refused":
        what, step = f"The Docker Engine at {at} is not running: {detail}.", start
    elif found.trouble == "timeout":
        what, step = (
            f"The Docker Engine at {at} does not answer: {detail}.",
            start.replace("start", "restart"),
        )
    elif found.trouble == "not-docker":
        what, step = f"What answers at {at} is not a Docker Engine: {detail}.", correct
    else:
        what, step = f"{at} cannot be used as a Docker Engine's address: {detail}.", correct
    return EngineUnavailable(what, next_step=step)
