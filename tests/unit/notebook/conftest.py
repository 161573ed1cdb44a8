"""What the tests of the notebook share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.notebook.made_up_engine import MadeUpEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[MadeUpEngine]:
    one = MadeUpEngine(tmp_path / "engine.sock")
    yield one
    one.close()
