"""The few Linux calls that Python 3.11 does not offer, through ctypes. Standard library only.

The supervising processes of a sandbox import this before they leave the host's file system, so nothing
here may import lazily. Numbers are those of ``<sched.h>``, ``<sys/mount.h>`` and ``<sys/prctl.h>``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8  # the ST_ flags of statvfs(3) have the same numbers as far as NOEXEC
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_SYS_PIDFD_GETFD = 438  # the same everywhere
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)
_machine = os.uname().machine


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def supported() -> bool:
    """Whether this is Linux, and the numbers of its architecture are known (x86_64 and aarch64)."""
    return sys.platform == "linux" and _machine in _SYS_CLONE


def clone(flags: int) -> int:
    """Fork into new namespaces; 0 in the child, which is pid 1 there when ``flags`` has CLONE_NEWPID.

    A plain fork followed by unshare would need one more process, since only a child enters a new pid
    namespace. Call it from a single-threaded process: no atfork handler runs.
    """
    number = ctypes.c_long(_SYS_CLONE[_machine])
    zero = ctypes.c_ulong(0)
    argument = ctypes.c_ulong(flags | signal.SIGCHLD)
    return _check(_libc.syscall(number, argument, zero, zero, zero, zero), "clone")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def take_descriptor(pid: int, number: int) -> int:
    """A descriptor for what another process has open under this number: pidfd_getfd(2)."""
    process = os.pidfd_open(pid)
    try:
        wanted = (ctypes.c_long(_SYS_PIDFD_GETFD), ctypes.c_int(process), ctypes.c_int(number))
        return _check(_libc.syscall(*wanted, ctypes.c_uint(0)), "pidfd_getfd")
    finally:
        os.close(process)


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """mount(2); the error names both ends."""
    result = _libc.mount(_bytes(source), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(data))
    _check(result, f"mount {kind or 'bind'} {source} on {target}")


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Bind ``source`` on ``target``; a read-only bind needs a second call, as the kernel wants it.

    Where the source is mounted ``noexec``, so is the bind: in a user namespace the flags of a mount of the
    host's are locked, and a call that leaves one out is refused (mount_namespaces(7)).
    """
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        locked = os.statvfs(target).f_flag & os.ST_NOEXEC
        mount("none", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | locked)


def remount_writable(target: str) -> None:
    """Make a read-only mount writable: the mount itself, and the file system if that is not enough."""
    for flags in (MS_REMOUNT | MS_BIND, MS_REMOUNT):
        if os.statvfs(target).f_flag & os.ST_RDONLY:
            mount("none", target, flags=flags | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def detach(target: str) -> None:
    """Unmount ``target`` and what is below it, now or as soon as it is no longer in use."""
    _check(_libc.umount2(_bytes(target), ctypes.c_int(MNT_DETACH)), f"umount {target}")


def pivot_root_here(new_root: str) -> None:
    """Make ``new_root`` (a mount) the root, with the old root gone from view."""
    os.chdir(new_root)
    number = ctypes.c_long(_SYS_PIVOT_ROOT[_machine])
    # pivot_root(".", ".") stacks the old root on the new one: pivot_root(2), "Notes".
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    detach(".")
    os.chdir("/")


def set_hostname(name: str) -> None:
    """Name of this UTS namespace."""
    encoded = name.encode()
    _check(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """A signal for this process when the *thread* that made it ends. Cleared by a change of credentials.

    Nothing on another system than Linux.
    """
    if sys.platform == "linux":
        _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0), "prctl PDEATHSIG")


def adopt_orphans() -> None:
    """Processes that descend from this one and lose their parent become its children, to be waited for."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0), "prctl CHILD_SUBREAPER")


def set_name(name: str) -> None:
    """The name that ``ps`` shows for this process (15 bytes); another system than Linux keeps its own."""
    if sys.platform == "linux":
        _check(_libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0), "prctl NAME")


def set_dumpable(value: bool) -> None:
    """Whether same-user processes may trace this one; off, only a privileged process may look inside."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(int(value)), 0, 0, 0), "prctl DUMPABLE")


def no_new_privileges() -> None:
    """No later exec may gain privileges."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0), "prctl NO_NEW_PRIVS")


def link_up(interface: str) -> None:
    """Bring a network interface up in this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", interface.encode(), 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags | _IFF_UP))
