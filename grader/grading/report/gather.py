"""Read a class's current results: verdicts in the journal, the gradebook, who submitted. Changes nothing.

Takes no lock, so that it works during a running grading, and runs no engine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from grader.course import Chapter, Course
from grader.errors import CourseError, GradebookError
from grader.expect.words import count
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.judge import files
from grader.grading.judge.results import Standing, SubmissionResult
from grader.grading.lock import held_by_another
from grader.grading.report.data import ClassReport, Entry, Row, row_of
from grader.grading.verdicts import Verdicts


def gather(course: Course, chapter: Chapter) -> ClassReport:
    """The class of one chapter.

    Raises CourseError when the chapter is not written, was never released, or no submission has a verdict;
    GradebookError when the gradebook or the whole journal cannot be read. A single verdict that cannot be
    read is a row's ``problem``.
    """
    books = Books(course)
    books.require_released(chapter.require())
    reader = _Reader(books, chapter)
    rows = reader.rows()
    busy = held_by_another(course)
    report = ClassReport(
        chapter=chapter.id,
        title=chapter.title,
        tasks=tuple((task.id, task.points) for task in chapter.tasks),
        rows=rows,
        made_at=datetime.now(UTC).astimezone(),
        grading_now=busy.what if busy else "",
        problems=tuple(reader.problems),
    )
    if not report.of("graded", "damaged"):
        if reader.problems:
            raise GradebookError(
                reader.problems[0],
                next_step=f"run `dockbook grade {chapter.id}`: it reuses the saved verdicts.",
            )
        raise CourseError(
            f"Nothing of {chapter.id} is graded yet; {report.handed_in} submitted."
            + (f" {busy.what}" if busy else ""),
            next_step="wait for the first verdicts." if busy else f"run `dockbook grade {chapter.id}`.",
        )
    return report


class _Reader:
    """One reading of one chapter."""

    def __init__(self, books: Books, chapter: Chapter) -> None:
        self.books, self.chapter = books, chapter
        self.problems: list[str] = []
        self.verdicts = Verdicts(books.course, chapter)
        self.journal = self._journal()
        self.tests = {task.id: task.test_id for task in chapter.tasks}

    def _journal(self) -> Journal:
        try:
            return Journal(self.books.course, self.chapter)
        except OSError as error:
            raise GradebookError(
                f"The journal of {self.chapter.id} cannot be read: {error}.",
                next_step="make it a file that you may read, or move it elsewhere and grade again: "
                "saved verdicts are reused.",
            ) from error

    def rows(self) -> tuple[Row, ...]:
        """All students, by name."""
        entries, others = read_gradebook(self.books, self.chapter)
        handed_in = set(self.books.students(self.chapter))
        judged = self.journal.students()
        rows = []
        for student in sorted({*handed_in, *judged, *entries}):
            entry = entries.get(student, Entry())
            if student not in judged:
                rows.append(Row(student, "waiting" if student in handed_in else "absent"))
                continue
            found = self._verdict(student)
            if isinstance(found, str):
                rows.append(Row(student, "damaged", problem=found))
                continue
            outdated = not self._current(student)
            rows.append(row_of(found, entry, self.tests, others, outdated=outdated))
        # A line that was lost matters only where a verdict is missing, or is not the last one.
        if self.journal.unreadable and any(row.outdated or row.state == "waiting" for row in rows):
            lines = count(self.journal.unreadable, "line")
            self.problems.append(f"The journal {self.journal.path} is damaged: {lines} cannot be read.")
        return tuple(rows)

    def _verdict(self, student: str) -> SubmissionResult | str:
        """The student's last verdict, or what is wrong with it."""
        key = self.journal.judged(student)
        found = self.verdicts.read(key)
        if found is None:
            # A grading that ended meanwhile has put a newer one in its place.
            self.journal = self._journal()
            key = self.journal.judged(student)
            found = self.verdicts.read(key)
        if found is None:
            return _why(self.verdicts, key)
        if found.student != student:
            return f"{key}.json belongs to another student's work"
        return found

    def _current(self, student: str) -> bool:
        """Whether the verdict is on the work that is there now, by these tests and this grader."""
        folder = self.books.folder("submitted", student, self.chapter)
        real = folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()
        try:
            found = files.digest(folder, self.chapter) if real else ""
        except OSError:
            return False
        digests = (found, f"missing:{found}", f"unreadable:{found}")
        return self.journal.judged(student) in {self.verdicts.key_of(student, one) for one in digests}


