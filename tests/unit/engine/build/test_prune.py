"""Only what no recipe of today makes is removed from the cache, and never under a running engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.cli import main
from grader.engine import running_engines
from grader.engine.build import prune
from grader.engine.image import recipe, vm_recipe
from grader.errors import EngineError
from grader.files import locked

OLD = "trixie-0123456789ab"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Today's images and machines, one of each of an earlier version, and what is none of either."""
    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(running_engines, "running", list)
    cache = tmp_path / "cache"
    names = {
        "engine": [OLD, "trixie-0123456789ab.new", "notes", f"forky-{recipe.key('forky')}"],
        "vm": [OLD, f"trixie-{vm_recipe.key('trixie')}"],
        "nested": [OLD],
    }
    for kind, folders in names.items():
        for name in folders:
            (cache / kind / name / "rootfs").mkdir(parents=True)
            (cache / kind / name / "rootfs" / "file").touch()
    (cache / "engine" / "trixie-000000000000.lock").touch()
    return cache


def left(cache: Path) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in cache.glob("*/*") if path.is_dir()}


def test_what_is_of_another_recipe_goes(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(cache)
    assert main(["engine", "prune"]) == 0
    said = capsys.readouterr().out
    assert said == f"removed {cache}/engine/{OLD}\nremoved {cache}/vm/{OLD}\n"
    assert before - left(cache) == {f"engine/{OLD}", f"vm/{OLD}"}
    assert main(["engine", "prune"]) == 0
    assert capsys.readouterr().out == "There is nothing from earlier versions to remove.\n"


def test_not_while_an_engine_runs(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = left(cache)
    info = running_engines.EngineInfo("00", "sandbox", "unix:///x", 1, 0.0)
    monkeypatch.setattr(running_engines, "running", lambda: [info])
    with pytest.raises(EngineError, match=r"Engines of yours are running .1., .* Next: end them"):
        prune.prune()
    assert left(cache) == before


def test_what_is_being_built_stays(cache: Path) -> None:
    with locked(cache / "vm" / f"{OLD}.lock"):
        assert prune.prune() == [cache / "engine" / OLD]
    assert (cache / "vm" / OLD / "rootfs" / "file").exists()


def test_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "none"))
    assert prune.stale() == []
