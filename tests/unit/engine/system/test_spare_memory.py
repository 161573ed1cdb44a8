"""What may be taken of memory, from made-up files of the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.engine.system import spare_memory

GB = 1 << 30


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: {9 * GB >> 10} kB\nMemAvailable: {8 * GB >> 10} kB\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/user.slice/session\n")
    return tmp_path / "proc"


def group(folder: Path, limit: str, used: int, names: tuple[str, str] = ("max", "current")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"memory.{names[0]}").write_text(f"{limit}\n")
    (folder / f"memory.{names[1]}").write_text(f"{used}\n")


def test_the_machines(proc: Path, tmp_path: Path) -> None:
    group(tmp_path / "cg/user.slice/session", "max", GB)
    assert spare_memory.available(proc, tmp_path / "cg") == 8 * GB


def test_a_group_above_leaves_less(proc: Path, tmp_path: Path) -> None:
    group(tmp_path / "cg/user.slice/session", "max", GB)
    group(tmp_path / "cg/user.slice", str(4 * GB), GB)
    assert spare_memory.available(proc, tmp_path / "cg") == 3 * GB


def test_a_container_sees_its_group_at_the_top(proc: Path, tmp_path: Path) -> None:
    group(tmp_path / "cg", str(2 * GB), GB)
    assert spare_memory.available(proc, tmp_path / "cg") == GB


def test_version_1(proc: Path, tmp_path: Path) -> None:
    (proc / "self/cgroup").write_text("5:cpu,cpuacct:/x\n3:memory:/job\n0::/\n")
    group(tmp_path / "cg/memory/job", str(3 * GB), GB, ("limit_in_bytes", "usage_in_bytes"))
    assert spare_memory.available(proc, tmp_path / "cg") == 2 * GB


def test_nobody_says(tmp_path: Path) -> None:
    assert spare_memory.available(tmp_path, tmp_path) == 0