def _why(verdicts: Verdicts, key: str) -> str:
    """Why ``Verdicts.read`` gave nothing."""
    path = verdicts.folder / f"{key}.json"
    try:
        json.loads(path.with_suffix(".ipynb").read_bytes())
        data = json.loads(path.read_bytes())
        result = SubmissionResult.from_dict(data["result"], {}, float(data["seconds"]))
    except FileNotFoundError as error:
        return f"{error.filename} is not there"
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return f"{path} or the notebook next to it is damaged"
    tasks = ", ".join(task.task for task in result.tasks)
    return f"{path} judges other tasks ({tasks}): the chapter has changed"


def standings(books: Books, chapter: Chapter, results: Sequence[SubmissionResult]) -> dict[str, Standing]:
    """What the gradebook holds on the students of these verdicts. Raises GradebookError."""
    entries, others = read_gradebook(books, chapter)
    tests = {task.id: task.test_id for task in chapter.tasks}
    return {
        result.student: row_of(result, entries[result.student], tests, others).standing
        for result in results
        if result.student in entries
    }


def read_gradebook(books: Books, chapter: Chapter) -> tuple[dict[str, Entry], tuple[tuple[str, float], ...]]:
    """Each student of the gradebook with what it holds on this chapter; id and points of other cells.

    Other cells are those that no task of the chapter tests: a person's to grade. Raises GradebookError.
    """
    tests = {task.test_id for task in chapter.tasks}
    with books.open() as gradebook:
        db = gradebook.db
        found = {str(student): _Found() for (student,) in db.query(Student.id)}
        source = gradebook.find_notebook(chapter.id, chapter.id)
        cells = [*source.grade_cells, *source.task_cells]
        others = tuple((str(c.name), float(c.max_score or 0)) for c in cells if c.name not in tests)

        def of_chapter(*columns: Any, through: Any) -> Any:
            query = db.query(SubmittedAssignment.student_id, *columns).select_from(through)
            if through is not SubmittedNotebook:
                query = query.join(SubmittedNotebook, through.notebook_id == SubmittedNotebook.id)
                query = query.join(BaseCell, through.cell_id == BaseCell.id)
            query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            return query.join(Assignment).filter(Assignment.name == chapter.id)

        grades = of_chapter(
            BaseCell.name, Grade.auto_score, Grade.manual_score, Grade.extra_credit, through=Grade
        )
        for student, name, auto, manual, extra in grades:
            one = found[student]
            one.auto[name] = auto
            if manual is not None:
                one.manual[name] = manual
            if extra:
                one.extra[name] = extra
        late = of_chapter(SubmittedNotebook.late_submission_penalty, through=SubmittedNotebook)
        for student, penalty in late:
            found[student].penalty += penalty or 0.0
        for student, comment in of_chapter(Comment.manual_comment, through=Comment):
            found[student].comments += bool(comment and comment.strip())
    return {student: one.entry() for student, one in found.items()}, others


class _Found:
    """An ``Entry`` that is being collected."""

    def __init__(self) -> None:
        self.auto: dict[str, float | None] = {}
        self.manual: dict[str, float] = {}
        self.extra: dict[str, float] = {}
        self.penalty = 0.0
        self.comments = 0

    def entry(self) -> Entry:
        return Entry(self.auto, self.manual, self.extra, self.penalty, self.comments)
