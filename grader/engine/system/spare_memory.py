"""How much memory can be used without harm: what the machine and control groups leave."""

from __future__ import annotations

import contextlib
from pathlib import Path


def available(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that programs may take before something is swapped out or ended; 0 if unknown.

    The least of proc_meminfo(5)'s MemAvailable and of what the limits of this process's control groups leave,
    in version 2 (`memory.max`) and in version 1 (`memory.limit_in_bytes`).
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (proc / "meminfo").read_text().splitlines()
        machine = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
        return min([machine, *_left_by_groups(proc, cgroups)])
    return 0


def _left_by_groups(proc: Path, cgroups: Path) -> list[int]:
    found: list[int] = []
    for line in (proc / "self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, limit, used = cgroups, "memory.max", "memory.current"
        if controllers:
            root, limit, used = cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            # A container sees its own group at the top, whatever the path says.
            with contextlib.suppress(OSError, ValueError):
                found.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
            if folder == root:
                break
    return found
