"""Memory that no process of a sandbox has open or mapped, for the watchdog where no control group counts it.

A descriptor that was sent over a unix socket and not received yet belongs to no process: unix(7), SCM_RIGHTS.
Linux says how many wait in a socket (``scm_fds`` in /proc/PID/fdinfo, since 5.8), and lets who may trace a
process take that socket (pidfd_getfd(2)) and look at what waits without taking it away. System V's shared
memory, messages and semaphores belong to an IPC namespace, not to a process: sysvipc(7). Standard library
only.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from typing import NamedTuple

from grader.engine.inside import sockets
from grader.engine.system import linux

TOO_MUCH = 1 << 60
"""Bytes assumed for what cannot be counted: honest work does not wait like that."""
MOST = 4096
"""Descriptors that are looked at for one count."""
DEPTH = 8
"""The most levels of sockets that wait in sockets."""
MEMORY_FILE = "/memfd:"
"""How a link in /proc/PID/fd begins that leads to a file of memfd_create(2)."""
_PEEK_OFFSET = 42  # SO_PEEK_OFF of <asm-generic/socket.h>, which Python's socket does not name
_SCM_PIDFD = 4
_ANSWER = 64 << 10
_SEMAPHORE = 128


class Waiting(NamedTuple):
    """What may hold descriptors: its process and its number there. ``known``: it can be looked into."""

    pid: int
    descriptor: int
    known: bool = True


def waiting(pid: int, descriptor: str, target: str) -> Waiting | None:
    """What a process's open file holds besides itself, if anything. ``target``: what its link says it is."""
    if target.startswith("socket:"):
        return Waiting(pid, int(descriptor)) if _number(pid, descriptor, "scm_fds:") else None
    # Files that are registered with a ring need no descriptor any more: io_uring_register(2).
    if target == "anon_inode:[io_uring]" and _number(pid, descriptor, "UserFiles:"):
        return Waiting(pid, int(descriptor), known=False)
    return None


def _number(pid: int | str, descriptor: int | str, name: str) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{descriptor}") as handle:
        for line in handle:
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def size(found: list[Waiting]) -> int:
    """Bytes of the files in memory that wait there."""
    files: dict[tuple[int, int], int] = {}
    left = MOST
    for one in found:
        if not one.known:
            return TOO_MUCH
        try:
            descriptor = linux.take_descriptor(one.pid, one.descriptor)
        except OSError:  # it has ended, or closed it
            continue
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):  # the number is another file's by now
            os.close(descriptor)
            continue
        try:
            left = _look_into(descriptor, files, left, DEPTH)
        except (
            OSError
        ):  # in a connection that was never accepted, for example: there, but it cannot be inspected
            return TOO_MUCH
        if left < 0:
            return TOO_MUCH
    return sum(files.values())


def _look_into(descriptor: int, files: dict[tuple[int, int], int], left: int, depth: int) -> int:
    """Note the files that wait in a socket, which is closed here; how many may still be looked at."""
    with socket.socket(fileno=descriptor) as peer:
        promised, seen = _number("self", descriptor, "scm_fds:"), 0
        for one in _peek(peer):
            seen += 1
            left -= 1
            if left >= 0:
                left = _note(one, files, left, depth)
            else:
                os.close(one)
        # Some are only shown once (messages without a byte); fewer may wait now, since some were received.
        hidden = seen < min(promised, _number("self", descriptor, "scm_fds:"))
        return -1 if hidden else left


def _note(descriptor: int, files: dict[tuple[int, int], int], left: int, depth: int) -> int:
    target = os.readlink(f"/proc/self/fd/{descriptor}")
    if target.startswith("socket:"):
        found = os.fstat(descriptor)
        files[found.st_dev, found.st_ino] = sockets.held(os.getpid(), descriptor)
    if target.startswith("pipe:"):
        found = os.fstat(descriptor)
        files[found.st_dev, found.st_ino] = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    inner = waiting(os.getpid(), str(descriptor), target)
    if inner is not None and inner.known and depth > 0:
        return _look_into(descriptor, files, left, depth - 1)
    if target.startswith(MEMORY_FILE):
        found = os.fstat(descriptor)
        files[found.st_dev, found.st_ino] = found.st_blocks * 512
    os.close(descriptor)
    return -1 if inner is not None else left


def _peek(peer: socket.socket) -> Iterator[int]:
    """Copies of the descriptors that wait in a socket, each the caller's to close; they stay there, too."""
    before = peer.getsockopt(socket.SOL_SOCKET, _PEEK_OFFSET)
    peer.setsockopt(socket.SOL_SOCKET, _PEEK_OFFSET, 0)
    flags = socket.MSG_PEEK | socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    try:
        for _ in range(MOST):
            try:
                _, rights, _, _ = peer.recvmsg(_ANSWER, 2 * socket.CMSG_SPACE(253 * 4), flags)
            except BlockingIOError:
                return
            if not rights:
                continue
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind in (socket.SCM_RIGHTS, _SCM_PIDFD):
                    numbers = array.array("i")
                    numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                    if kind == _SCM_PIDFD:  # a process that asked for credentials gets the sender's, too
                        os.close(numbers[0])
                    else:
                        yield from numbers
    finally:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, _PEEK_OFFSET, before)


# -- System V


def system_v_bytes(pid: int) -> int:
    """Bytes of a process's IPC namespace beyond what processes map; the calling thread moves there.

    What is attached may be in no page table, so it counts here, and a second time where it is mapped.
    """
    namespace = os.open(f"/proc/{pid}/ns/ipc", os.O_RDONLY | os.O_CLOEXEC)
    try:
        linux.setns(namespace, linux.CLONE_NEWIPC)
    finally:
        os.close(namespace)
    shared = sum(row["rss"] for row in _rows("shm"))
    messages = sum(row["cbytes"] for row in _rows("msg"))
    return shared + messages + _SEMAPHORE * sum(row["nsems"] for row in _rows("sem"))


def _rows(kind: str) -> Iterator[dict[str, int]]:
    """A table of /proc/sysvipc, of the namespace that this thread is in."""
    with open(f"/proc/sysvipc/{kind}") as handle:
        names = handle.readline().split()
        for line in handle:
            numbers = line.split()
            yield {name: int(number) for name, number in zip(names, numbers, strict=True) if name != "perms"}
