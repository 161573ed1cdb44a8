"""What the tests of the script share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.script.clone import Clone


@pytest.fixture
def door(tmp_path: Path) -> Clone:
    return Clone(tmp_path)
