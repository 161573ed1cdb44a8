"""One builder at a time, and a failed one is not in the way of the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from grader.engine import build
from grader.errors import ImageError


def test_a_failed_build_lets_the_next_one_in(tmp_path: Path) -> None:
    """Even while somebody still looks at the failure, as a debugger or a test's report does."""
    with pytest.raises(ImageError) as kept, build.one_builder(tmp_path / "x", lambda: pytest.fail("waited")):
        raise ImageError("it broke")
    with build.one_builder(tmp_path / "x", lambda: pytest.fail("waited")):
        pass
    assert kept.value.what == "it broke"


def test_who_waits_is_told_so_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "WAIT_S", 0.1)
    told: list[str] = []
    with (
        FileLock(tmp_path / "x.lock"),
        pytest.raises(ImageError, match=r"Another process has been building .* Next: see whether"),
        build.one_builder(tmp_path / "x", lambda: told.append("waits")),
    ):
        pytest.fail("two at once")
    assert told == ["waits"]
