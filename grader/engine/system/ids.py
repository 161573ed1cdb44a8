"""Which ids a sandbox's users are on the host, and how to act as them on files.

A sandbox's root is always a *subordinate* id: neither the person who runs it nor the host's root. What
breaks out of a sandbox then owns no files on the host. An ordinary user has a range in ``/etc/subuid``
(useradd makes it); root, who has none, takes a range that no distribution hands out.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from grader.engine.system import linux, subordinate
from grader.engine.system.package import bare_python
from grader.engine.system.subordinate import COUNT

ROOT_BASE = 0x77770000
"""First id of root's sandboxes: above the ranges of useradd, systemd-nspawn and LDAP setups, below 2**31."""

STUDENT, FIRST_PLACE = 1000, 40_000
"""The student's id in an engine; the ids of a range from here on are unused."""
OWNERS = ".owners"
FAKE = ("fakechroot", "fakeroot", "-i", OWNERS, "-s", OWNERS, "--")
"""Programs that make a command believe that it is root, with the owners noted in its folder."""


class Ids(TypedDict):
    """Start and length of the ranges; ``helpers``: whether newuidmap and newgidmap write the maps.

    ``plain``: no mapping at all, for users who may not make namespaces (``building_ids``); ``fake``: nor is
    it root, and what belongs to whom is written down by fakeroot, in the file ``OWNERS`` of the folder.
    """

    uid: tuple[int, int]
    gid: tuple[int, int]
    helpers: bool
    plain: NotRequired[bool]
    fake: NotRequired[bool]


REAL: Ids = {"uid": (0, COUNT), "gid": (0, COUNT), "helpers": False, "plain": True}
"""No mapping: the ids of the host."""


class NoIds(Exception):
    """No usable range of subordinate ids; ``str()`` says what is missing, ``fix`` the exact command."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def own_ids() -> Ids:
    """The ranges of the calling user. Raises NoIds."""
    uid = os.geteuid()
    if uid == 0:
        return {"uid": (ROOT_BASE, COUNT), "gid": (ROOT_BASE, COUNT), "helpers": False}
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    uids, gids = (subordinate.range_of(kind, user, uid) for kind in ("uid", "gid"))
    for found, name in ((uids, "/etc/subuid"), (gids, "/etc/subgid")):
        if found is None:
            raise NoIds(f"{name} has no range of {COUNT} ids for {user}", subordinate.advice(user, uid))
    for helper in ("newuidmap", "newgidmap"):
        if shutil.which(helper) is None:
            raise NoIds(f"{helper} is not installed", "sudo apt-get install uidmap")
    assert uids and gids
    return {"uid": uids, "gid": gids, "helpers": True}


def building_ids() -> Ids:
    """The ranges that an image's files belong to: ``own_ids``; without namespaces the real ids, or pretended.

    In a `docker build` there is root and there are no user namespaces; in most containers there is neither.
    Raises NoIds.
    """
    unshare = shutil.which("unshare")
    if (
        not unshare
        or not subprocess.run([unshare, "--user", "true"], capture_output=True, check=False).returncode
    ):
        return own_ids()
    if os.geteuid() == 0:
        return REAL
    lacks = [program for program in FAKE[:2] if shutil.which(program) is None]
    if lacks:
        raise NoIds(
            "this user may make no user namespaces here, and nothing else can pretend to be root",
            f"sudo apt-get install {' '.join(lacks)}",
        )
    return REAL | {"fake": True}


def students_place(number: int) -> int:
    """Where in the range an engine's student is to be, so that no other engine's is: for ``write_maps``.

    What Linux limits for each user is then not shared with other engines; that of containers' root still is.
    ``number``: any that differs between engines.
    """
    return FIRST_PLACE + number % (COUNT - 1 - FIRST_PLACE)


def _extents(base: int, count: int, place: int) -> list[tuple[int, int, int]]:
    """The map's lines: first id inside, outside, how many. ``place``: where 1000 is, and what is there at
    1000."""
    if not place:
        return [(0, base, count)]
    above = [(place + 1, base + place + 1, count - place - 1)]
    between = [(STUDENT + 1, base + STUDENT + 1, place - STUDENT - 1), (place, base + STUDENT, 1)]
    return [(0, base, STUDENT), (STUDENT, base + place, 1), *between, *above]


def write_maps(pid: int, ids: Ids, *, owner: bool = False, place: int = 0) -> None:
    """Map ids 0 to 65535 of a new user namespace to the range. Raises OSError.

    ``owner``: 0 is the caller, and the range begins at 1; if there are ``helpers``. ``place``: where in the
    range user 1000 is (``students_place``); 0: unchanged.
    """
    own = {"uid": os.geteuid(), "gid": os.getegid()}
    for kind, (base, count) in (("uid", ids["uid"]), ("gid", ids["gid"])):
        extents = _extents(base, count, place if kind == "uid" else 0)
        if ids["helpers"]:
            argv = [f"new{kind}map", str(pid), *(str(number) for extent in extents for number in extent)]
            if owner:
                argv[2:] = ["0", str(own[kind]), "1", "1", str(base), str(count)]
            child = os.posix_spawnp(argv[0], argv, os.environ)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status:
                raise OSError(f"{argv[0]} ended with status {status}")
        else:
            with open(f"/proc/{pid}/{kind}_map", "w") as handle:
                handle.write("".join("{} {} {}\n".format(*extent) for extent in extents))


def become_root() -> None:
    """Take id 0 of the namespace, which is the range's first id outside; earlier groups are dropped."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def give(ids: Ids, folder: str, names: Sequence[str]) -> None:
    """Make entries of a folder of the caller's the sandbox's root's. Raises OSError.

    For single-threaded processes only: see ``linux.clone``.
    """
    if not ids["helpers"]:
        for name in names:
            os.chown(os.path.join(folder, name), ids["uid"][0], ids["gid"][0])
        return
    pid = enter(ids, folder, owner=True)
    if pid == 0:
        try:
            for name in names:
                os.chown(name, 1, 1)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        raise OSError(f"{folder} could not be handed over to the ids of /etc/subuid")


