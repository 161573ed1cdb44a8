"""What /proc says of a sandbox's processes, to its process 1. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal


def pids() -> list[int]:
    """Every process of this pid namespace and of those below it."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def parent(pid: int) -> int:
    """The process's parent; 0 if it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as handle:
        return int(handle.read().rpartition(")")[2].split()[1])
    return 0


def kill_contained() -> None:
    """SIGKILL for every process in a pid namespace below this one: containers, steps of builds, kernels."""
    own = os.readlink("/proc/self/ns/pid")
    for pid in pids():
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/ns/pid") != own:
                os.kill(pid, signal.SIGKILL)
