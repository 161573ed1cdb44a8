"""What several modules of unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.start_script import StartScript


@pytest.fixture
def script(tmp_path: Path) -> StartScript:
    return StartScript(tmp_path)
