"""A released tiny course for each test, on real engines: these fail where there is none."""

from __future__ import annotations

import shutil

import pytest

from grader.course import Course
from tests.grading import tiny


@pytest.fixture(scope="session")
def released_root(tmp_path_factory):
    """The tiny course, released once: nbgrader takes seconds to make a gradebook."""
    course = tiny.make_course(tmp_path_factory.mktemp("tiny") / "course")
    tiny.released(course)
    return course.root


@pytest.fixture
def course(released_root, tmp_path, engine_image):
    """A copy of it, with an empty gradebook and nobody's work."""
    shutil.copytree(released_root, tmp_path / "course")
    return Course.read(tmp_path / "course")
