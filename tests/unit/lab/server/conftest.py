"""What the tests of the lab's server share: a workspace over the tiny course, and a made-up engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import Chapter, Course
from grader.workspace.folder import prepare
from tests.grading import tiny
from tests.unit.lab.server.made_up_dockerd import Dockerd
from tests.unit.workspace.student_work import CHAPTER


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return tiny.make_course(tmp_path / "course")


@pytest.fixture
def chapter(course: Course) -> Chapter:
    return course.chapter(CHAPTER)


@pytest.fixture
def workspace(tmp_path: Path, course: Course) -> Path:
    prepare(tmp_path / "ws", student="ann", course=course)
    return tmp_path / "ws"


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[Dockerd]:
    one = Dockerd(tmp_path / "docker.sock")
    yield one
    one.die()
    one.close()
