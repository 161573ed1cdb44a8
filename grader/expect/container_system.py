"""Questions about a container that acts as a machine: its packages, users and groups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Self

from grader.expect.container_setup import ContainerSetup
from grader.expect.words import listing, quote
from grader.state import debian
from grader.state.debian import Group, Package, PackageSource, User

_ESSENTIAL = ("base-files", "dpkg")
"""Without these a list of packages does not belong to a Debian."""
_PROGRAMS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/")
_STATES = {
    "config-files": "removed, its configuration kept",
    "half-installed": "half installed",
    "unpacked": "unpacked, not set up",
    "half-configured": "half set up",
}


class ContainerSystem(ContainerSetup):
    """The part of ``engine.container("name")`` that reads what a Debian system in it records about itself.

    One file can be written by hand. So what is asked must be the same in all that dpkg keeps of a package,
    and, where the package source can be looked at, the same as there.
    """

    # Packages

    def has_package(self, name: str) -> Self:
        """This package is installed: by dpkg's list, its records and its programs, which agree.

        Example: ``engine.container("shelf").has_package("curl")``
        """
        what, package = f"package {name}", self._packages.get(name)
        hint = (
            f'`docker exec {self.box.name} sh -c "apt-get update && apt-get install -y '
            f'--no-install-recommends {name}"` installs it.'
        )
        if package is None or not package.installed:
            return self.differs(what, "installed", self._state(package), hint)
        noted = debian.checksums(self._text(f"{debian.RECORDS}/{name}.md5sums"))
        source = self.context.inspector.package(name)
        wanted = source.files if source else noted
        wrong = [path for path in wanted if path.startswith(_PROGRAMS) and not self._is(path, wanted[path])]
        if not noted or noted != wanted or (source and source.version != package.version):
            wrong.insert(0, "dpkg's records of it")
        if wrong:
            found = f"in dpkg's list, and {listing(wrong, 3)} not as in the package"
            repair = f"`docker exec {self.box.name} apt-get install -y --reinstall {name}` fixes that."
            self.differs(what, "installed", found, repair)
        return self

    def lacks_package(self, name: str) -> Self:
        """This package is not installed, nor is anything kept of it: it was purged, or never there.

        Example: ``engine.container("shelf").lacks_package("vim")``
        """
        what, package = f"package {name}", self._packages.get(name)
        purge = f"`docker exec {self.box.name} apt-get purge -y {name}`"
        if package is not None and package.state != "not-installed":
            return self.differs(what, "purged", self._state(package), f"{purge} takes it off.")
        left = [path for path in self._traces(name) if self.context.inspector.file(self.box.id, path)]
        if left:
            hint = "Remove it with apt-get or dpkg, which remove all its files and its entry."
            self.differs(what, "purged", f"not in dpkg's list, and {listing(left, 3)} still there", hint)
        return self

    def _traces(self, name: str) -> list[str]:
        source: PackageSource | None = self.context.inspector.package(name)
        files = [path for path in (source.files if source else ()) if "/share/" not in path]
        return [f"{debian.RECORDS}/{name}.list", f"{debian.RECORDS}/{name}.md5sums", *files]

    def _state(self, package: Package | None) -> str:
        if package is not None:
            return _STATES.get(package.state, package.state)
        if any(name not in self._packages for name in _ESSENTIAL):
            return "no list of Debian packages"
        return "not installed"

    def _is(self, path: str, digest: str) -> bool:
        return self.context.inspector.file_digest(self.box.id, path) == digest

    @cached_property
    def _packages(self) -> Mapping[str, Package]:
        return debian.packages(self._text(debian.STATUS_FILE))

    def _text(self, path: str) -> str:
        there = self.context.inspector.file(self.box.id, path, debian.MAX_STATUS_BYTES)
        return there.text if there else ""

    # Users and groups

    def has_user(self, name: str) -> Self:
        """This user is there, with a main group of the same name, as ``useradd`` makes it.

        Example: ``engine.container("shelf").has_user("ann")``
        """
        what, user = f"user {name}", self._users.get(name)
        if user is None:
            hint = f"`docker exec {self.box.name} useradd {name}` makes it."
            return self.differs(what, "there", "no such user", hint)
        main = next((group for group in self._groups.values() if group.number == user.group_number), None)
        if main is None or main.name != name:
            hint = (
                f"In this container `userdel {name}`, then `useradd {name}`: without `-g` it gets a group of "
                "its own. Then add it to the others again."
            )
            found = quote(main.name) if main else f"number {user.group_number}, which no group has"
            self.differs(f"{what}, main group", quote(name), found, hint)
        if not any(line.startswith(f"{name}:") for line in self._text("/etc/shadow").splitlines()):
            hint = f"`docker exec {self.box.name} pwconv` completes what was written by hand."
            self.differs(what, "in /etc/passwd and /etc/shadow", "in /etc/passwd alone", hint)
        return self

    def group_holds(self, group: str, *members: str) -> Self:
        """Exactly these users are in the group, whether it is their main one or not.

        Example: ``engine.container("shelf").group_holds("docker", "ann")``
        """
        what, found = f"group {group}", self._groups.get(group)
        if found is None:
            hint = f"`docker exec {self.box.name} groupadd {group}` makes it."
            return self.differs(what, "there", "no such group", hint)
        main = [user.name for user in self._users.values() if user.group_number == found.number]
        inside = [*dict.fromkeys((*found.members, *main))]
        missing = [name for name in members if name not in inside]
        extra = [name for name in inside if name not in members]
        steps = [f"usermod -aG {group} {name}" for name in missing]
        steps += [f"userdel {name}" if name in main else f"gpasswd -d {name} {group}" for name in extra]
        if steps:
            hint = f"In this container: {', '.join(f'`{step}`' for step in steps[:3])}."
            self.differs(f"{what}, members", listing(members), listing(inside), hint)
        return self

    def lacks_group(self, group: str) -> Self:
        """No group has that name.

        Example: ``engine.container("shelf").lacks_group("wheel")``
        """
        if group in self._groups:
            hint = f"`docker exec {self.box.name} groupdel {group}` removes it."
            self.differs(f"group {group}", "gone", "still there", hint)
        return self

    @cached_property
    def _users(self) -> Mapping[str, User]:
        return debian.users(self._text("/etc/passwd"))

    @cached_property
    def _groups(self) -> Mapping[str, Group]:
        return debian.groups(self._text("/etc/group"))
