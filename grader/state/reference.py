"""Image references: the many ways to write one name, made equal.

The grammar and Docker Hub's short forms are those of https://github.com/distribution/reference, which every
Docker client and engine uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_HUB = "docker.io"
_HUBS = (_HUB, "index.docker.io")
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_COMPONENT}(?:\.{_COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_MOST_CHARS = 255


@dataclass(frozen=True)
class Reference:
    """An image's name in parts. ``domain`` is never empty; ``tag`` and ``digest`` are where not written."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def split(cls, text: str) -> Self:
        """The parts of a name, completed as Docker does it, whether Docker would take the name or not."""
        name, _, digest = text.strip().partition("@")
        domain, slash, rest = name.partition("/")
        if not slash or not (set(domain) & set(".:") or domain == "localhost" or domain != domain.lower()):
            domain, rest = _HUB, name
        elif domain in _HUBS:
            domain = _HUB
        folder, slash, last = rest.rpartition("/")
        base, _, tag = last.partition(":")
        path = f"{folder}{slash}{base}"
        if domain == _HUB and "/" not in path:
            path = f"library/{path}"
        return cls(domain, path, tag, digest)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The same for a name that Docker takes; None for one that it refuses."""
        found = cls.split(text)
        fits = (
            _DOMAIN.fullmatch(found.domain)
            and _PATH.fullmatch(found.path)
            and (not found.tag or _TAG.fullmatch(found.tag))
            and (not found.digest or _DIGEST.fullmatch(found.digest))
        )
        long = len(f"{found.domain}/{found.path}") > _MOST_CHARS
        dangling = text.strip().endswith((":", "@"))
        return found if fits and not long and not dangling and not _is_id(text) else None

    @property
    def repository(self) -> str:
        """The short form of the name without tag and digest: ``debian``, ``ghcr.io/ada/greet``."""
        if self.domain != _HUB:
            return f"{self.domain}/{self.path}"
        official = self.path.removeprefix("library/")
        return self.path if "/" in official else official

    @property
    def tagged(self) -> str:
        """The short form with the tag that Docker reads: ``debian:latest``."""
        return f"{self.repository}:{self.tag or 'latest'}"


def familiar(ref: str) -> str:
    """The short form with its tag: ``docker.io/library/debian`` and ``debian`` are ``debian:latest``.

    A reference by digest keeps its digest and loses its tag, as the engine does; an id is not changed.
    """
    ref = ref.strip()
    if ref.startswith("sha256:"):
        return ref
    named = Reference.split(ref)
    return f"{named.repository}@{named.digest}" if named.digest else named.tagged


def repository(ref: str) -> str:
    """The name without tag or digest: ``debian`` for ``debian:trixie``."""
    return Reference.split(ref).repository


def id_prefix(ref: str) -> str:
    """The hexadecimal digits when ``ref`` can be an id (12 digits or more), else ``""``."""
    match = _ID.fullmatch(ref.strip())
    return match.group(1) if match else ""


def _is_id(text: str) -> bool:
    """Whether Docker takes it for an image's id whatever else it could name."""
    return re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", text.strip()) is not None
