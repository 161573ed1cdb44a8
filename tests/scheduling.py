"""How pytest-xdist parts the tests between workers: what takes long to make is made once."""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

BACKEND = re.compile(r"\[(nested|vm)\b|/test_(vm)_")
EACH = re.compile(r"/course/test_(cases|mutants)\.py")
ATTACKED = re.compile(r"/hostile/test_(attacks|host|strings)\.py")


def scope(nodeid: str) -> str:
    """What a test has in common with others: tests with the same scope run in one worker.

    Engines of a backend that is slow to make, the graded class of all attacks, or what its file has made.
    A test of a sandbox has nothing in common with another: it makes its own in no time. A case of the course
    takes whatever engine its worker has.
    """
    file = nodeid.partition("::")[0]
    if file.startswith("tests/engine/"):
        backend = BACKEND.search(nodeid)
        return (backend[1] or backend[2]) if backend else nodeid
    if EACH.search(file):
        return nodeid
    return "attacked" if ATTACKED.search(file) else file


class Sharing(LoadScopeScheduling):
    """``scope`` in place of xdist's own: its marks for groups are not seen under pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
