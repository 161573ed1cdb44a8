"""Odd sources: whatever stands in a notebook or in chapters.toml is told with its place and the next step."""

from __future__ import annotations

import copy
import json
import re
import time
from contextlib import suppress
from dataclasses import fields

import pytest

from grader.chapter_faults import require_sound
from grader.course import Course, Limits
from grader.errors import CourseError
from grader.grading.html_export import reading_form
from grader.grading.release import secrets
from grader.workspace.folder import student_version
from tests.grading import tiny

ODD = [None, True, -1, 10**400, float("nan"), "", "x", [], ["x"], [[1]], {}, {"a": [1]}]
TOML = [
    "true",
    "-1",
    "0",
    "1.5",
    "nan",
    "inf",
    "1979-05-27",
    '"x"',
    '""',
    "[]",
    "[1]",
    "[[]]",
    "{}",
    "{a = 1}",
]
TOML += ["0x" + "f" * 5000, '"' + "a" * 300 + '"', "1e300"]
NO_TOML = ["1" * 5000, "[" * 5000, "\x00"]
MISSING = object()


def notebook_with_everything():
    notebook = tiny.source_notebook()
    answer = notebook.cells[-1]
    answer.metadata = tiny._marks("why", grade=True, solution=True, points=1)
    answer.source, answer["attachments"] = "![a](attachment:a.png)\n### BEGIN SOLUTION\n### END SOLUTION", {}
    answer.attachments["a.png"] = {"image/png": "AAAA"}
    notebook.cells[1].metadata = {"tags": ["x"], "jupyter": {"source_hidden": True}}
    notebook.cells[1].outputs = [
        {"output_type": "stream", "name": "stdout", "text": "x"},
        {
            "output_type": "display_data",
            "metadata": {"a": {}},
            "data": {"text/plain": "x", "image/png": "AAAA"},
        },
        {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["t"]},
    ]
    return json.loads(json.dumps(notebook))


def places(value, path=()):
    """The path to each part of some JSON, the whole of it first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def put(whole, path, value):
    """A copy with something else in one place."""
    if not path:
        return value
    changed = copy.deepcopy(whole)
    part = changed
    for key in path[:-1]:
        part = part[key]
    if value is MISSING:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return changed


@pytest.fixture
def course(tmp_path):
    return tiny.make_course(tmp_path / "course")


def use(course):
    """All that is read from a chapter's source on the way to students and to the grader."""
    chapter = Course.read(course.root).chapter("ch01")
    require_sound(chapter)
    assert isinstance(chapter.setup, str)
    assert chapter.max_score >= 0
    secrets(chapter.source)
    reading_form(chapter)
    student_version(chapter.source)


WHOLE = notebook_with_everything()
PARTS = sorted({path[:3] for path in places(WHOLE) if path[:1] == ("cells",)} | {()}, key=str)


def marks(part: tuple[object, ...]) -> tuple[pytest.MarkDecorator, ...]:
    """Each run looks at the whole and at one cell; the other cells come with ``--long``."""
    return () if part[1:2] in ((), (0,)) else (pytest.mark.slow,)


@pytest.mark.parametrize(
    "part",
    [pytest.param(part, id=".".join(map(str, part)) or "whole", marks=marks(part)) for part in PARTS],
)
def test_an_odd_notebook_is_told_with_its_file_and_cell(course, part):
    path = course.chapter("ch01").notebook
    for place in places(WHOLE):
        if place[:3] != part and not (part == () and place[:1] != ("cells",)):
            continue
        for value in (*ODD, *([MISSING] if place else [])):
            path.write_text(json.dumps(put(WHOLE, place, value)))
            with suppress(CourseError):
                use(course)
                continue
            with pytest.raises(CourseError) as caught:
                use(course)
            shown = f"{place} = {value!r:.40}: {caught.value}"
            assert caught.value.next_step, shown
            assert path.name in str(caught.value), shown
            assert len(str(caught.value)) < 2000, shown
            if place[:1] == ("cells",) and len(place) > 1:
                assert re.search(r"cell \d|test cell '", str(caught.value)), shown


def test_the_notebook_with_everything_is_sound(course):
    course.chapter("ch01").notebook.write_text(json.dumps(WHOLE))
    use(course)


KEYS = ["id", "title", "about", "images", "limits", *(f"limits.{field.name}" for field in fields(Limits))]


@pytest.mark.parametrize("key", ["limits", "chapter", *KEYS])
def test_an_odd_value_in_chapters_toml_is_told_with_its_key(tmp_path, key):
    path = tmp_path / "chapters.toml"
    for value in (*TOML, *NO_TOML):
        if key in ("limits", "chapter"):
            path.write_text(f"{key} = {value}\n" + '[[chapter]]\nid = "a"\ntitle = "A"\n' * (key == "limits"))
        else:
            entry = {"id": '"a"', "title": '"A"'} | {key: value}
            path.write_text("[[chapter]]\n" + "".join(f"{name} = {one}\n" for name, one in entry.items()))
        with suppress(CourseError):
            for chapter in Course.read(tmp_path).chapters:
                assert not chapter.written
                limits = {name: value for name, value in vars(chapter.limits).items() if name[-2:] != "_s"}
                assert all(type(value) is int for value in limits.values())
                assert time.monotonic() + chapter.limits.total_s + (chapter.limits.memory_mb << 20) > 0
            continue
        with pytest.raises(CourseError) as caught:
            Course.read(tmp_path)
        shown = f"{key} = {value:.40}: {caught.value}"
        assert str(path) in str(caught.value), shown
        assert caught.value.next_step, shown
        assert len(str(caught.value)) < 800, shown
        assert key.rpartition(".")[2] in str(caught.value) or value in NO_TOML, shown


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ((("cells", 6, "source"), None), "cell 7 (sum) has no text as its source: nothing"),
        ((("cells", 6, "metadata"), []), "cell 7 (sum-work) has metadata that is not a dictionary: a list"),
        ((("cells", 6), "x"), "cell 7 is not a cell: text"),
        ((("cells",), {}), "its cells are a dictionary, and that is a list"),
        ((("cells", 8, "attachments"), []), "cell 9 (why) has attachments that cannot be read: []"),
        ((("cells", 7, "metadata", "nbgrader", "grade_id"), ["x"]), "cell 8 (['x']) has no grade id"),
        (
            (("cells", 7, "metadata", "nbgrader", "grade_id"), "[q]"),
            "cell 8 ([q]) has marks that nbgrader does",
        ),
        (
            (("cells", 7, "metadata", "nbgrader", "schema_version"), 1),
            "cell 8 (test-sum) has marks of an older",
        ),
        (
            (("metadata", "kernelspec", "language"), "R"),
            "its kernelspec is for 'R', and a chapter is in python",
        ),
        (((), []), "it is not a notebook: a list"),
    ],
)
def test_what_is_odd_is_named(course, edit, said):
    course.chapter("ch01").notebook.write_text(json.dumps(put(WHOLE, *edit)))
    with pytest.raises(CourseError) as caught:
        use(course)
    assert f"ch01-tiny.ipynb: {said}" in str(caught.value)
