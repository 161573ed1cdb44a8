"""The folder of a kept engine, without one: whose it is, what fits, and what cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.engine import resume
from grader.engine.persistent_state import PersistentState, all_kept
from grader.engine.resume import open_persistent
from grader.engine.system import ids
from grader.errors import EngineDied, StateBusy, StateDamaged, StateUnfit

OWN: ids.Ids = {"uid": (100000, 65536), "gid": (100000, 65536), "helpers": True}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(ids, "own_ids", lambda: OWN)
    monkeypatch.setattr(
        PersistentState, "_remove", staticmethod(lambda path: shutil.rmtree(path, ignore_errors=True))
    )


@pytest.fixture
def kept(tmp_path: Path) -> PersistentState:
    (tmp_path / "dockbook").mkdir()
    return PersistentState(tmp_path / "dockbook")


def test_each_workspace_has_its_own_by_whatever_path(kept: PersistentState, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(kept.workspace)
    (tmp_path / "other" / "dockbook").mkdir(parents=True)
    assert PersistentState(tmp_path / "link").place.name.split("-")[-1] == kept.place.name.split("-")[-1]
    assert PersistentState(tmp_path / "other/dockbook").place != kept.place
    assert not kept.exists() and not kept.in_use()
    assert not kept.place.exists()


def test_one_at_a_time(kept: PersistentState) -> None:
    lock = kept.hold()
    assert kept.in_use()
    with pytest.raises(StateBusy) as busy:
        kept.hold()
    assert busy.value.pid == os.getpid()
    os.close(lock)
    assert not kept.in_use()
    os.close(kept.hold())


def test_a_killed_holder_is_waited_for(kept: PersistentState) -> None:
    """The lock says a process that is gone, and something of it still holds it: it is on its way out."""
    script = (
        "import fcntl, json, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        'f.write(\'{"pid": 4194303, "since": 1}\'); f.flush(); print(1, flush=True); time.sleep(0.5)'
    )
    os.close(kept.hold())
    with subprocess.Popen(
        [sys.executable, "-c", script, kept.place / "lock"], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        os.close(kept.hold())


def test_what_it_was_made_with_decides(kept: PersistentState, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(kept.hold())
    kept.begin("key")
    assert kept.misfit("key") == ""
    assert "another engine image" in kept.misfit("other")
    (kept.place / "about.json").write_text("[]")
    assert kept.misfit("key")
    kept.begin("key")
    monkeypatch.setattr(ids, "own_ids", lambda: OWN | {"uid": (200000, 65536)})
    assert "/etc/subuid" in kept.misfit("key")


def test_a_full_disk_is_no_place(kept: PersistentState, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(kept.hold())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    with pytest.raises(StateUnfit, match="1 MB free, 256 MB are needed"):
        kept.begin("key")


def test_a_place_that_cannot_be_made_is_said(kept: PersistentState) -> None:
    kept.place.parent.mkdir(parents=True)
    kept.place.write_text("a file")
    with pytest.raises(StateUnfit, match="cannot be written"):
        kept.hold()


def test_one_state_is_kept_aside_and_can_come_back(kept: PersistentState) -> None:
    os.close(kept.hold())
    (kept.state / "docker").mkdir(parents=True)
    (kept.place / "aside-2020-01-01T000000").mkdir()
    aside = kept.move_aside()
    assert kept.aside() == [aside]
    assert not kept.exists()
    kept.state.mkdir()
    kept.restore(aside)
    assert (kept.state / "docker").is_dir()
    assert kept.aside() == []


def test_all_that_is_kept_is_found_and_nonsense_is_not(kept: PersistentState) -> None:
    assert all_kept() == []
    os.close(kept.hold())
    kept.begin("key")
    for name, text in (("a", "{"), ("b", '{"workspace": 3}'), ("c", '{"workspace": "/elsewhere"}')):
        (kept.place.parent / name).mkdir()
        (kept.place.parent / name / "about.json").write_text(text)
    assert [one.place for one in all_kept()] == [kept.place]
    kept.remove()
    assert all_kept() == []


# What is made of a start that fails


class Boots:
    """Stands in for the sandbox: fails as often as it was told to, on a kept state or in memory."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.said: list[str] = []

    def __call__(self, _image: object, *, state: Path | None = None, **options: object) -> SimpleNamespace:
        engine = SimpleNamespace(persistence_note="", state=state)

        def start() -> SimpleNamespace:
            if state is not None:
                state.mkdir(exist_ok=True)
                if self.failures:
                    raise self.failures.pop(0)
            return engine

        engine.start = start
        return engine

    def open(self, workspace: Path) -> SimpleNamespace:
        image = SimpleNamespace(key="key")
        opened: SimpleNamespace = open_persistent(image, workspace, self.said.append, label="lab")  # type: ignore[arg-type,assignment]
        return opened


@pytest.fixture
def boots(monkeypatch: pytest.MonkeyPatch) -> Boots:
    boots = Boots()
    monkeypatch.setattr(resume, "Sandbox", boots)
    return boots


def begun(kept: PersistentState) -> None:
    os.close(kept.hold())
    kept.begin("key")
    (kept.state / "docker").mkdir(parents=True)


def test_a_folder_that_carries_no_engine_means_memory(kept: PersistentState, boots: Boots) -> None:
    boots.failures = [StateUnfit("overlay: Invalid argument.")]
    opened = boots.open(kept.workspace)
    assert opened.state is None
    assert opened.persistence_note == "What you make on it is not kept this time: overlay: Invalid argument."
    assert not kept.in_use()


def test_a_new_state_that_does_not_start_means_memory(kept: PersistentState, boots: Boots) -> None:
    boots.failures = [StateDamaged("dockerd ended.")]
    assert boots.open(kept.workspace).state is None
    assert kept.aside() == []
    assert boots.said == []


def test_a_damaged_state_goes_aside(kept: PersistentState, boots: Boots) -> None:
    begun(kept)
    boots.failures = [StateDamaged("dockerd ended.")]
    opened = boots.open(kept.workspace)
    assert opened.state == kept.state and opened.persistence_note == resume.KEPT
    [aside] = kept.aside()
    assert (aside / "docker").is_dir()
    assert boots.said[0].startswith(
        "What you had on your engine cannot be used: it did not start (dockerd ended.)"
    )


def test_where_a_clean_one_fails_too_the_old_one_was_not_at_fault(
    kept: PersistentState, boots: Boots
) -> None:
    begun(kept)
    boots.failures = [StateDamaged("dockerd ended."), StateDamaged("dockerd ended again.")]
    assert "dockerd ended again" in boots.open(kept.workspace).persistence_note
    assert kept.aside() == []
    assert boots.said == []
    assert (kept.state / "docker").is_dir()


def test_an_engine_that_only_takes_long_loses_nothing(kept: PersistentState, boots: Boots) -> None:
    begun(kept)
    boots.failures = [EngineDied("The engine did not answer within 60 s.")]
    with pytest.raises(EngineDied):
        boots.open(kept.workspace)
    assert (kept.state / "docker").is_dir()
    assert not kept.in_use()
