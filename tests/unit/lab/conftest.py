"""What the tests of the student's side share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.lab.made_up_dockerd import Dockerd
from tests.unit.lab.made_up_engine import MadeUpEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[MadeUpEngine]:
    one = MadeUpEngine(tmp_path / "engine.sock")
    yield one
    one.close()


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[Dockerd]:
    one = Dockerd(tmp_path / "docker.sock")
    yield one
    one.die()
    one.close()
