"""What several modules of unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doors import Door


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)
