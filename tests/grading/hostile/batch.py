"""Many hostile submissions and two honest classmates, graded in one batch side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.course import Chapter, Course
from grader.grading.demo import submit_notebook
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.judge.results import ChapterResult, SubmissionResult
from tests.grading import tiny
from tests.grading.hostile.attack import Attack

HONEST = ("a00-ada", "zoe")
"""Classmates with everything right, the first and the last to be written."""


@dataclass(frozen=True)
class Batch:
    """What came of a batch, and where."""

    course: Course
    chapter: Chapter
    result: ChapterResult

    def of(self, student: str) -> SubmissionResult:
        """One student's verdict."""
        return next(found for found in self.result.students if found.student == student)

    def in_book(self, student: str) -> dict[str, float | None]:
        """One student's points by task, as nbgrader's gradebook has them."""
        return Books(self.course).scores(self.chapter, student)

    def page(self, student: str) -> str:
        """One student's feedback; empty without any."""
        path = self.course.root / "feedback" / student / self.chapter.id / f"{self.chapter.id}.html"
        return path.read_text() if path.is_file() else ""

    def read_by_instructor(self, student: str) -> str:
        """Notes, findings, reasons, and the graded notebook's outputs."""
        result = self.of(student)
        lines = [*result.notes, *(line for task in result.tasks for line in task.words())]
        path = self.course.root / "autograded" / student / self.chapter.id / self.chapter.notebook.name
        if path.is_file():
            for cell in nbformat.read(path, as_version=4).cells:
                for output in cell.get("outputs", ()):
                    lines.append(output.get("text", ""))
                    lines.append(str(output.get("data", {}).get("text/plain", "")))
                    lines += [output.get("ename", ""), output.get("evalue", "")]
        return "\n".join(lines)


def released(course: Course) -> tuple[Chapter, NotebookNode]:
    """The chapter and the students' notebook of a course that is released."""
    chapter = course.chapter("ch01")
    return chapter, nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)


def submit(course: Course, attack: Attack) -> None:
    """Hand in half-right work with an attack in it."""
    chapter, notebook = released(course)
    solved = tiny.solve(notebook, chapter, [attack.honest])
    attack.arm(solved)
    path = submit_notebook(course, chapter, attack.student, notebook)
    # As it is: nbformat would mend or refuse some of it.
    path.write_text(json.dumps(solved))
    if attack.files is not None:
        attack.files(path.parent)


def hand_in_all(course: Course, attacks: Collection[Attack]) -> None:
    """The classmates first: some attacks lead to what they handed in."""
    chapter, notebook = released(course)
    for name in HONEST:
        submit_notebook(course, chapter, name, tiny.solve(notebook, chapter, ["greeter", "sum"]))
    for attack in attacks:
        submit(course, attack)


def limited(root: Path, target: Path, **limits: float) -> Course:
    """A copy of a released course with these limits."""
    shutil.copytree(root, target)
    if limits:
        path = target / "chapters.toml"
        text = path.read_text()
        table = "".join(f"{name} = {value}\n" for name, value in limits.items())
        path.write_text(text.replace("[limits]\ncell_s = 20\ntotal_s = 60\n", f"[limits]\n{table}"))
    return Course.read(target)


def grade_all(course: Course, attacks: Sequence[Attack], jobs: int | None = None) -> Batch:
    """Hand in and grade."""
    hand_in_all(course, attacks)
    chapter = course.chapter("ch01")
    return Batch(course, chapter, grade(course, chapter, jobs=jobs))
