"""nbgrader's documented example, its `ps1`, graded by stock nbgrader and by us: cell by cell the same grades.

The notebooks of Ben Bitdiddle and Alyssa Hacker are the ones that nbgrader ships. What differs, and why:

- A chapter here is one notebook, so `ps1` with its two becomes two chapters.
- Stock runs the `assert` cells in the student's kernel, where a student can make them pass. Here a test asks
  from outside: each is written as a `check` on what a read-only cell before it found out. Their grade ids and
  points are the example's, and so is every other cell.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import nbformat
import nbgrader
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grader.course import Course, marks
from grader.expect.answer_data import Answer
from grader.grading import grade as batch
from grader.grading.grade import grade
from grader.grading.gradebook import _nbgrader, _own_programs
from grader.grading.judge.run import grade_submission
from grader.grading.judge.trusted import judge
from grader.grading.release import release
from tests.grading.local_kernel import LocalEngine
from tests.grading.tiny import REPOSITORY
from tests.unit.inspectors import FakeInspector

EXAMPLE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
PROBLEMS = ("problem1", "problem2")
STUDENTS = ("bitdiddle", "hacker")

RAISES = """\
refused = []
for n in (0, -4):
    try:
        squares(n)
    except ValueError:
        refused.append(n)"""
USES = """\
orig_squares = squares
del squares
try:
    sum_of_squares(1)
except NameError:
    uses_squares = True
else:
    uses_squares = False
finally:
    squares = orig_squares"""
ASKED = {
    "correct_squares": (
        "some_squares = [squares(n) for n in (1, 2, 4)]",
        'engine.answer("some_squares").equals([[1], [1, 4], [1, 4, 9, 16]])',
    ),
    "squares_invalid_input": (RAISES, 'engine.answer("refused").equals([0, -4])'),
    "correct_sum_of_squares": (
        "some_sums = [sum_of_squares(n) for n in (1, 2, 10, 11)]",
        'engine.answer("some_sums").equals([1, 5, 385, 506])',
    ),
    "sum_of_squares_uses_squares": (USES, 'engine.answer("uses_squares").equals(True)'),
}
"""By test: the read-only cell that finds out, and what the test asks of it."""


def with_checks(notebook: NotebookNode, *, source: bool) -> NotebookNode:
    """The example's notebook with a read-only cell before each test; in the source the tests as checks."""
    cells = []
    for cell in notebook.cells:
        grade_id = marks(cell).get("grade_id")
        if grade_id in ASKED:
            find_out, asked = ASKED[grade_id]
            facts: dict[str, Any] = {"grade": False, "solution": False, "locked": True, "schema_version": 3}
            facts["grade_id"] = f"find-out-{grade_id}"
            cells.append(new_code_cell(find_out, metadata={"nbgrader": facts}))
            del cells[-1]["id"]  # the example is older than cell ids
            if source:
                cell.source = f'with check("{grade_id}") as engine:\n    {asked}'
        cells.append(cell)
    notebook.cells = cells
    return notebook


class Asked(FakeInspector):
    """Gives the answers that the kernel gave."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__()
        self.answers = answers

    def answer(self, name: str) -> Answer:
        return self.answers.get(name, Answer("missing"))


def ours(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Grade the example in a course of ours; student code runs in an ordinary kernel of this machine."""

    def look(task, engine, answers, outcomes):
        return judge(task, Asked(answers), outcomes)

    monkeypatch.setattr(batch, "grade_submission", partial(grade_submission, look=look))
    root.mkdir()
    shutil.copyfile(REPOSITORY / "course" / "nbgrader_config.py", root / "nbgrader_config.py")
    chapters = [f'[[chapter]]\nid = "{name}"\ntitle = "{name}"\n' for name in PROBLEMS]
    (root / "chapters.toml").write_text("\n".join(chapters))
    for name in PROBLEMS:
        put(EXAMPLE / "source" / "ps1", root / "source" / name, name, source=True)
        for student in STUDENTS:
            submitted = EXAMPLE / "submitted" / student / "ps1"
            put(submitted, root / "submitted" / student / name, name, source=False)
    course = Course.read(root)
    release(course)
    for name in PROBLEMS:
        result = grade(course, name, engine_factory=cast("Any", LocalEngine))
        assert not result.problems
        assert not result.blocked, result.as_dict()
    return grades(root, [(name, name) for name in PROBLEMS])


def put(folder: Path, target: Path, name: str, *, source: bool) -> None:
    target.mkdir(parents=True)
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    nbformat.write(with_checks(notebook, source=source), target / f"{name}.ipynb")
    shutil.copyfile(folder / "jupyter.png", target / "jupyter.png")


def stock(root: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Grade the example as its documentation does."""
    for folder in ("source/ps1", *(f"submitted/{student}/ps1" for student in STUDENTS)):
        shutil.copytree(EXAMPLE / folder, root / folder)
    _own_programs()
    config = Config({"CourseDirectory": {"root": str(root), "course_id": "course101"}})
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    with _nbgrader():
        for said in (
            api.generate_assignment("ps1"),
            *(api.autograde("ps1", student) for student in STUDENTS),
        ):
            assert said["success"], said
    return grades(root, [("ps1", name) for name in PROBLEMS])


def grades(root: Path, notebooks: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By student and cell: automatic score, manual score, whether a person has to grade it, the maximum."""
    found = {}
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        for assignment, notebook in notebooks:
            for student in STUDENTS:
                for one in gradebook.find_submission_notebook(notebook, assignment, student).grades:
                    facts = (one.auto_score, one.manual_score, one.needs_manual_grade, one.max_score)
                    found[student, one.name] = facts
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = tmp_path_factory.mktemp("example")
        return stock(root / "stock"), ours(root / "ours", monkeypatch)


def test_our_gradebook_says_what_stock_nbgraders_says(graded):
    theirs, here = graded
    assert here == theirs


def test_the_examples_grades_are_the_documented_ones(graded):
    """So that the two do not agree on nonsense."""
    _, here = graded
    assert here == {
        ("bitdiddle", "correct_squares"): (0, None, False, 1),
        ("bitdiddle", "squares_invalid_input"): (1, None, False, 1),
        ("bitdiddle", "correct_sum_of_squares"): (0, None, False, 0.5),
        ("bitdiddle", "sum_of_squares_uses_squares"): (0.5, None, False, 0.5),
        ("bitdiddle", "sum_of_squares_equation"): (None, None, True, 1),
        ("bitdiddle", "sum_of_squares_application"): (0, None, False, 2),
        ("bitdiddle", "cell-938593c4a215c6cc"): (None, None, True, 4),
        ("bitdiddle", "part-a"): (None, None, True, 1),
        ("bitdiddle", "part-b"): (None, None, True, 2),
        ("hacker", "correct_squares"): (1, None, False, 1),
        ("hacker", "squares_invalid_input"): (1, None, False, 1),
        ("hacker", "correct_sum_of_squares"): (0.5, None, False, 0.5),
        ("hacker", "sum_of_squares_uses_squares"): (0.5, None, False, 0.5),
        ("hacker", "sum_of_squares_equation"): (None, None, True, 1),
        ("hacker", "sum_of_squares_application"): (None, None, True, 2),
        ("hacker", "cell-938593c4a215c6cc"): (None, None, True, 4),
        ("hacker", "part-a"): (None, None, True, 1),
        ("hacker", "part-b"): (None, None, True, 2),
    }
