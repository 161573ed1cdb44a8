"""A course with one short chapter of two tasks, so that grading can be tried quickly, and work to hand in."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.course import Chapter, Course
from grader.grading.demo import solve
from grader.grading.release import release

REPOSITORY = Path(__file__).resolve().parents[2]
CHAPTER = "ch01-tiny"
SETUP = "%load_ext grader\nimport docker\nclient = docker.from_env()"

SOLVE_GREETER = """\
### BEGIN SOLUTION
forget_greeter = [box.remove(force=True) for box in client.containers.list(all=True) if box.name == "greeter"]
greeter = client.containers.run("busybox", ["echo", "salve orbis"], name="greeter", detach=True)
status = greeter.wait()["StatusCode"]
### END SOLUTION"""

TEST_GREETER = """\
with check("greeter") as engine:
    box = engine.container("greeter")
    ### BEGIN HIDDEN TESTS
    box.ran("echo", "salve orbis")
    box.printed("salve orbis")
    box.exited(0)
    ### END HIDDEN TESTS"""

SOLVE_SUM = """\
### BEGIN SOLUTION
total = 6 * 7
### END SOLUTION"""

TEST_SUM = """\
with check("sum") as engine:
    said = engine.answer("total")
    ### BEGIN HIDDEN TESTS
    said.equals(42)
    ### END HIDDEN TESTS"""


def _marks(grade_id: str, **facts: Any) -> dict[str, Any]:
    base = {"schema_version": 3, "grade_id": grade_id, "grade": False, "solution": False, "locked": False}
    return {"nbgrader": {**base, "task": False, **facts}}


def _solution(grade_id: str, source: str) -> NotebookNode:
    return new_code_cell(source, id=f"{grade_id}-work", metadata=_marks(grade_id, solution=True))


def _test(grade_id: str, source: str, points: int) -> NotebookNode:
    found = _marks(grade_id, grade=True, locked=True, points=points, cell_type="code")
    return new_code_cell(source, id=f"{grade_id}-cell", metadata=found)


def source_notebook() -> NotebookNode:
    """The instructor's notebook: 3 points for `greeter` (a container), 2 for `sum` (an answer)."""
    return new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        cells=[
            new_markdown_cell("# Tiny", id="title"),
            new_code_cell(SETUP, id="setup"),
            new_markdown_cell("Greet.", id="greeter-words"),
            _solution("greeter", SOLVE_GREETER),
            _test("test-greeter", TEST_GREETER, 3),
            new_markdown_cell("Add.", id="sum-words"),
            _solution("sum", SOLVE_SUM),
            _test("test-sum", TEST_SUM, 2),
            new_markdown_cell("The end.", id="end"),
        ],
    )


def make_course(root: Path) -> Course:
    """Write the course to ``root``."""
    folder = root / "source" / CHAPTER
    folder.mkdir(parents=True)
    nbformat.write(source_notebook(), folder / f"{CHAPTER}.ipynb")
    (folder / "figures").mkdir()
    (folder / "figures" / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (root / "chapters.toml").write_text(
        f'[limits]\ncell_s = 20\ntotal_s = 60\n\n[[chapter]]\nid = "{CHAPTER}"\ntitle = "Tiny"\n'
        '\n[[chapter]]\nid = "ch02-later"\ntitle = "Later"\n'
    )
    shutil.copyfile(REPOSITORY / "course" / "nbgrader_config.py", root / "nbgrader_config.py")
    return Course.read(root)


def released(course: Course) -> tuple[Chapter, NotebookNode]:
    """Release the chapter; it and the students' notebook."""
    chapter = course.chapter(CHAPTER)
    (folder,) = release(course, [chapter])
    return chapter, nbformat.read(folder / chapter.notebook.name, as_version=4)


def student_notebook(chapter: Chapter, *tasks: str) -> NotebookNode:
    """A student's notebook without going through a release: the named tasks solved, tests as released."""
    from grader.grading.judge.recognise import strip_hidden_tests

    notebook = copy.deepcopy(chapter.source)
    for cell in notebook.cells:
        found = cell.metadata.get("nbgrader", {})
        if found.get("solution"):
            cell.source = "# YOUR CODE HERE\nraise NotImplementedError()"
        elif found.get("grade"):
            cell.source = strip_hidden_tests(cell.source)
    return solve(notebook, chapter, tasks)


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The (first) cell with this grade id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


__all__ = [
    "CHAPTER",
    "cell",
    "make_course",
    "released",
    "solve",
    "source_notebook",
    "student_notebook",
]
