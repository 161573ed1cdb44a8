"""What a Debian machine notes about itself: its packages, users and groups, read from its own files.

Formats: deb-control(5), dpkg-query(1), passwd(5), group(5), shadow(5). Each reads tolerantly: a line that
does not follow the format is skipped, as the tools do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

STATUS_FILE = "/var/lib/dpkg/status"
RECORDS = "/var/lib/dpkg/info"
MAX_STATUS_BYTES = 4 * 1024 * 1024
"""Of a machine with some thousand packages."""


@dataclass(frozen=True)
class Package:
    """One package in dpkg's list. ``state``: installed, config-files, half-installed, unpacked ..."""

    name: str
    state: str
    version: str

    @property
    def installed(self) -> bool:
        return self.state == "installed"


@dataclass(frozen=True)
class PackageSource:
    """A package where it comes from: its version, and the MD5 of each of its files by path."""

    version: str
    files: dict[str, str]


@dataclass(frozen=True)
class User:
    """A line of ``/etc/passwd``: the number is that of the main group."""

    name: str
    group_number: str


@dataclass(frozen=True)
class Group:
    """A line of ``/etc/group``, without the users that have it as their main group."""

    name: str
    number: str
    members: tuple[str, ...]


def packages(status: str) -> dict[str, Package]:
    """The packages that ``/var/lib/dpkg/status`` lists, by name."""
    found = {}
    for stanza in status.split("\n\n"):
        fields = dict(_fields(stanza))
        name = fields.get("Package", "")
        # "install ok installed": what is wanted, whether there was an error, and how it is.
        words = fields.get("Status", "").split()
        if name and len(words) == 3:
            found[name] = Package(name, words[2], fields.get("Version", ""))
    return found


def _fields(stanza: str) -> Iterator[tuple[str, str]]:
    for line in stanza.splitlines():
        name, colon, value = line.partition(":")
        if colon and name and not name[0].isspace():
            yield name, value.strip()


def checksums(md5sums: str) -> dict[str, str]:
    """The files of a package and their MD5, from its ``md5sums``; paths begin with a slash."""
    rows = (line.split(maxsplit=1) for line in md5sums.splitlines())
    return {f"/{row[1].lstrip('/')}": row[0] for row in rows if len(row) == 2}


def users(passwd: str) -> dict[str, User]:
    """The users of a passwd file; of two lines for one name the first counts."""
    found: dict[str, User] = {}
    for line in passwd.splitlines():
        parts = line.split(":")
        if len(parts) == 7 and parts[2].isdecimal() and parts[3].isdecimal():
            found.setdefault(parts[0], User(parts[0], parts[3]))
    return found


def groups(text: str) -> dict[str, Group]:
    """The groups of a group file; of two lines for one name the first counts."""
    found: dict[str, Group] = {}
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) == 4 and parts[2].isdecimal():
            members = tuple(name for name in parts[3].split(",") if name)
            found.setdefault(parts[0], Group(parts[0], parts[2], members))
    return found
