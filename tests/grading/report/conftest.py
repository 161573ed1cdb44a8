"""A small class, graded without an engine."""

from __future__ import annotations

import shutil

import pytest

from grader.course import Course
from grader.expect.finding import Outcome
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from tests.grading.judging import Judge, submit


@pytest.fixture
def course(released_course):
    """No engine image is needed here."""
    return released_course


@pytest.fixture(scope="module")
def graded_root(released_root, tmp_path_factory):
    """ada passes all, bob one task of two, cleo is blocked in one; dan waits, zoe handed in nothing."""
    root = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(released_root, root)
    course = Course.read(root)
    submit(course, "ada", "sum", "greeter")
    submit(course, "bob", "sum")
    submit(course, "cleo", "sum")
    with pytest.MonkeyPatch.context() as patched:
        Judge(patched).verdict["cleo"] = {"greeter": Outcome.blocked("no room")}
        grade(course, "ch01")
    submit(course, "dan")
    with Books(course).open() as gradebook:
        gradebook.add_student("zoe")
    return root


@pytest.fixture
def graded(graded_root, tmp_path):
    """A copy of that course."""
    shutil.copytree(graded_root, tmp_path / "graded")
    return Course.read(tmp_path / "graded")
