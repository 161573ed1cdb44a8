"""Memory behind the open files of processes that no mapping and no mount shows, for the watchdog.

Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import NamedTuple

from grader.engine.inside import in_flight, sockets
from grader.engine.system import linux

SOCKET, PIPE = 212_992, 64 << 10
"""Bytes in a socket and in a pipe of the engine's own, which is trusted: at most, by Linux's defaults."""


class Found(NamedTuple):
    """Bytes behind open files; what holds more than that shows; how many files are open."""

    size: int
    waiting: list[in_flight.Waiting]
    opened: int


def look(pids: list[int], most: int, *, trusted: bool) -> Found:
    """What these processes have open. It ends where they have more than ``most``."""
    sizes: dict[object, int] = {}
    waiting: list[in_flight.Waiting] = []
    opened = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                opened += 1
                if opened > most:
                    return Found(sum(sizes.values()), waiting, opened)
                with contextlib.suppress(OSError, ValueError):
                    target = os.readlink(entry.path)
                    if target.startswith(in_flight.MEMORY_FILE):
                        found = os.stat(entry.path)
                        sizes[found.st_ino] = found.st_blocks * 512
                    elif target in sizes:
                        continue
                    elif more := in_flight.waiting(pid, entry.name, target):
                        waiting.append(more)
                    if target.startswith("socket:"):
                        sizes[target] = SOCKET if trusted else sockets.held(pid, entry.name)
                    elif target.startswith("pipe:") or (target.startswith("/") and _is_pipe(entry.path)):
                        sizes[target] = PIPE if trusted else _room(pid, entry.name)
    return Found(sum(sizes.values()), waiting, opened)


def _is_pipe(path: str) -> bool:
    return stat.S_ISFIFO(os.stat(path).st_mode)


def _room(pid: int, descriptor: str) -> int:
    """Bytes that a pipe may hold; a page for each write, so how many wait says less."""
    taken = linux.take_descriptor(pid, int(descriptor))
    try:
        return fcntl.fcntl(taken, fcntl.F_GETPIPE_SZ)
    finally:
        os.close(taken)
