"""Image references: the many ways to write one name, made equal."""

from __future__ import annotations

import re

_HUBS = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


def familiar(ref: str) -> str:
    """The short form with its tag: ``docker.io/library/debian`` and ``debian`` are ``debian:latest``.

    A reference by digest keeps its digest and loses its tag, as the engine does; an id stays as it is.
    """
    ref = ref.strip()
    if ref.startswith("sha256:"):
        return ref
    for hub in _HUBS:
        if ref.startswith(hub):
            ref = ref.removeprefix(hub)
            break
    ref = ref.removeprefix("library/")
    name, at, digest = ref.partition("@")
    folder, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    if at:
        return f"{folder}{slash}{base}@{digest}"
    return f"{folder}{slash}{base}:{tag or 'latest'}"


def repository(ref: str) -> str:
    """The name without tag or digest: ``debian`` for ``debian:trixie``."""
    name = familiar(ref).partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def id_prefix(ref: str) -> str:
    """The hexadecimal digits when ``ref`` can be an id (12 digits or more), else ``""``."""
    match = _ID.fullmatch(ref.strip())
    return match.group(1) if match else ""
