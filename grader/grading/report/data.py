"""What a report is made from: verdicts, joined with what the gradebook adds. Plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from grader.expect.finding import Finding, Status
from grader.grading.judge.results import ChapterResult, Standing, SubmissionResult, TaskResult

State = Literal["graded", "waiting", "damaged", "absent"]
"""``waiting``: submitted, no verdict yet. ``damaged``: its verdict is not whole. ``absent``: no work."""


@dataclass(frozen=True)
class Mark:
    """One task of one student. ``manual`` is a person's score that replaces the automatic one, ``extra`` is
    added to either.

    ``reason`` is the verdict's, without what ``Row.notes`` tells already.
    """

    task: str
    max: float
    outcome: Status
    auto: float
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    manual: float | None = None
    extra: float = 0.0

    @property
    def points(self) -> float | None:
        """What the task is worth to the student; None while it is blocked and not graded by hand."""
        if self.manual is not None:
            return self.manual + self.extra
        return None if self.outcome == "blocked" else self.auto + self.extra


@dataclass(frozen=True)
class Written:
    """A cell that a person grades (``points`` is None until then), or a test the chapter no longer has."""

    cell: str
    max: float
    points: float | None


@dataclass(frozen=True)
class Row:
    """One student. ``outdated``: `dockbook grade` would grade again, since work, tests or grader have
    changed.

    ``seconds`` is how long the grading took, 0 where nothing could be run. ``penalty`` are points that
    nbgrader takes off for being late; ``comments`` counts a person's comments in the gradebook. ``lags``: the
    gradebook does not hold this verdict (yet). ``problem`` says why a verdict is damaged.
    """

    student: str
    state: State
    marks: tuple[Mark, ...] = ()
    written: tuple[Written, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    penalty: float = 0.0
    comments: int = 0
    outdated: bool = False
    lags: bool = False
    problem: str = ""

    @property
    def score(self) -> float:
        """Points so far, less the penalty; never below zero."""
        return max(0.0, self.before_penalty - self.penalty)

    @property
    def before_penalty(self) -> float:
        """Points so far, as nbgrader's gradebook adds them up."""
        marks = sum(mark.points or 0.0 for mark in self.marks)
        return float(marks + sum(one.points or 0.0 for one in self.written))

    @property
    def max_score(self) -> float:
        """Points there were to get, written answers included."""
        return sum(mark.max for mark in self.marks) + sum(one.max for one in self.written)

    @property
    def blocked(self) -> bool:
        """Whether some task could not be checked and was not graded by hand."""
        return any(mark.points is None for mark in self.marks)

    @property
    def to_mark(self) -> int:
        """Cells that wait for a person."""
        return sum(one.points is None for one in self.written)

    @property
    def standing(self) -> Standing:
        """What the gradebook holds."""
        return Standing(
            score=self.score,
            max_score=self.max_score,
            tasks={mark.task: mark.points for mark in self.marks},
            by_hand={one.cell: (one.points, one.max) for one in self.written},
            entered=not self.lags,
        )

    @property
    def unreadable(self) -> str:
        """Why nothing of the submission could be run (no notebook, not readable); empty if it was run."""
        first = self.marks[0].reason if self.marks else ""
        same = all(m.outcome == "failed" and not m.findings and m.reason == first for m in self.marks)
        return first if first in self.notes and same else ""


@dataclass(frozen=True)
class Entry:
    """What the gradebook holds on one student's chapter, by grade id: points given by us, and by people."""

    auto: Mapping[str, float | None] = field(default_factory=dict)
    manual: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    penalty: float = 0.0
    comments: int = 0


@dataclass(frozen=True)
class ClassReport:
    """The current results of a chapter's class. ``rows`` are in the order of the students' ids.

    ``tasks`` are ids with points, in the chapter's order. ``grading_now`` says who grades at the moment, or
    is empty. ``problems`` are what went wrong, in words. ``made_at`` has a time zone.
    """

    chapter: str
    title: str
    tasks: tuple[tuple[str, float], ...]
    rows: tuple[Row, ...]
    made_at: datetime
    grading_now: str = ""
    problems: tuple[str, ...] = ()

    def of(self, *states: State) -> tuple[Row, ...]:
        """The students in these states."""
        return tuple(row for row in self.rows if row.state in states)

    @property
    def graded(self) -> tuple[Row, ...]:
        """Who has a verdict."""
        return self.of("graded")

    @property
    def handed_in(self) -> int:
        """How many there are to grade."""
        return len(self.rows) - len(self.of("absent"))


def row_of(
    result: SubmissionResult,
    entry: Entry | None = None,
    tests: Mapping[str, str] | None = None,
    others: Sequence[tuple[str, float]] = (),
    *,
    outdated: bool = False,
) -> Row:
    """A graded student. ``tests``: grade id by task; ``others``: id and points of cells that are no tests."""
    tests, known = tests or {}, entry or Entry()
    marks = tuple(
        Mark(
            task=task.task,
            max=task.max,
            outcome=task.outcome,
            auto=task.score,
            findings=task.findings,
            reason=_own_reason(task, result.notes),
            manual=known.manual.get(tests.get(task.task, "")),
            extra=known.extra.get(tests.get(task.task, ""), 0.0),
        )
        for task in result.tasks
    )
    written = tuple(Written(cell, points, _by_hand(known, cell)) for cell, points in others)
    lags = entry is not None and any(
        known.auto.get(tests[task.task]) != (None if task.outcome == "blocked" else task.score)
        for task in result.tasks
    )
    return Row(
        student=result.student,
        state="graded",
        marks=marks,
        written=written,
        notes=result.notes,
        seconds=result.seconds,
        penalty=known.penalty,
        comments=known.comments,
        outdated=outdated,
        lags=lags,
    )


def of_results(result: ChapterResult, title: str = "") -> ClassReport:
    """A report from verdicts alone, without a gradebook."""
    rows = tuple(row_of(student) for student in result.students)
    tasks = tuple((mark.task, mark.max) for mark in rows[0].marks) if rows else ()
    now = datetime.now(UTC).astimezone()
    return ClassReport(result.chapter, title or result.chapter, tasks, rows, now, problems=result.problems)


def _by_hand(entry: Entry, cell: str) -> float | None:
    points = entry.manual.get(cell, entry.auto.get(cell))
    return None if points is None else points + entry.extra.get(cell, 0.0)


def _own_reason(task: TaskResult, notes: Sequence[str]) -> str:
    """The outcome's own reason: without the notes on the task that ``TaskResult.of`` joined to it."""
    reason = task.reason
    for note in reversed(notes):
        reason = reason.removesuffix(f"; {note}")
    only_a_note = reason in notes and (task.findings or task.outcome == "passed")
    return "" if only_a_note else reason
