"""A released tiny course for each test, on real engines: these fail where there is none."""

from __future__ import annotations

import shutil

import pytest

from grader.course import Course
from tests.grading import tiny
from tests.grading.judging import Judge


@pytest.fixture(scope="session")
def released_root(tmp_path_factory):
    """The tiny course, released once: nbgrader takes seconds to make a gradebook."""
    course = tiny.make_course(tmp_path_factory.mktemp("tiny") / "course")
    tiny.released(course)
    return course.root


@pytest.fixture
def released_course(released_root, tmp_path):
    """A copy of it, with an empty gradebook and nobody's work."""
    shutil.copytree(released_root, tmp_path / "course")
    return Course.read(tmp_path / "course")


@pytest.fixture
def course(released_course, engine_image):
    """The same, for tests on real engines."""
    return released_course


@pytest.fixture
def judge(monkeypatch):
    """Stands in for the trusted run."""
    return Judge(monkeypatch)
