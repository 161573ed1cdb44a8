"""Grade a chapter: a verdict for each submission, then nbgrader's folders, gradebook and feedback from it.

Two steps that never mix: verdicts (pure, one engine each, nothing shared) and one writer of everything else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

from grader.course import Chapter, Course
from grader.errors import CourseError
from grader.grading.gradebook import Books
from grader.grading.results import ChapterResult, SubmissionResult
from grader.grading.run import EngineFactory, grade_submission, sandbox_factory
from grader.grading.submission import Submission, read_submission
from grader.grading.verdicts import Verdicts

Stage = Literal["running", "graded", "written"]


class Progress(Protocol):
    """Told about each submission: student, stage, how many are through that stage, of how many."""

    def __call__(self, student: str, stage: Stage, done: int, total: int) -> None: ...


def grade(
    course: Course,
    chapter: Chapter | str,
    *,
    students: Sequence[str] | None = None,
    jobs: int | None = 1,
    boot: str = "sandbox",
    progress: Progress | None = None,
    engine_factory: EngineFactory | None = None,
) -> ChapterResult:
    """Grade the submissions of one chapter (or of the ``students`` named) and write all that follows.

    A verdict that is there for the same work, tests and grader is taken. One bad submission never stops the
    others. ``jobs``: submissions side by side, None for one per core. ``boot``: ``sandbox`` (``auto`` means
    that too) or ``vm``. Raises CourseError when nothing was released or handed in, or a
    student named handed nothing in.
    """
    boot = "sandbox" if boot == "auto" else boot
    if boot not in ("sandbox", "vm"):
        raise CourseError(
            f"Grading never runs on the {boot!r} boot: a submission would own the machine.",
            next_step="use sandbox or vm.",
        )
    chapter = course.chapter(chapter) if isinstance(chapter, str) else chapter
    books = Books(course)
    chosen = _choose(books, chapter.require(), students)
    tell = progress or _silent
    factory = engine_factory or sandbox_factory(chapter.limits, boot)
    verdicts = Verdicts(course, chapter)
    results: list[SubmissionResult] = []
    problems: list[str] = []
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:

        def work(student: str) -> tuple[Submission, SubmissionResult]:
            tell(student, "running", len(results), len(chosen))
            submission = read_submission(books.folder("submitted", student, chapter), chapter, student)
            return submission, judge(chapter, submission, verdicts, factory)

        # In the order of names, whoever finishes first: number and order of workers change nothing.
        for student, (submission, result) in zip(chosen, pool.map(work, chosen), strict=True):
            results.append(result)
            tell(student, "graded", len(results), len(chosen))
            with verdicts.handed(submission, result):
                problem = write(books, chapter, submission, result)
            if problem:
                problems.append(f"{student}: {problem}")
            tell(student, "written", len(results), len(chosen))
    return ChapterResult(chapter.id, tuple(results), tuple(problems))


def judge(
    chapter: Chapter, submission: Submission, verdicts: Verdicts, factory: EngineFactory
) -> SubmissionResult:
    """The verdict on a submission: the one that is kept, else a trusted run's."""
    result = verdicts.load(submission)
    if result is None:
        result = grade_submission(chapter, submission, factory)
        verdicts.save(submission, result)
    return result


def write(books: Books, chapter: Chapter, submission: Submission, result: SubmissionResult) -> str:
    """Put a verdict into nbgrader's folders and gradebook; empty, or what went wrong, in one line."""
    if submission.state == "missing":
        books.save_nothing_submitted(chapter, result)
        return ""
    if submission.folder.is_symlink() or submission.folder.parent.is_symlink():
        # nbgrader would follow it.
        books.save_nothing_submitted(chapter, result)
        return ""
    problem = books.autograde(chapter, submission.student)
    if problem:
        return f"nbgrader's autograde failed: {problem}"
    problem = books.feedback(chapter, submission.student)
    return f"nbgrader's feedback failed: {problem}" if problem else ""


def _choose(books: Books, chapter: Chapter, students: Sequence[str] | None) -> list[str]:
    if not books.released(chapter):
        raise CourseError(
            f"Chapter {chapter.id} was never released here, so the gradebook does not know its tasks.",
            next_step=f"run `dockbook release {chapter.id}`.",
        )
    there = books.students(chapter)
    if not there:
        raise CourseError(
            f"Nobody has handed in {chapter.id}: no STUDENT/{chapter.id} in {books.submitted}.",
            next_step="collect the submissions into that folder.",
        )
    if students is None:
        return there
    for student in students:
        if student not in there:
            raise CourseError(
                f"{student!r} has handed in nothing for {chapter.id}.",
                next_step=f"name one of: {', '.join(there[:10])}.",
            )
    return sorted(set(students))


def _silent(student: str, stage: Stage, done: int, total: int) -> None:
    pass
