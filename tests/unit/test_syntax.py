"""Source is parsed by many threads at once: the grader's workers do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader import syntax

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(Path(syntax.__file__).parent.glob("*/*.py"))]


class Cycle:
    """Garbage that, when it is collected in the middle of a parse, lets another thread run."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        time.sleep(1e-4)


@pytest.fixture
def often() -> Iterator[None]:
    """Collect garbage all the time."""
    before = gc.get_threshold()
    gc.set_threshold(300)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("often")
def test_many_threads_get_their_trees() -> None:
    """Without the lock, Debian 12's Python fails here each time."""

    def parse(source: str) -> bool:
        for _ in range(5):
            Cycle()
        return bool(syntax.parse(source).body)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parse, SOURCES)) == [bool(source) for source in SOURCES]


def test_what_is_no_python_is_said() -> None:
    with pytest.raises(SyntaxError):
        syntax.parse("!ls")
