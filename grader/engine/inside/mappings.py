"""Shared memory that only mappings hold, for the watchdog: anonymous, or a file in memory that was closed.

Pages that a process has dropped with madvise(2) are in no process's count, and stay in memory as long as
anything maps them. How many there are, nothing tells; so a mapping counts with all that it could hold.
Standard library only.
"""

from __future__ import annotations

import contextlib
import os

_ANONYMOUS = (b"/dev/zero (deleted)", b"/memfd:", b"/SYSV")
_MOST_TEXT = 8 << 20


def proportional(pids: list[int]) -> tuple[int, int]:
    """Bytes of memory that belong to these processes alone, and their share of what several map."""
    sums = {b"Pss_Anon:": 0, b"Pss_Shmem:": 0}
    for pid in pids:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as handle:
            for line in handle:
                name, value, *_ = line.split()
                if name in sums:
                    sums[name] += int(value) << 10
    return sums[b"Pss_Anon:"], sums[b"Pss_Shmem:"]


def shared_in_memory() -> int:
    """Bytes that all files in memory and all shared memory of the machine take."""
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", "rb") as file:
        for line in file:
            if line.startswith(b"Shmem:"):
                return int(line.split()[1]) << 10
    return 0


def held(pids: list[int]) -> int:
    """Bytes that shared mappings of these processes may hold, each piece of memory once.

    Left out: what is open, too, which is counted where it is open (``descriptors``).
    """
    sizes: dict[bytes, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/maps", "rb") as file:
            for line in file.read(_MOST_TEXT).splitlines():
                # proc_pid_maps(5): range, rights with `s` for shared, offset, device, inode, path.
                fields = line.split(None, 5)
                if len(fields) == 6 and fields[1].endswith(b"s") and fields[5].startswith(_ANONYMOUS):
                    start, _, end = fields[0].partition(b"-")
                    size = int(fields[2], 16) + int(end, 16) - int(start, 16)
                    sizes[fields[4]] = max(size, sizes.get(fields[4], 0))
    opened = _open(pids) if sizes else set()
    return min(sum(size for inode, size in sizes.items() if inode not in opened), shared_in_memory())


def _open(pids: list[int]) -> set[bytes]:
    """Inodes of the files in memory that these processes have open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(entry.path).startswith("/memfd:"):
                        found.add(b"%d" % os.stat(entry.path).st_ino)
    return found