def enter(ids: Ids, folder: str, *, owner: bool = False) -> int:
    """Fork a child that is root over the range's files, standing in ``folder`` (opened as the caller).

    0 in the child. ``owner``: over the caller's, too, which are 0's there, the range's 1's and so on. For
    single-threaded processes only: see ``linux.clone``.
    """
    if ids.get("plain"):
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
            linux.die_with_parent()
        return pid
    read, write = os.pipe2(os.O_CLOEXEC)
    pid = linux.clone(linux.CLONE_NEWUSER)
    if pid == 0:
        os.close(write)
        os.chdir(folder)
        if os.read(read, 1) != b"m":
            os._exit(1)
        become_root()
        linux.die_with_parent()
        return 0
    os.close(read)
    try:
        write_maps(pid, ids, owner=owner)
        os.write(write, b"m")
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(write)
    return pid


def remove_tree(ids: Ids, folder: str, name: str) -> None:
    """Remove ``folder/name`` with what the range's users left in it. Single-threaded processes only."""
    pid = enter(ids, folder)
    if pid == 0:
        with contextlib.suppress(OSError):
            shutil.rmtree(name, ignore_errors=True)
        os._exit(0)
    os.waitpid(pid, 0)
    shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def command(ids: Ids, folder: str, argv: list[str]) -> list[str]:
    """A command line that runs ``argv`` in ``folder`` as root over the range's files."""
    job = json.dumps({"ids": ids, "folder": folder, "argv": argv})
    return bare_python("grader.engine.system.ids", "main", job)


def remove(path: Path, own: Ids) -> None:
    """Remove a file, or a folder with files of the range's ids in it."""
    if path.is_dir():
        argv = command(own, str(path), ["find", ".", "-mindepth", "1", "-delete"])
        subprocess.run(argv, check=False, capture_output=True)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def main(job: str) -> None:
    """Body of the process that ``command`` describes: ends with the exit code of what it ran."""
    spec = json.loads(job)
    argv = spec["argv"]
    if spec["ids"].get("fake"):
        # fakeroot waits until its helper process has ended: not every container's first
        # process waits for orphans.
        linux.adopt_orphans()
    pid = enter(spec["ids"], spec["folder"])
    if pid == 0:
        try:
            if spec["ids"].get("fake"):
                os.close(os.open(OWNERS, os.O_CREAT | os.O_WRONLY, 0o600))
                argv = [*FAKE, *argv]
            os.execvp(argv[0], argv)
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    while True:
        ended, status = os.wait()
        if ended == pid:
            sys.exit(os.waitstatus_to_exitcode(status))
