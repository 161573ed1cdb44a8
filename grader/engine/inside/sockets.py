"""Memory that waits in sockets, for the watchdog: no process maps it, and control groups count some of it.

What was sent and has not been read stays with Linux: socket(7), SO_MEMINFO. So do connections that have not
been accepted, and the rings of packet(7), whose size cannot be read. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Mapping

from grader.engine.system import linux

ITSELF = 4 << 10
"""What Linux keeps of an open socket that holds nothing."""
UNREAD = 16 << 20
"""Bytes that may wait in a TCP connection before it is accepted; in a unix one, where the size is unknown."""
SPARE = 16
"""Connections that a busy server may leave for a moment: the engine's own are in a kernel's table, too."""
_SO_MEMINFO, _SO_DOMAIN, _SO_ACCEPTCONN = 55, 39, 30  # the same on x86_64 and aarch64
_MEMINFO = struct.Struct("9I")
_SOL_PACKET, _PACKET_VERSION = 263, 10
_UNACKED = slice(24, 28)  # tcpi_unacked of struct tcp_info: of a listener, the connections that wait


def held(pid: int, descriptor: str | int) -> int:
    """Bytes that a process's socket holds. Raises OSError if the process or the socket has gone."""
    taken = linux.take_descriptor(pid, int(descriptor))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=taken) as one:
        return of(one)


def of(one: socket.socket) -> int:
    """Bytes that this socket holds, whatever Python takes it for. Raises OSError if it is none."""
    domain = one.getsockopt(socket.SOL_SOCKET, _SO_DOMAIN)
    found = one.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    received, _, sent, _, forward, queued, options, backlog, _ = _MEMINFO.unpack(found.ljust(36, b"\0"))
    total: int = ITSELF + received + max(sent, queued) + forward + options + backlog
    if domain in (socket.AF_INET, socket.AF_INET6) and one.getsockopt(socket.SOL_SOCKET, _SO_ACCEPTCONN):
        with contextlib.suppress(OSError):  # not TCP
            told = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED.stop)
            total += int.from_bytes(told[_UNACKED], "little") * UNREAD
    return total


def has_ring(one: socket.socket) -> bool:
    """Whether a packet socket has a ring: then its version, set to what it is, is refused."""
    version = one.getsockopt(_SOL_PACKET, _PACKET_VERSION)
    try:
        one.setsockopt(_SOL_PACKET, _PACKET_VERSION, version)
    except OSError:
        return True
    return False


class Rings:
    """Finds rings of packets, which no control group counts; honest work here has none."""

    def __init__(self) -> None:
        self._hidden: set[int] = set()

    def of(self, groups: Mapping[str, list[int]]) -> dict[str, int]:
        """How many each group of processes has; a socket without an owner twice in a row counts as one."""
        users: dict[int, set[str]] = {}
        for name, pids in groups.items():
            for inode in _packet_sockets(pids):
                users.setdefault(inode, set()).add(name)
        found = dict.fromkeys(groups, 0)
        if not users:
            return found
        known: set[int] = set()
        for name, pids in groups.items():
            for pid in pids:
                with contextlib.suppress(OSError):
                    for entry in os.scandir(f"/proc/{pid}/fd"):
                        with contextlib.suppress(OSError, ValueError):
                            inode = _inode(os.readlink(entry.path))
                            if inode in users and inode not in known:
                                found[name] += _taken_has_ring(pid, entry.name)
                                known.add(inode)
        hidden = users.keys() - known  # one that was sent on and not received, or is closed by now
        for inode in hidden & self._hidden:
            for name in users[inode]:
                found[name] += 1
        self._hidden = hidden
        return found


def _packet_sockets(pids: list[int]) -> set[int]:
    """Inodes of the packet sockets in these processes' network namespaces."""
    found: set[int] = set()
    for pid in _by_network(pids):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/packet", "rb") as handle:
            # sk RefCnt Type Proto Iface R Rmem User Inode
            found.update(int(line.split()[8]) for line in list(handle)[1:])
    return found


def _by_network(pids: list[int]) -> list[int]:
    """One of the processes for each network namespace."""
    first: dict[str, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            first.setdefault(os.readlink(f"/proc/{pid}/ns/net"), pid)
    return list(first.values())


def _inode(target: str) -> int:
    return int(target[len("socket:[") : -1]) if target.startswith("socket:[") else 0


def _taken_has_ring(pid: int, descriptor: str) -> bool:
    taken = linux.take_descriptor(pid, int(descriptor))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=taken) as one:
        return has_ring(one)


def unaccepted(pids: list[int]) -> int:
    """Bytes in connections to unix sockets that were not accepted, and whose other end may have gone.

    They are in the table of their network namespace without an inode: proc_pid_net(5).
    """
    waiting = 0
    for pid in _by_network(pids):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/unix", "rb") as handle:
            # Num RefCount Protocol Flags Type St Inode Path
            waiting += sum(line.split(None, 7)[6].strip() == b"0" for line in list(handle)[1:])
    if waiting <= SPARE:
        return 0
    try:
        with open("/proc/sys/net/core/wmem_max") as handle:
            each = 2 * int(handle.read())  # socket(7): SO_SNDBUF is doubled
    except (OSError, ValueError):
        each = UNREAD
    return (waiting - SPARE) * each
