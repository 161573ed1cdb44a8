"""Ranges of subordinate ids, subuid(5): which are taken, and one that is free. Standard library only."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

COUNT = 65536
FILES = {"uid": "/etc/subuid", "gid": "/etc/subgid"}
USERS = "/etc/passwd"
FIRST = 100000
"""Where useradd(8) takes ranges from when /etc/login.defs says nothing else."""

Range = tuple[int, int]
"""The first id, and how many."""


def range_of(kind: str, user: str, uid: int, files: Mapping[str, str] = FILES) -> Range | None:
    """The first range of at least 65,536 ids of a user, of ``uid`` or ``gid``.

    From the file, or from `getsubids`, which asks a directory service if /etc/nsswitch.conf names one.
    """
    lines = [line.split(":") for line in _lines(files[kind])]
    own = [line[1:] for line in lines if len(line) == 3 and line[0] in (user, str(uid))]
    return _first_large(own) or _of_directory(kind, user)


def _of_directory(kind: str, user: str) -> Range | None:
    subid = any(re.match(r"\s*subid:", line) for line in _lines("/etc/nsswitch.conf"))
    program = shutil.which("getsubids") if subid else None
    if not program:
        return None
    argv = [program, *(["-g"] if kind == "gid" else []), user]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False)
        # Each line has a number, the user, the first id and how many.
        return _first_large([line.split()[2:4] for line in done.stdout.splitlines()])
    return None


def _first_large(found: Iterable[list[str]]) -> Range | None:
    for pair in found:
        if len(pair) == 2 and all(part.isdigit() for part in pair) and int(pair[1]) >= COUNT:
            return int(pair[0]), COUNT
    return None


def advice(user: str, uid: int, files: Mapping[str, str] = FILES, users: str = USERS) -> str:
    """The command that gives a user what ``range_of`` misses: unused ids.

    A user from a directory service is not in /etc/passwd, and usermod knows only those.
    """
    missing = [kind for kind in files if range_of(kind, user, uid, files) is None]
    start = free_range(files, uid)
    if any(line.split(":")[0] == user for line in _lines(users)):
        options = " ".join(f"--add-sub{kind}s {start}-{start + COUNT - 1}" for kind in missing)
        return f"sudo usermod {options} {user}"
    return f"echo {user}:{start}:{COUNT} | sudo tee --append {' '.join(files[kind] for kind in missing)}"


def free_range(files: Mapping[str, str] = FILES, uid: int = 0) -> int:
    """The first id of 65,536 that are in no range, neither of users nor of groups, and not ``uid``."""
    taken = [(uid, 1)]
    for path in files.values():
        for line in _lines(path):
            parts = line.split(":")
            if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
                taken.append((int(parts[1]), int(parts[2])))
    start = _login_defs("SUB_UID_MIN", FIRST)
    for first, count in sorted(taken):
        if first < start + COUNT and first + count > start:
            start = first + count
    return start


def _login_defs(name: str, otherwise: int) -> int:
    for line in _lines("/etc/login.defs"):
        parts = line.split()
        if len(parts) == 2 and parts[0] == name and parts[1].isdigit():
            return int(parts[1])
    return otherwise


def _lines(path: str) -> list[str]:
    try:
        text = Path(path).read_text(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines()]
