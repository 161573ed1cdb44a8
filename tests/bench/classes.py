"""Made-up classes for the benchmarks: thirds that solved everything, something wrong everywhere, nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.course import Chapter, Course, marks
from grader.grading.demo import copy_course, solve, submit_notebook
from grader.grading.release import release

ROOT = Path(__file__).parents[2]
KINDS = ("right", "untouched", "wrong")


def term(folder: Path, chapter_id: str) -> tuple[Course, Chapter]:
    """A term's folder with one chapter released."""
    course = copy_course(Course.read(ROOT / "course"), folder)
    chapter = course.chapter(chapter_id)
    release(course, [chapter.id])
    return course, chapter


def make_class(course: Course, chapter: Chapter, size: int) -> list[str]:
    """Hand in ``size`` notebooks, the kinds in turn; the students' names."""
    released = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    made = {
        "right": solve(released, chapter, {task.id for task in chapter.tasks}),
        "untouched": released,
        "wrong": _wrong(released, chapter),
    }
    shutil.rmtree(course.root / "submitted", ignore_errors=True)
    students = [f"s{number:03}-{KINDS[number % len(KINDS)]}" for number in range(size)]
    for student in students:
        submit_notebook(course, chapter, student, made[student.partition("-")[2]])
    return students


def best(chapter: Chapter, student: str) -> float:
    """What a student of these classes has earned."""
    return float(sum(task.points for task in chapter.tasks)) if student.endswith("-right") else 0.0


def _wrong(released: NotebookNode, chapter: Chapter) -> NotebookNode:
    """The release with, for each task, the first of the cases that its check must find wrong."""
    notebook = nbformat.from_dict(released)
    cases = ROOT / "tests" / "cases" / chapter.id.partition("-")[0]
    wrong = {task.solution_id: min((cases / task.id).glob("wrong-*.py")) for task in chapter.tasks}
    for cell in notebook.cells:
        path = wrong.get(marks(cell).get("grade_id", ""))
        if path is not None:
            cell.source = path.read_text(encoding="utf-8")
    return notebook
