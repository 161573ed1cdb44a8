"""What Linux limits for a whole machine, or for one of its users, and how much of it an engine may take.

To Linux, the users of two sandboxes are the same, and pseudo-terminals, watches of
epoll and contexts of asynchronous input and output belong to no control group. What can be given a number
where it is mounted gets one; the watchdog counts the rest. Standard library only: inside of a sandbox, too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from grader.engine.system.package import file_text

PTYS = 64
"""Pseudo-terminals of an engine and its kernels: devpts(5), ``max=``. A machine has 3,072 for all."""
CONTAINERS_PTYS = 8
"""Those of one container: `docker run -t` takes one, each `docker exec -t` another."""
MOST_WATCHES = 1 << 16
"""Watches of epoll(7) in one sandbox; fewer where a user has fewer than sixteen times as many."""
AIO_SHARE = 16
"""A sandbox may have one part in this many of the machine's events of asynchronous input and output."""
NEARLY = 0.95
"""Above this share a number counts as used up."""
_AIO_EVENT = 64
_MOST_TEXT = 8 << 20

STUDENT = "/sys/fs/cgroup/student"
"""The group of all that is a student's, where an engine has groups."""
RUNTIME, RUNC = "/run/dockbook/bounded-runtime", "/usr/local/sbin/runc"
_MARK = "bounds what containers share with the whole machine"
_WRAPPER = file_text("engine/inside/files/bounded-runtime.sh")
_GUARD = file_text("engine/inside/files/bounded-guard.sh")


def bound_containers(runtime: str, *, guarded: bool = False) -> str:
    """Put a script before the OCI runtime, and before the runc that BuildKit finds; the script's path.

    ``guarded``: as the authorization plugin does, it refuses what would run outside the containers' place.
    """
    _write(RUNTIME, runtime, guarded=guarded)
    following = "/usr/sbin/runc"
    if os.path.exists(RUNC) and not _ours(RUNC):
        following = f"{RUNC}.plain"
        os.rename(RUNC, following)
    elif os.path.exists(f"{RUNC}.plain"):
        following = f"{RUNC}.plain"
    _write(RUNC, following, guarded=guarded)
    return RUNTIME


def _write(path: str, following: str, *, guarded: bool) -> None:
    text = _WRAPPER.replace("@GUARD@\n", _GUARD.replace("@STUDENT@", STUDENT) if guarded else "")
    text = text.replace("@MARK@", _MARK).replace("@PTYS@", str(CONTAINERS_PTYS))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("@NEXT@", following))
    os.chmod(path, 0o755)


def _ours(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return _MARK in file.read(1000)


# -- counted by the watchdog


def most_watches() -> int:
    """Watches of epoll that one sandbox may have."""
    of_user = _number("/proc/sys/fs/epoll/max_user_watches")
    return min(MOST_WATCHES, of_user // 16) if of_user else MOST_WATCHES


def watches(pids: Iterable[int]) -> int:
    """Watches of the epoll descriptors that these processes have open; of very many, at least this many."""
    total, left = 0, _MOST_TEXT
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if left > 0 and os.readlink(entry.path) == "anon_inode:[eventpoll]":
                        text = _read(f"/proc/{pid}/fdinfo/{entry.name}", left)
                        total += text.count(b"tfd:")
                        left -= len(text)
    return total


def aio_scarce() -> bool:
    """Whether the machine's asynchronous input and output is used so much that its users must be found."""
    return _number("/proc/sys/fs/aio-nr") > aio_share()


def aio_share() -> int:
    """Events of asynchronous input and output that one sandbox may have."""
    return _number("/proc/sys/fs/aio-max-nr") // AIO_SHARE


def aio(pids: Iterable[int]) -> int:
    """About how many such events these processes have asked for: io_setup(2) maps a ring for them."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in _read(f"/proc/{pid}/maps", _MOST_TEXT).splitlines():
                if b"/[aio]" in line:
                    start, end = line.split(b" ", 1)[0].split(b"-")
                    total += (int(end, 16) - int(start, 16)) // _AIO_EVENT
    return total


# -- asked by the grader


def shortage() -> str:
    """What this machine has run out of, in words; empty: nothing that is known of."""
    ptys = _number("/proc/sys/kernel/pty/max") - _number("/proc/sys/kernel/pty/reserve")
    if ptys > 0 and _number("/proc/sys/kernel/pty/nr") >= ptys:
        return "pseudo-terminals"
    if _number("/proc/sys/fs/aio-nr") > NEARLY * (_number("/proc/sys/fs/aio-max-nr") or 1 << 60):
        return "contexts for asynchronous input and output"
    files = _read("/proc/sys/fs/file-nr", 100).split()
    if len(files) == 3 and int(files[0]) > NEARLY * int(files[2]):
        return "open files"
    most = min(
        _number("/proc/sys/kernel/pid_max") or 1 << 30, _number("/proc/sys/kernel/threads-max") or 1 << 30
    )
    threads = _read("/proc/loadavg", 100).split()
    if len(threads) > 3 and int(threads[3].partition(b"/")[2] or 0) > NEARLY * most:
        return "processes and threads"
    return ""


def _number(path: str) -> int:
    try:
        return int(_read(path, 100))
    except ValueError:
        return 0


def _read(path: str, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return b""
