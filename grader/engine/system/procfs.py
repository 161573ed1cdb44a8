"""What /proc says of a sandbox's processes, to its process 1. Standard library only."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Mount(NamedTuple):
    """A line of ``mountinfo``: the device, what of it is mounted, where, and the file system's type."""

    device: int
    root: str
    point: str
    kind: str


def mountinfo(pid: int | str = "self") -> list[Mount]:
    """What is mounted in a process's namespace. Raises OSError when the process is gone."""
    # Any byte but NUL may be in a name, and others than "\n" end a line for Python's readers.
    text = Path(f"/proc/{pid}/mountinfo").read_bytes().decode(errors="surrogateescape")
    return list(mounts(text.split("\n")))


def mounts(lines: Iterable[str]) -> Iterator[Mount]:
    """What lines of mountinfo say: proc_pid_mountinfo(5), where a space is ``\\040``."""
    for line in filter(None, lines):
        fields = line.rstrip("\n").split(" ")
        root, point = (
            re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), one) for one in fields[3:5]
        )
        yield Mount(os.makedev(*map(int, fields[2].split(":"))), root, point, fields[fields.index("-") + 1])


def pids() -> list[int]:
    """Every process of this pid namespace and of those below it."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def parent(pid: int) -> int:
    """The process's parent; 0 if it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as handle:
        return int(handle.read().rpartition(")")[2].split()[1])
    return 0


def child(pid: int) -> int:
    """The first child of a process that is found; 0 if it has none."""
    return next((one for one in pids() if parent(one) == pid), 0)


def namespace(pid: int) -> str:
    """What tells the pid namespace of a process from others; empty if the process is gone."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")
    return ""


def same_namespace(pid: int) -> list[int]:
    """Every process in the pid namespace of a process, itself included; none if it is gone."""
    wanted = namespace(pid)
    return [one for one in pids() if namespace(one) == wanted] if wanted else []


def kill_contained() -> None:
    """SIGKILL for every process in a pid namespace below this one: containers, steps of builds, kernels."""
    own = namespace(os.getpid())
    for pid in pids():
        if namespace(pid) not in (own, ""):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
