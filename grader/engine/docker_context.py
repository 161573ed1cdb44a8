"""The docker command's contexts: which one is in use, where it leads, with which certificates.

docker-py's ``docker.context`` reads them. What it leaves open is here: which folder the docker command would
look in, who named the context, and what a person can do when it cannot be used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True)
class DockerContext:
    """A context: its name, where it is set ("DOCKER_CONTEXT", "config.json" or ""), and its address.

    ``tls``: variables that give the docker command and docker-py its certificates. ``fault``: why it cannot
    be used, as the end of a sentence about it; then there is no address, and ``next_step`` says what to do.
    """

    name: str = "default"
    source: str = ""
    address: str = DEFAULT_SOCKET
    tls: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    next_step: str = ""


class _Unusable(Exception):
    """A context that cannot be used: why, and the next step."""

    def __init__(self, fault: str, next_step: str) -> None:
        super().__init__(fault)
        self.fault, self.next_step = fault, next_step


def current_context() -> DockerContext:
    """The context that the docker command would use. Raises nothing: a broken one has a ``fault``."""
    from docker.context.config import get_current_context_name

    folder = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    # docker-py then looks in other folders, the docker command does not.
    configured = _can_be_read(folder / "config.json")
    name, source = os.environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name and configured:
        name, source = get_current_context_name(), "config.json"
    if not name or name == "default":
        return DockerContext()
    try:
        address, tls = _load(name, folder, configured=configured)
    except _Unusable as problem:
        leave = "unset DOCKER_CONTEXT" if source == "DOCKER_CONTEXT" else "`docker context use default`"
        step = f"{problem.next_step}; or {leave} to return to the default"
        return DockerContext(name, source, "", fault=problem.fault, next_step=step)
    return DockerContext(name, source, address, tls)


def _can_be_read(file: Path) -> bool:
    """Whether it is there, and this user's to read: another user's HOME is not."""
    return os.access(file, os.R_OK) and file.is_file()


def _load(name: str, folder: Path, *, configured: bool) -> tuple[str, dict[str, str]]:
    """A context's address, and the variables for its certificates. Raises _Unusable."""
    from docker.context import ContextAPI
    from docker.context.config import get_meta_file, get_tls_dir
    from docker.errors import TLSParameterError

    if not configured:
        raise _Unusable(
            f"cannot be read: docker-py looks for contexts next to config.json, and {folder} has none",
            f"`docker context use {name}` writes one",
        )
    again = f"`docker context rm --force {name}`, then create it again"
    certificates = Path(get_tls_dir(name, "docker"))
    try:
        found: Any = ContextAPI.get_context(name)
    except TLSParameterError as error:
        raise _Unusable(f"cannot be used: {certificates} is damaged ({_reason(error)})", again) from error
    except Exception as error:  # docker-py raises a bare Exception, KeyError, AttributeError and others
        what = f"cannot be read: {get_meta_file(name)} is damaged ({_reason(error)})"
        raise _Unusable(what, again) from error
    if found is None:
        what = f"does not exist: there is none of that name in {folder / 'contexts'}"
        raise _Unusable(what, "`docker context ls` lists all")
    if not isinstance(found.Host, str) or not found.Host:
        raise _Unusable(f"has no address for Docker in {get_meta_file(name)}", again)
    if found.TLSConfig is None and not certificates.is_dir():
        return found.Host, {}
    # docker-py takes no certificates for an incomplete set, and would then speak without TLS.
    missing = [one for one in CERTIFICATES if not (certificates / one).is_file()]
    if missing:
        lacks = " and no ".join(missing)
        raise _Unusable(f"has TLS files, but not all: {certificates} has no {lacks}", again)
    return found.Host, {
        "DOCKER_CERT_PATH": str(certificates),
        # The docker command's words for "check the server's certificate" and for "use TLS, check nothing".
        "DOCKER_TLS_VERIFY" if found.TLSConfig.verify else "DOCKER_TLS": "1",
    }


def _reason(error: Exception) -> str:
    """What went wrong, without docker-py's own introduction to it."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    text = " ".join(str(error).split())
    return text.partition(" : ")[2] or text or type(error).__name__
