"""`dockbook reset`, and what is in a lab's way: kept whole, whatever it is and whenever it is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.course import Course
from grader.errors import CourseError, DockbookError
from grader.workspace import kept_copies
from grader.workspace.folder import prepare
from grader.workspace.reset import reset
from grader.workspace.stored_notebook import read_stored
from tests.unit.workspace.student_work import CHAPTER, change, everything, notebook

ROOT = Path(__file__).resolve().parents[3]


# reset


def test_reset_keeps_the_work_and_gives_a_clean_chapter(workspace, chapter, course):
    clean = everything(workspace / CHAPTER)
    change(workspace, "sum")
    (workspace / CHAPTER / "notes.txt").write_text("mine")
    mine = everything(workspace / CHAPTER)
    done = reset(workspace, chapter)
    assert done.kept is not None
    assert done.kept.parent == workspace / "kept"
    assert everything(done.kept) == mine
    assert everything(workspace / CHAPTER) == clean
    assert done.notebook == notebook(workspace)
    # The next lab finds nothing to do, and gives no newer version beside.
    assert prepare(workspace, course=course) == []
    assert list((workspace / ".dockbook").glob("reset-*")) == []


def test_resets_within_one_second_are_all_kept(workspace, chapter, monkeypatch):
    class Still(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2026, 11, 24, 10, 15)

    monkeypatch.setattr(kept_copies, "datetime", Still)
    works = []
    for number in range(3):
        (workspace / CHAPTER / "n.txt").write_text(str(number))
        works.append(reset(workspace, chapter).kept)
    stem = f"{CHAPTER}.2026-11-24T101500"
    assert [path.name for path in works if path] == [stem, f"{stem}-2", f"{stem}-3"]
    assert [(path / "n.txt").read_text() for path in works if path] == ["0", "1", "2"]


@pytest.mark.parametrize("what", ["damaged", "file", "pipe", "link", "dangling", "none"])
def test_whatever_stands_in_the_chapters_place_is_kept(workspace, chapter, tmp_path, what):
    place = workspace / CHAPTER
    elsewhere = tmp_path / "elsewhere"
    if what == "damaged":
        notebook(workspace).write_bytes(b"\xff{")
    else:
        shutil.copytree(place, elsewhere)
        shutil.rmtree(place)
    if what == "file":
        place.write_text("mine")
    elif what == "pipe":
        os.mkfifo(place)
    elif what in ("link", "dangling"):
        place.symlink_to(elsewhere if what == "link" else tmp_path / "nowhere")
    before = everything(elsewhere) if elsewhere.exists() else {}
    done = reset(workspace, chapter)
    assert read_stored(notebook(workspace).read_bytes()).tasks
    assert not place.is_symlink()
    assert (done.kept is None) == (what == "none")
    if what == "damaged":
        assert done.kept is not None and (done.kept / f"{CHAPTER}.ipynb").read_bytes() == b"\xff{"
    if what == "file":
        assert done.kept is not None and done.kept.read_text() == "mine"
    if what == "link":
        assert done.kept is not None and done.kept.is_symlink()
        assert done.leads_to == str(elsewhere)
        assert everything(elsewhere) == before


def test_nothing_is_moved_when_there_is_no_place_to_keep_it(workspace, chapter, tmp_path):
    mine = change(workspace, "sum")
    (workspace / "kept").symlink_to(tmp_path)
    with pytest.raises(DockbookError, match=r"kept is not a folder.*another name"):
        reset(workspace, chapter)
    assert notebook(workspace).read_bytes() == mine


def test_a_chapter_that_cannot_be_given_takes_nothing_away(workspace, chapter, course):
    mine = change(workspace, "sum")
    chapter.notebook.write_text("{")
    with pytest.raises(CourseError, match="cannot be read"):
        reset(workspace, Course.read(course.root).chapter(CHAPTER))
    assert notebook(workspace).read_bytes() == mine
    assert not (workspace / "kept").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from grader.course import Course
from grader.workspace.reset import reset
at = int(sys.argv[3])
kinds = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "shutil.rmtree"}
workspace, seen = sys.argv[1], 0
chapter = Course.read(Path(sys.argv[2])).chapter("ch01")
chapter.source
def hook(event, arguments):
    global seen
    if event in kinds and any(str(one).startswith(workspace) for one in arguments):
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
reset(Path(workspace), chapter)
"""


@pytest.mark.slow
def test_killed_at_any_step_the_work_is_whole(workspace, course, tmp_path):
    """At each call that changes or opens something in the workspace, in turn, until a reset goes through."""
    mine = change(workspace, "sum")
    for step in range(1, 200):
        here = tmp_path / f"step-{step}"
        shutil.copytree(workspace, here)
        argv = [sys.executable, "-c", KILLED, str(here), str(course.root), str(step)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        found = [path for path in here.rglob("*.ipynb") if path.read_bytes() == mine]
        assert len(found) == 1, (step, found)
        # And a later reset goes through.
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            assert step > 5
            return
        reset(here, course.chapter(CHAPTER))
        assert [path for path in here.rglob("*.ipynb") if path.read_bytes() == mine]
        assert list((here / ".dockbook").glob("reset-*")) == []
        shutil.rmtree(here)
    pytest.fail("no reset went through")


def test_reset_says_where_things_are(workspace, command, capsys):
    assert command("reset", "ch01") == 0
    out = capsys.readouterr().out
    (copy,) = (workspace / "kept").iterdir()
    assert f"kept:  {copy}\nclean: {notebook(workspace)}\n" == out
    assert command("reset", "ch09") == 2
    assert "There is no chapter 'ch09'" in capsys.readouterr().err


# A damaged notebook when the lab starts


def test_a_file_in_a_chapters_place_is_kept_and_the_chapter_given(workspace, course):
    shutil.rmtree(workspace / CHAPTER)
    (workspace / CHAPTER).write_text("mine")
    kept_line, given = prepare(workspace, course=course)
    (copy,) = (workspace / "kept").rglob(CHAPTER)
    assert copy.read_text() == "mine"
    assert str(copy) in kept_line
    assert str(notebook(workspace)) in given


def test_an_earlier_state_that_jupyterlab_has_is_named(workspace, course):
    earlier = workspace / CHAPTER / ".ipynb_checkpoints" / f"{CHAPTER}-checkpoint.ipynb"
    earlier.parent.mkdir()
    earlier.write_bytes(notebook(workspace).read_bytes())
    notebook(workspace).write_text('{"cells": [')
    line, _ = prepare(workspace, course=course)
    assert line.endswith(f"which you can copy back: {earlier}")
    earlier.write_text("")
    notebook(workspace).write_text("")
    assert "copy back" not in prepare(workspace, course=course)[0]


def test_a_notebook_that_may_not_be_read_stays(workspace, course, monkeypatch):
    def forbidden(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    mine = change(workspace)
    monkeypatch.setattr("grader.workspace.folder.trouble", forbidden)
    (line,) = prepare(workspace, course=course)
    assert "cannot be read; it is unchanged" in line
    assert notebook(workspace).read_bytes() == mine


def test_two_writers_of_the_record_do_not_disturb_each_other(workspace, course):
    leftover = workspace / ".dockbook/workspace.part"
    leftover.mkdir()  # what another writer has in hand
    assert prepare(workspace, course=course) == []
    assert json.loads((workspace / ".dockbook/workspace.json").read_text())["student"] == "ann"
    assert SimpleNamespace(**json.loads((workspace / ".dockbook/workspace.json").read_text())).sources
