"""A student's workspace over the tiny course, and the commands that work in it."""

from __future__ import annotations

import pytest

from grader.cli import main
from grader.workspace import running_lab as running
from grader.workspace.folder import prepare
from tests.grading import tiny
from tests.unit.workspace.student_work import CHAPTER


@pytest.fixture
def course(tmp_path):
    return tiny.make_course(tmp_path / "course")


@pytest.fixture
def chapter(course):
    return course.chapter(CHAPTER)


@pytest.fixture
def workspace(tmp_path, course):
    place = tmp_path / "home" / "dockbook"
    prepare(place, student="ann", course=course)
    return place


@pytest.fixture
def command(workspace, course, monkeypatch, tmp_path):
    """Run a command over the workspace; its exit code."""
    monkeypatch.setenv("DOCKBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKBOOK_COURSE", str(course.root))
    monkeypatch.setattr(running, "running", list)
    return lambda *arguments: main([*arguments, "--workspace", str(workspace)])
