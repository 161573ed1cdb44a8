"""Where the user's Docker listens and how it answers: addresses, usual sockets."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from grader.engine.docker_context import DEFAULT_SOCKET, current_context
from grader.errors import EngineError, EngineUnavailable

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
class DockerHost:
    """Where a Docker listens, and the variables with which docker-py and the docker command use TLS."""

    address: str
    tls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """A Docker address and how it answered. ``trouble`` is empty when an engine answered."""

    address: str
    trouble: Trouble = ""
    detail: str = ""
    engine_version: str = ""
    api_version: str = ""


def reach(address: str, tls: Mapping[str, str] | None = None) -> Endpoint:
    """Ask a Docker address for its version, over TLS if there are variables for it.

    Distinguishes the reasons for a failure.
    """
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
    return _ask_version(address, tls or {})


def _ask_version(address: str, tls: Mapping[str, str]) -> Endpoint:
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        client = docker.from_env(timeout=int(TIMEOUT_S), environment={"DOCKER_HOST": address, **tls})
        with closing(client):
            found = client.version()
    except (DockerException, RequestException, OSError, ValueError, KeyError) as error:
        if "timed out" in str(error).lower():
            return Endpoint(address, "timeout", f"it accepts, but says nothing within {TIMEOUT_S:g} s")
        return Endpoint(address, "not-docker", " ".join(str(error).split())[:160])
    return Endpoint(
        address, engine_version=str(found.get("Version", "?")), api_version=str(found.get("ApiVersion", "?"))
    )


def tls_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment makes the docker command use TLS at the address in DOCKER_HOST."""
    wanted = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    # `docker` itself needs DOCKER_TLS to use certificates without checking the server's; docker-py does not.
    if not environment.get("DOCKER_TLS_VERIFY"):
        wanted = ("DOCKER_TLS", "DOCKER_CERT_PATH")
        if not all(environment.get(name) for name in wanted):
            return {}
    return {name: environment[name] for name in wanted if environment.get(name)}


def find_docker_host() -> DockerHost:
    """The user's engine: DOCKER_HOST, else the docker command's context, else a usual socket that answers.

    Raises EngineUnavailable if a context is named that cannot be used.
    """
    if os.environ.get("DOCKER_HOST"):
        return at_address(os.environ["DOCKER_HOST"])
    context = current_context()
    if context.fault:
        raise EngineUnavailable(
            f"The Docker context {context.name!r}, named by {context.source}, {context.fault}.",
            next_step=f"{context.next_step}.",
        )
    if context.address != DEFAULT_SOCKET:
        return DockerHost(context.address, context.tls)
    for path in usual_sockets(os.environ):
        if is_socket(path) and not reach(f"unix://{path}").trouble:
            return DockerHost(f"unix://{path}")
    return DockerHost(DEFAULT_SOCKET)


def at_address(address: str) -> DockerHost:
    """A Docker at this address. The environment's variables for TLS belong to the address in DOCKER_HOST."""
    named = os.environ.get("DOCKER_HOST") == address
    return DockerHost(address, tls_variables(os.environ) if named else {})


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


def diagnose(host: DockerHost) -> EngineError | None:
    """Why there is no engine there, with the next step; None when one answers."""
    named = os.environ.get("DOCKER_HOST") == host.address
    found = reach(host.address, host.tls)
    if named and found.trouble not in ("", "untested", "denied"):
        return EngineUnavailable(
            f"DOCKER_HOST names {host.address}, and no Docker Engine answers there: {found.detail}.",
            next_step="start it, correct DOCKER_HOST or unset it; or ignore it and use a private engine: "
            "`--backend sandbox`.",
        )
    return _trouble(found, asked_for=host.address != DEFAULT_SOCKET)


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
