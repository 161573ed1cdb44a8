"""Faults of a chapter's source: each is told with its cell, and no chapter takes the others along."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest

from grader.chapter_faults import faults
from grader.course import Course
from grader.errors import CourseError
from grader.grading.html_export import make_book
from grader.grading.release import release
from grader.workspace.folder import prepare
from tests.grading import tiny

PICTURE = {"a.png": {"image/png": "AAAA"}}


def change(name, **marks):
    def edit(notebook):
        tiny.cell(notebook, name).metadata.nbgrader.update(marks)

    return edit


def without(grade_id, mark):
    def edit(notebook):
        del tiny.cell(notebook, grade_id).metadata.nbgrader[mark]

    return edit


def text(grade_id, old, new):
    def edit(notebook):
        cell = tiny.cell(notebook, grade_id)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return edit


def twice(notebook):
    notebook.cells.append(copy.deepcopy(tiny.cell(notebook, "test-sum")))


def retyped(notebook):
    tiny.cell(notebook, "test-sum").cell_type = "markdown"


def loose(notebook):
    notebook.cells[1].source += "\n### BEGIN SOLUTION\nx\n### END SOLUTION"


def pasted(notebook):
    cell = notebook.cells[-1]
    cell.metadata = tiny._marks("why", grade=True, solution=True, points=1)
    cell.source, cell["attachments"] = "![a](attachment:a.png)", PICTURE


def odd(notebook):
    tiny.cell(notebook, "sum").metadata["nbgrader"] = "x"


FAULTS = [
    (text("sum", "### END SOLUTION", ""), "cell 7 (sum) has BEGIN SOLUTION without an END"),
    (text("sum", "### BEGIN SOLUTION", ""), "cell 7 (sum) has END SOLUTION without a BEGIN before it"),
    (
        text("test-sum", "    ### END HIDDEN TESTS", ""),
        "cell 8 (test-sum) has BEGIN HIDDEN TESTS without an END",
    ),
    (
        text("sum", "total", "### BEGIN SOLUTION\ntotal"),
        "cell 7 (sum) has two BEGIN SOLUTION without an END between them",
    ),
    (loose, "cell 2 (setup) has BEGIN SOLUTION and is not marked as an answer"),
    (twice, "cell 10 (test-sum) has the id 'test-sum-cell' of cell 8 (test-sum)"),
    (change("test-greeter", grade_id="test-sum"), "cell 8 (test-sum) has the grade id of cell 5 (test-sum)"),
    (change("test-sum", grade_id=""), "cell 8 (test-sum-cell) has no grade id"),
    (without("test-sum", "points"), "cell 8 (test-sum) has no points"),
    (change("test-sum", points="two"), "cell 8 (test-sum) has two as its points"),
    (change("test-sum", points=-1), "cell 8 (test-sum) has -1 as its points"),
    (change("test-sum", grade=False, task=True), "cell 8 (test-sum) is a manually graded task, and that is"),
    (retyped, "cell 8 (test-sum) is marked as a test, and that is code, not Markdown"),
    (pasted, "cell 9 (why) has a pasted picture (a.png) that only its solution shows"),
    (odd, "cell 7 (sum-work) has marks of nbgrader's that cannot be read"),
]


def test_a_sound_notebook_has_none():
    assert list(faults(tiny.source_notebook())) == []
    for chapter in Course.read(tiny.REPOSITORY / "course").written:
        assert list(faults(chapter.source)) == []


@pytest.mark.parametrize(("edit", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_each_fault_is_told_with_its_cell(edit, said):
    notebook = tiny.source_notebook()
    edit(notebook)
    assert any(fault.startswith(said) for fault in faults(notebook)), list(faults(notebook))


@pytest.fixture
def course(tmp_path):
    """Two chapters, the first of them faulty."""
    course = tiny.make_course(tmp_path / "course")
    other = course.chapter("ch02")
    other.folder.mkdir()
    nbformat.write(tiny.source_notebook(), other.notebook)
    return course


def spoil(course, edit):
    path = course.chapter("ch01").notebook
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    path.write_text(json.dumps(notebook))
    return Course.read(course.root)


@pytest.mark.parametrize("edit", [FAULTS[0][0], FAULTS[6][0], FAULTS[8][0], odd])
def test_one_faulty_chapter_costs_neither_the_lab_nor_the_book(course, tmp_path, edit):
    course = spoil(course, edit)
    lines = prepare(tmp_path / "work", course=course)
    assert [line.startswith("ch01-tiny: left out: ") and "cell " in line for line in lines] == [True, False]
    assert (tmp_path / "work" / "ch02-later" / "ch02-later.ipynb").is_file()
    told: list[str] = []
    page = make_book(course, tmp_path / "book", told.append)
    assert "ch02-later" in page.read_text()
    assert len(told) == 1
    assert told[0].startswith("ch01-tiny: ")
    assert not (tmp_path / "book" / "ch01-tiny").exists()
    with pytest.raises(CourseError, match=r"ch01-tiny\.ipynb: cell \d"):
        release(course, ["ch01"])


def test_a_book_of_faulty_chapters_alone_is_none(course, tmp_path):
    course.chapter("ch02").notebook.unlink()
    course = spoil(course, twice)
    with pytest.raises(CourseError, match=r"cell 10 \(test-sum\) has the"):
        make_book(course, tmp_path / "book")
    assert not (tmp_path / "book").exists()


def test_a_fault_that_nobody_foresaw_is_the_chapters_alone(course, tmp_path, monkeypatch):
    from grader.grading import html_export

    real = html_export._convert

    def broken(notebook, page):
        if page.id == "ch01-tiny":
            raise ZeroDivisionError("deep inside")
        return real(notebook, page)

    monkeypatch.setattr(html_export, "_convert", broken)
    told: list[str] = []
    make_book(course, tmp_path / "book", told.append)
    assert len(told) == 1
    assert "no page can be made from it: ZeroDivisionError: deep inside" in told[0]
