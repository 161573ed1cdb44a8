"""What a person grades, answers in text and in code, and tasks: it waits as in stock nbgrader, and shows."""

from __future__ import annotations

import copy
import io

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from rich.console import Console

from grader.course import Course
from grader.grading.demo import solve, submit_notebook
from grader.grading.feedback import FeedbackExporter
from grader.grading.grade import grade
from grader.grading.report.terminal import render_table
from tests.grading import tiny
from tests.grading.judging import Judge

STUB = "YOUR ANSWER HERE"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The tiny course with the other kinds of *Create Assignment*: two answers and a task, 10 points more."""
    course = tiny.make_course(tmp_path_factory.mktemp("hand") / "course")
    path = course.chapter("ch01").notebook
    notebook = nbformat.read(path, as_version=4)
    answer = {"grade": True, "solution": True}
    notebook.cells[-1:-1] = [
        new_markdown_cell("Because.", id="why-cell", metadata=tiny._marks("why", **answer, points=1)),
        new_markdown_cell("Now a script.", id="words"),
        new_code_cell("print('x')", id="script-cell", metadata=tiny._marks("script", **answer, points=2)),
        new_markdown_cell(
            "Draw it.", id="draw-cell", metadata=tiny._marks("draw", task=True, locked=True, points=7)
        ),
    ]
    nbformat.write(notebook, path)
    tiny.released(Course.read(course.root))
    return course.root


def answered(notebook):
    tiny.cell(notebook, "why").source = "It listens."
    tiny.cell(notebook, "script").source = "print('mine')"
    notebook.cells.append(new_markdown_cell("web -> db"))


def untouched(_notebook):
    pass


def cells_gone(notebook):
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") not in ("why-cell", "draw-cell")]
    notebook.cells.append(new_markdown_cell("It listens."))


def answered_in_a_copy(notebook):
    again = copy.deepcopy(tiny.cell(notebook, "script"))
    again.source, again.id = "print('mine')", "again"
    notebook.cells.append(again)


def marks_gone(notebook):
    """As Colab and Deepnote do: no marks, other ids."""
    answered(notebook)
    for at, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.NotebookNode(id=f"x{at}"), f"cell-{at}"


CLASS = (answered, untouched, cells_gone, answered_in_a_copy, marks_gone)
WAITS, ZERO = (None, None, True), (0, None, False)
EXPECTED = {
    "answered": {"why": WAITS, "script": WAITS, "draw": WAITS},
    "untouched": {"why": ZERO, "script": ZERO, "draw": WAITS},
    "cells_gone": {"why": WAITS, "script": ZERO, "draw": WAITS},
    "answered_in_a_copy": {"why": ZERO, "script": WAITS, "draw": WAITS},
    "marks_gone": {"why": WAITS, "script": WAITS, "draw": WAITS},
    "torn": {"why": ZERO, "script": ZERO, "draw": ZERO},
}


@pytest.fixture(scope="module")
def graded(root):
    course = Course.read(root)
    chapter = course.chapter("ch01")
    released = nbformat.read(root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    for edit in CLASS:
        notebook = solve(released, chapter, ["greeter"])
        edit(notebook)
        submit_notebook(course, chapter, edit.__name__, notebook)
    submit_notebook(course, chapter, "torn", released).write_text('{"cells": [')
    with pytest.MonkeyPatch.context() as monkeypatch:
        Judge(monkeypatch)
        return grade(course, chapter)


def grades(root, student):
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        found = gradebook.find_submission_notebook(tiny.CHAPTER, tiny.CHAPTER, student)
        return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in found.grades}


@pytest.mark.parametrize("student", EXPECTED)
def test_answers_and_tasks_wait_for_a_person_where_there_is_something_to_grade(root, graded, student):
    found = grades(root, student)
    assert {name: found[name] for name in ("why", "script", "draw")} == EXPECTED[student]
    assert (found["test-greeter"][0], found["test-sum"][0]) == ((0 if student == "torn" else 3), 0)


def test_what_the_gradebook_holds_is_in_the_result(graded):
    assert not graded.problems
    held = graded.standings
    assert {one.max_score for one in held.values()} == {15}
    assert held["answered"].waiting == {"why": 1, "script": 2, "draw": 7}
    assert held["untouched"].waiting == {"draw": 7}
    first = graded.as_dict()["students"][0]
    assert first["student"] == "answered"
    assert first["gradebook"] == {
        "score": 3,
        "max_score": 15,
        "waiting": {"why": 1, "script": 2, "draw": 7},
        "in_gradebook": True,
    }


def test_the_table_has_the_gradebooks_maximum_and_what_waits(graded):
    out = io.StringIO()
    render_table(graded, Console(file=out, width=200, no_color=True))
    lines = {line.split("│")[1].strip(): line for line in out.getvalue().splitlines() if "│" in line}
    assert [part.strip() for part in lines["untouched"].split("│")[2:-1]] == [
        *("✔ 3/3", "✘ 0/2", "0/1", "0/2", "… –/7"),
        "3/15 (not all graded)",
    ]
    assert "0/15" in lines["torn"]
    assert "to grade by hand: why (3), script (3), draw (5): dockbook formgrader" in out.getvalue()
    assert "nothing to run: torn: ch01-tiny.ipynb is not a complete notebook" in out.getvalue()


def test_the_page_says_what_waits_and_shows_the_answer(root, graded):
    page = (root / "feedback" / "answered" / tiny.CHAPTER / f"{tiny.CHAPTER}.html").read_text()
    assert page.count("waiting to be graded by hand") == 6  # in the list of tasks, and at each cell
    assert 'id="answer-script"' in page
    assert "mine" in page
    page = (root / "feedback" / "untouched" / tiny.CHAPTER / f"{tiny.CHAPTER}.html").read_text()
    assert page.count("not answered") == 4
    assert page.count("waiting to be graded by hand") == 2


def test_points_by_hand_are_in_table_and_page(root, graded):
    course = Course.read(root)
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        one = gradebook.find_grade("draw", tiny.CHAPTER, tiny.CHAPTER, "answered")
        one.manual_score, one.needs_manual_grade = 5.5, False
        over = gradebook.find_grade("test-sum", tiny.CHAPTER, tiny.CHAPTER, "answered")
        over.manual_score = 1.5
        gradebook.db.commit()
    again = grade(course, "ch01", students=["answered"])
    out = io.StringIO()
    render_table(again, Console(file=out, width=200, no_color=True))
    assert "5.5/7" in out.getvalue()
    assert "✘ 1.5/2" in out.getvalue()
    assert "10/15 (not all graded)" in out.getvalue()


def test_a_lost_answer_is_put_back_with_a_word(root, graded):
    path = root / "autograded" / "cells_gone" / tiny.CHAPTER / f"{tiny.CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert tiny.cell(notebook, "why").source.startswith("The cell of this answer is not in the notebook.")
    assert tiny.cell(notebook, "draw").source == "Draw it."
    (found,) = [one for one in graded.students if one.student == "cells_gone"]
    assert [note for note in found.notes if "put back to be graded" in note] == [
        "the answer 'why' is not in the notebook; it was put back to be graded",
        "the task 'draw' is not in the notebook; it was put back to be graded",
    ]
    (colab,) = [one for one in graded.students if one.student == "marks_gone"]
    assert len(colab.notes) == 1
    assert "have lost nbgrader's marks" in colab.notes[0]


def test_the_exporter_bears_a_notebook_without_a_gradebook():
    """nbconvert may be asked for a page of its own."""
    html, _ = FeedbackExporter().from_notebook_node(
        nbformat.v4.new_notebook(cells=[]),
        resources={
            "nbgrader": {"notebook": "x", "student": "a", "score": 0, "max_score": 0, "late_penalty": 0}
        },
    )
    assert "0 of 0" in html
