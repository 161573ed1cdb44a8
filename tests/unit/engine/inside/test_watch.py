"""What the watchdog counts as memory; the limits themselves are tested on engines."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.engine.inside import mappings, watch
from grader.engine.system import procfs

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


def test_empty_files_in_memory_are_counted_too() -> None:
    def held() -> int:
        return watch._in_memory_files(os.getpid(), set(), lambda point: point == SHARED_MEMORY)

    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        before = held()
        for number in range(5000):
            Path(folder, str(number)).touch()
        assert held() - before > 4000 * watch.FILE


def test_a_mount_that_has_gone_is_not_the_disk_below(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container that ended between two looks at its mounts: its path now leads to the engine's disk."""
    gone = device(SHARED_MEMORY) + 12345
    monkeypatch.setattr(watch, "_mounts", lambda _: iter([procfs.Mount(gone, "/", str(tmp_path), "tmpfs")]))
    seen: set[int] = set()
    assert watch._in_memory_files(os.getpid(), seen, lambda _: True) == 0
    assert seen == set()


def test_mounts_say_which_device_they_are() -> None:
    found = {one.point: (one.kind, one.device) for one in watch._mounts(os.getpid())}
    assert found[SHARED_MEMORY] == ("tmpfs", device(SHARED_MEMORY))
    assert found["/proc"][0] == "proc"


def group(resident: int) -> dict[str, watch.Group]:
    return {"kernel": watch.Group([os.getpid()], 1, resident)}


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> threading.Lock:
    """Held, it keeps whoever counts exactly: as a process that forks all the time does."""
    held = threading.Lock()

    def proportional(_: list[int]) -> tuple[int, int]:
        with held:
            return 70, 7

    monkeypatch.setattr(mappings, "proportional", proportional)
    return held


def test_memory_is_counted_exactly_where_that_can_be_had(
    lock: threading.Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 60)
    monkeypatch.setattr(watch, "PATIENCE_S", 60)
    count = watch.Count()
    count.start()
    assert count.of(group(1000)) == {"kernel": 77}
    assert count.of(group(1000) | {"new": watch.Group()}) == {"kernel": 77, "new": 77}


def test_what_cannot_be_counted_in_time_counts_with_all_that_it_maps(
    lock: threading.Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    count = watch.Count()
    count.start()
    with lock:
        assert count.of(group(1000)) is None
        now[0] += watch.PATIENCE_S
        assert count.of(group(2000)) == {"kernel": 2000}
    monkeypatch.setattr(watch, "EVERY_S", 60)
    # What was found in the end is of what was there at first.
    assert count.of(group(1000)) is None
    assert count.of(group(1000)) == {"kernel": 77}


def test_processes_are_counted_while_memory_cannot_be(
    lock: threading.Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    tasks = iter([50, 50, 95])
    killed: list[list[int]] = []
    monkeypatch.setattr(watch, "_kill", killed.append)
    monkeypatch.setattr(watch, "PATIENCE_S", 60)
    watchdog = watch.Watch(told.append, memory=1, processes=100)
    watchdog.start()
    monkeypatch.setattr(watchdog, "_groups", lambda: {"kernel": watch.Group([os.getpid()], next(tasks), 9)})
    monkeypatch.setattr(watchdog, "_own", "kernel")
    with lock:
        watchdog.look()
        watchdog.look()
        assert not told
        watchdog.look()
    assert told == [f"processes and threads (100): {watch.ENDED}"]
    assert killed == [[os.getpid()]]
