"""Batches of hostile submissions, graded once for all tests, and the table at the end."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.grading.hostile import table
from tests.grading.hostile.attack import Attack
from tests.grading.hostile.attacks import BOMBS
from tests.grading.hostile.batch import Batch, grade_all, limited

pytest_terminal_summary = table.pytest_terminal_summary

SMALL = {
    "cell_s": 8,
    "total_s": 60,
    "memory_mb": 512,
    "disk_mb": 192,
    "processes": 256,
    "output_bytes": 100_000,
}


def chosen(request: pytest.FixtureRequest, bombs: bool) -> Sequence[Attack]:
    """The attacks that the tests of this session are about: a single test grades a single attack."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    found = dict.fromkeys(
        spec.params["attack"]
        for item, spec in zip(request.session.items, params, strict=True)
        if spec is not None and "attack" in spec.params and "stock" not in item.name
    )
    return [attack for attack in found if (attack in BOMBS) is bombs]


class Canary(NamedTuple):
    """A folder on this machine that anybody may write to, and the word in its one file."""

    folder: Path
    word: str


@pytest.fixture(scope="session")
def canary() -> Iterator[Canary]:
    """To be found, or written to, by whoever gets to this machine's files."""
    found = Canary(Path("/tmp", f"dockbook-canary-{secrets.token_hex(4)}"), secrets.token_hex(16))
    found.folder.mkdir()
    found.folder.chmod(0o777)
    (found.folder / "word").write_text(found.word)
    (found.folder / "word").chmod(0o666)
    yield found
    shutil.rmtree(found.folder)


@pytest.fixture(scope="session")
def attacked(request, released_root, tmp_path_factory, engine_image, canary) -> Batch:
    """All but the bombs."""
    course = limited(released_root, tmp_path_factory.mktemp("attacked") / "course")
    return grade_all(course, chosen(request, bombs=False))


@pytest.fixture(scope="session")
def bombed(request, released_root, tmp_path_factory, engine_image) -> Batch:
    """The bombs, under small limits."""
    course = limited(released_root, tmp_path_factory.mktemp("bombed") / "course", **SMALL)
    return grade_all(course, chosen(request, bombs=True), jobs=2 * (os.cpu_count() or 1))


@pytest.fixture(scope="session")
def batch_of(request):
    """The batch that an attack is in."""

    def find(attack: Attack) -> Batch:
        batch: Batch = request.getfixturevalue("bombed" if attack in BOMBS else "attacked")
        return batch

    return find


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who listens on every address of this machine."""
    with socket.create_server(("", 0)) as server:
        server.settimeout(0.2)
        yield server
