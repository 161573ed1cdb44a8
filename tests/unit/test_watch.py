"""What the watchdog counts as memory; the limits themselves are tested on engines."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from grader.engine import watch

SHARED_MEMORY = "/dev/shm"


def device(path: str) -> int:
    return Path(path).stat().st_dev


def test_a_memory_file_system_is_counted_once() -> None:
    with tempfile.NamedTemporaryFile(dir=SHARED_MEMORY) as handle:
        handle.write(b"x" * (3 << 20))
        handle.flush()
        seen: set[int] = set()
        held = watch._in_memory_files(os.getpid(), seen, lambda point: point == SHARED_MEMORY)
        assert 3 << 20 <= held <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert seen == {device(SHARED_MEMORY)}
        assert watch._in_memory_files(os.getpid(), seen, lambda point: point == SHARED_MEMORY) == 0


def test_a_mount_that_has_gone_is_not_the_disk_below(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container that ended between two looks at its mounts: its path now leads to the engine's disk."""
    gone = device(SHARED_MEMORY) + 12345
    monkeypatch.setattr(watch, "_mounts", lambda _: iter([(str(tmp_path), "tmpfs", gone)]))
    seen: set[int] = set()
    assert watch._in_memory_files(os.getpid(), seen, lambda _: True) == 0
    assert seen == set()


def test_mounts_say_which_device_they_are() -> None:
    found = {point: (kind, number) for point, kind, number in watch._mounts(os.getpid())}
    assert found[SHARED_MEMORY] == ("tmpfs", device(SHARED_MEMORY))
    assert found["/proc"][0] == "proc"
