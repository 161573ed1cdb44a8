"""What engines leave on this machine: one differ of processes, mounts, namespaces, files and the rest.

Processes are told by descent. The tests make themselves a subreaper (prctl(2)): whatever they start and
whoever orphans it, it stays a descendant of theirs, so what others start meanwhile is not ours, and nothing
of ours can hide. The rest is the machine's: every mount of this mount namespace, every control group, every
network device, every abstract socket but those of others' processes, and the files of the folders that an
engine could write to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
BUILDING = "/mmdebstrap."
"""Where an engine image is being made beside the tests, with mounts of its own for a while."""
WAIT_S = 20.0
"""Long enough for a busy machine of two cores; nothing but the kernel's own clean-up happens meanwhile."""


@dataclass(frozen=True)
class Host:
    """A look at this machine. Each entry is a text that says what was found."""

    processes: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    files: frozenset[str]
    cgroups: frozenset[str]
    network: frozenset[str]

    def since(self, before: Host) -> list[str]:
        """What is here and was not then, as lines ``kind: what``."""
        return [
            f"{field.name}: {entry}"
            for field in fields(self)
            for entry in sorted(getattr(self, field.name) - getattr(before, field.name))
        ]


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """While it lasts, orphans of this process's descendants become its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def look() -> Host:
    """Look now."""
    ours = descendants()
    return Host(
        processes=frozenset(_describe(pid) for pid in ours),
        mounts=frozenset(_mounts()),
        namespaces=frozenset(_namespaces(ours)),
        files=frozenset(path for top, depth in places().items() for path in _walk(top, depth)),
        cgroups=frozenset(_cgroups()),
        network=frozenset(_network()),
    )


def left_since(before: Host, *, wait_s: float = WAIT_S, but_files: bool = False) -> list[str]:
    """What is left since ``before``: looked at until nothing is, or the wait is over.

    ``but_files``: apart from files, which nobody may be there to remove.
    """
    deadline = time.monotonic() + wait_s
    while True:
        _reap_orphans()
        left = look().since(before)
        if but_files:
            left = [entry for entry in left if not entry.startswith("files:")]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def descendants(root: int | None = None) -> list[int]:
    """Every process below this one that still runs; dead ones that nobody has asked for do not count."""
    parents: dict[int, int] = {}
    dead = set()
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError):
            state, parent = _stat(pid)[:2]
            parents[pid] = int(parent)
            if state in "ZX":
                dead.add(pid)
    top = root or os.getpid()
    found = []
    for pid in parents:
        above, steps = pid, 0
        while above in parents and above != top and steps < 1000:
            above, steps = parents[above], steps + 1
        if above == top and pid != top and pid not in dead:
            found.append(pid)
    return found


def keepers(root: int | None = None) -> set[int]:
    """Those of ``descendants`` that keep an engine."""
    return named("dockbook-keeper", root)


def named(name: str, root: int | None = None) -> set[int]:
    """Those of ``descendants`` that are called so: process numbers start again some day."""
    found = set()
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n":
                found.add(pid)
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on: state, parent, ..., start time (index 19)."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _describe(pid: int) -> str:
    with contextlib.suppress(OSError, ValueError):
        started = _stat(pid)[19]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{pid} (started {started}) {words[:120].strip()}"
    return f"{pid} (just ended)"


def _reap_orphans() -> None:
    """Children that are dead, and that no test waits for, are nobody's but ours to reap."""
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError):
            state, parent = _stat(pid)[:2]
            if state == "Z" and int(parent) == os.getpid() and pid not in KEPT:
                os.waitpid(pid, os.WNOHANG)


KEPT: set[int] = set()
"""Processes whose exit status a test still wants: not to be reaped as orphans."""


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        parts = line.split(" - ")
        left, right = parts[0].split(), parts[1].split()
        if BUILDING in left[4]:
            continue
        yield f"{right[0]} {right[1]} on {left[4]} (root {left[3]})"


def _namespaces(pids: list[int]) -> Iterator[str]:
    yield from (str(link.readlink()) for link in Path("/proc/self/ns").iterdir())
    for folder in (Path(f"/proc/{pid}/{name}") for pid in pids for name in ("ns", "fd")):
        with contextlib.suppress(OSError):
            for link in folder.iterdir():
                with contextlib.suppress(OSError):
                    target = str(link.readlink())
                    if re.fullmatch(r"(cgroup|ipc|mnt|net|pid|time|user|uts):\[\d+\]", target):
                        yield target


def places() -> dict[Path, int]:
    """Folders that an engine, or what breaks out of one, would write to, and how deep to look."""
    from grader import paths

    return {
        # The tests have a temporary folder of their own: others use the machine's meanwhile.
        Path(os.environ.get("TMPDIR") or "/tmp"): 3,
        Path("/var/tmp"): 1,
        Path("/run"): 1,
        Path("/var/lib"): 1,
        Path("/etc/docker"): 2,
        Path("/dev/shm"): 4,
        # Sockets, the state of labs; an image's files have a check of their own.
        Path(os.environ.get("XDG_RUNTIME_DIR") or paths.runtime_folder()): 4,
        Path(os.environ.get("DOCKBOOK_STATE") or paths.state_folder()): 4,
        paths.cache_folder(): 2,
    }


def _walk(folder: Path, depth: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            yield entry.path
            if depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), depth - 1)


def _cgroups(top: str = "/sys/fs/cgroup") -> Iterator[str]:
    for folder, below, _ in os.walk(top):
        yield folder
        # A Docker of the machine's starts and ends containers meanwhile; those of a test's own Docker are
        # asked for by name (``Machine.holds``).
        if Path(folder).name == "docker":
            below[:] = [name for name in below if not re.fullmatch(r"[0-9a-f]{64}", name)]


def _network() -> Iterator[str]:
    for device in Path("/sys/class/net").iterdir():
        yield f"device {device.name}"
    theirs = _sockets(set(_pids()) - {os.getpid(), *descendants()})
    for line in Path("/proc/net/unix").read_text().splitlines():
        if "@" in line and line.split()[6] not in theirs:
            yield f"abstract socket {line[line.index('@') :]}"


def _sockets(pids: set[int]) -> set[str]:
    """The inodes of the sockets that these processes hold."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
