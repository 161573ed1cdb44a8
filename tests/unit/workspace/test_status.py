"""`dockbook status`: what a saved notebook says, and whether a lab runs here; nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.cli import main
from grader.engine.running_engines import EngineInfo
from grader.workspace import running_lab as running
from grader.workspace.reset import reset
from grader.workspace.running_lab import running_lab_over
from grader.workspace.status import workspace_status
from grader.workspace.stored_notebook import read_stored, trouble, trouble_in
from grader.workspace.submit import submit
from tests.grading import tiny
from tests.unit.workspace.student_work import CHAPTER, change, everything, notebook, serve

ROOT = Path(__file__).resolve().parents[3]


# What a notebook on the disk says


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" \n", "it is empty"),
        (b"\0" * 100, "not JSON"),
        (b'{"nbformat": true, "cells": []}', "not a notebook"),
        (b'{"nbformat": 4, "cells": [3]}', "cell 1 is not a valid cell"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no text"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_what_is_damaged_is_said(content, words):
    assert words in trouble_in(content)


def test_a_pipe_or_a_link_to_itself_does_not_hold_us_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert trouble(tmp_path / "pipe") == "it is not a regular file"
    assert trouble(tmp_path / "loop").startswith("it cannot be read")


def test_a_pass_is_the_checks_own_word_and_an_error_undoes_it(workspace):
    found = read_stored(change(workspace, "sum", failed="greeter"))
    assert [(task.task, task.passed, task.run) for task in found.tasks] == [
        ("greeter", False, True),
        ("sum", True, True),
    ]
    assert (found.passed, found.points, found.max_points) == (1, 2, 5)
    wrong = nbformat.read(notebook(workspace), as_version=4)
    tiny.cell(wrong, "test-sum").outputs[0].data["text/plain"] = "greeter: passed"
    assert read_stored(nbformat.writes(wrong).encode()).passed == 0
    tiny.cell(wrong, "test-sum").outputs[0].data["text/plain"] = "sum: passed (1 of 2 tasks)"
    assert read_stored(nbformat.writes(wrong).encode()).passed == 1


def test_the_courses_own_notebooks_show_every_check_as_passed():
    for path in sorted(Path(__file__).parents[3].glob("course/source/*/*.ipynb")):
        found = read_stored(path.read_bytes())
        assert len(found.tasks) >= 4
        assert found.passed == len(found.tasks), path.name


@pytest.mark.parametrize(
    "cell",
    [
        '{"cell_type": "code", "source": "", "metadata": 3, "outputs": 4}',
        '{"cell_type": "code", "source": [1], "metadata": {"nbgrader": []}, "outputs": [5]}',
        '{"cell_type": "code", "source": "x", "outputs": [{}], "metadata": {"nbgrader": {"grade": true}}}',
        '{"cell_type": "code", "metadata": {"nbgrader": {"grade": true, "grade_id": "x", "points": NaN}}}',
    ],
)
def test_nonsense_in_a_notebook_is_no_pass_and_no_crash(cell):
    found = read_stored(f'{{"nbformat": 4, "cells": [{cell}]}}'.encode())
    assert (found.passed, found.points) == (0, 0)


# status


def test_status_tells_each_state(workspace, course, chapter):
    def now() -> Any:
        (line,) = workspace_status(workspace, course)
        return line

    assert (now().state, now().passed, now().tasks, now().max_points) == ("not started", 0, 2, 5)
    # JupyterLab saves what was only opened in its own way: that is no change.
    opened = json.loads(notebook(workspace).read_text())
    notebook(workspace).write_text(json.dumps(opened))
    assert now().state == "not started"
    change(workspace, "sum")
    assert (now().state, now().passed, now().points, now().submitted) == ("in progress", 1, 2, "")
    receipt = submit(workspace, chapter).receipt
    assert (now().submitted, now().changed) == (receipt.time, False)
    change(workspace, "sum", "greeter")
    assert (now().passed, now().changed) == (2, True)
    notebook(workspace).write_text("{")
    assert (now().state, now().passed) == ("damaged", 0)
    assert "is cut off" in now().problem
    reset(workspace, chapter)
    assert (now().state, len(now().kept_copies)) == ("not started", 1)
    shutil.rmtree(workspace / CHAPTER)
    assert now().state == "missing"
    (workspace / CHAPTER).write_text("a file")
    assert now().state == "damaged"


def test_status_changes_nothing_and_reads_strange_things(workspace, course):
    change(workspace)
    before = everything(workspace)
    os.mkfifo(workspace / CHAPTER / "pipe")
    (workspace / ".dockbook/receipts").mkdir()
    for content in ("{", "[]", '{"chapter": 3}', "{}"):
        (workspace / f".dockbook/receipts/{hash(content)}.json").write_text(content)
    (workspace / ".dockbook/workspace.json").write_text('{"given": {}, "sources": 3}')
    (line,) = workspace_status(workspace, course)
    assert (line.state, line.submitted) == ("in progress", "")
    assert everything(workspace) == before


def test_the_table_has_every_chapter_and_what_to_do(workspace, command, capsys):
    change(workspace, "sum")
    (workspace / CHAPTER / f"{CHAPTER}.new.ipynb").write_text("{}")
    assert command("status") == 0
    text = capsys.readouterr().out
    for words in (CHAPTER, "in progress", "1 of 2", f"{CHAPTER}.new.ipynb", "dockbook lab"):
        assert words in text
    notebook(workspace).write_text("")
    assert command("status") == 0
    assert "is damaged: it is empty. Next: `dockbook lab` sets it aside" in capsys.readouterr().out
    assert command("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lab"] is None
    assert [one["state"] for one in found["chapters"]] == ["damaged"]


@pytest.mark.parametrize("arguments", [["status"], ["reset", CHAPTER], ["submit", CHAPTER]])
def test_without_a_workspace_the_next_step_is_said(arguments, tmp_path, course, monkeypatch, capsys):
    monkeypatch.setenv("DOCKBOOK_COURSE", str(course.root))
    assert main([*arguments, "--workspace", str(tmp_path / "none")]) == 2
    assert "make one with `dockbook lab`" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


# A running lab


def test_the_lab_over_this_workspace_is_found_with_its_engine(workspace, monkeypatch):
    engines = [
        EngineInfo("other", "sandbox", "unix:///o", 1, 1.0, "lab"),
        EngineInfo("mine", "sandbox", "unix:///m", os.getpid(), 2.0, "lab"),
    ]
    monkeypatch.setattr(running, "running", lambda: engines)
    assert running_lab_over(workspace) is None
    with serve(workspace) as process:
        found = running_lab_over(workspace)
        assert found is not None
        assert found.address == "http://127.0.0.1:8899/lab?token=t0ken"
        assert found.engine == engines[1]
        assert running_lab_over(workspace.parent) is None
        process.communicate(b"\n")
    # Its file is still there, as after a kill; a process of that number must be this lab's to count.
    assert running_lab_over(workspace) is None
    stale = {"pid": os.getpid(), "port": 1, "token": ""}
    (workspace / ".dockbook/run/jpserver-1.json").write_text(json.dumps(stale))
    (workspace / ".dockbook/run/jpserver-2.json").write_text("{")
    assert running_lab_over(workspace) is None


def test_what_a_running_lab_means_is_said(workspace, command, capsys):
    change(workspace)
    with serve(workspace) as process:
        assert command("status") == 0
        assert "A lab is running here, with your own Docker: http://127.0.0.1:8899" in capsys.readouterr().out
        assert command("submit", CHAPTER) == 0
        assert "what JupyterLab has not saved is not in the zip" in capsys.readouterr().err
        assert command("reset", CHAPTER) == 0
        assert "Shut Down Kernel" in capsys.readouterr().out
        process.communicate(b"\n")
