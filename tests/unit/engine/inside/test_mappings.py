"""Shared memory counts, whether its pages are in sight or not."""

from __future__ import annotations

import mmap
import os
import time

import pytest

from grader.engine.inside import mappings

SIZE = 8 << 20


@pytest.fixture(autouse=True)
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own number bounds what is found; here, it does not."""
    monkeypatch.setattr(mappings, "shared_in_memory", lambda: 1 << 40)


def added(before: int) -> int:
    return mappings.held([os.getpid()]) - before


def test_what_was_dropped_is_there_still() -> None:
    before = mappings.held([os.getpid()])
    with mmap.mmap(-1, SIZE) as memory:
        memory.write(bytes(SIZE))
        memory.madvise(mmap.MADV_DONTNEED)
        assert added(before) == SIZE
    assert added(before) == 0


def test_a_file_in_memory_that_was_closed_counts_and_an_open_one_does_elsewhere() -> None:
    before = mappings.held([os.getpid()])
    descriptor = os.memfd_create("trial")
    os.truncate(descriptor, SIZE)
    with mmap.mmap(descriptor, SIZE):
        # mmap keeps a copy of the descriptor.
        assert added(before) == 0
    os.close(descriptor)


def test_one_piece_that_several_map_counts_once() -> None:
    before = mappings.held([os.getpid()])
    with mmap.mmap(-1, SIZE) as memory:
        memory.write(bytes(SIZE))
        child = os.fork()
        if child == 0:
            time.sleep(20)
            os._exit(0)
        try:
            assert mappings.held([os.getpid(), child]) - before == SIZE
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def test_no_more_than_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mappings, "shared_in_memory", lambda: 4096)
    with mmap.mmap(-1, SIZE):
        assert mappings.held([os.getpid()]) == 4096


def test_private_memory_and_files_are_not_it() -> None:
    before = mappings.held([os.getpid()])
    private = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with private, open(__file__, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        assert added(before) == 0
