"""What several modules of unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doors import ControlSocket


@pytest.fixture
def door(tmp_path: Path) -> ControlSocket:
    return ControlSocket(tmp_path)
