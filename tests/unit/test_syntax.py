"""Source is parsed by many threads at once: the grader's workers do."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader import syntax

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(Path(syntax.__file__).parent.glob("*/*.py"))]


def test_many_threads_get_their_trees():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # without a lock, Debian 12's Python fails here each time
    try:
        with ThreadPoolExecutor(8) as pool:
            trees = list(pool.map(syntax.parse, SOURCES))
    finally:
        sys.setswitchinterval(before)
    assert [bool(tree.body) for tree in trees] == [bool(source) for source in SOURCES]


def test_what_is_no_python_is_said():
    with pytest.raises(SyntaxError):
        syntax.parse("!ls")
