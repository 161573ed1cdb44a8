"""What grading says: one result per task, per submission, per chapter. Plain data, JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from grader.expect.finding import Finding, Outcome, Status

RESULT_VERSION = 1


@dataclass(frozen=True)
class TaskResult:
    """The verdict on one task. ``score`` follows from ``outcome`` alone: all points or none."""

    task: str
    max: float
    outcome: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @classmethod
    def of(cls, task: str, points: float, outcome: Outcome, *notes: str) -> Self:
        """From a check's outcome; ``notes`` are joined to its reason."""
        reason = "; ".join(part for part in (outcome.reason, *notes) if part)
        return cls(task, points, outcome.status, outcome.findings, reason)

    @property
    def score(self) -> float:
        """Points: only a passed task is worth any."""
        return self.max if self.outcome == "passed" else 0.0

    def words(self) -> list[str]:
        """The findings and the reason, one line each, for a person. The student's data: escape them."""
        return [*map(str, self.findings), *([self.reason] if self.reason else [])]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "task": self.task,
            "score": number(self.score),
            "max": number(self.max),
            "outcome": self.outcome,
            "findings": [finding.as_dict() for finding in self.findings],
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From ``as_dict``; raises KeyError, TypeError or ValueError on anything else."""
        if data["outcome"] not in ("passed", "failed", "not_reached", "blocked"):
            raise ValueError(f"unknown outcome {data['outcome']!r}")
        findings = tuple(Finding(**finding) for finding in data["findings"])
        return cls(str(data["task"]), float(data["max"]), data["outcome"], findings, str(data["reason"]))


@dataclass(frozen=True)
class SubmissionResult:
    """The verdict on one submission.

    ``notes`` say what is unlike the release and which limit was reached. ``notebook`` is the executed
    notebook (format 4, a JSON object): the student's cells with their outputs, the instructor's test cells
    without hidden tests and with the verdict. ``seconds`` is how long the grading took. ``unreadable`` says
    why nothing of the submission could be run (no notebook, not readable); empty if it was run.
    """

    student: str
    tasks: tuple[TaskResult, ...]
    notes: tuple[str, ...] = ()
    notebook: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    unreadable: str = ""

    @property
    def score(self) -> float:
        """Points in all."""
        return sum(task.score for task in self.tasks)

    @property
    def max_score(self) -> float:
        """The maximum of points."""
        return sum(task.max for task in self.tasks)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes on no task in particular, without the reason that nothing could be run."""
        reasons = [task.reason for task in self.tasks]
        return tuple(
            note for note in self.notes if note != self.unreadable and not any(note in one for one in reasons)
        )

    @property
    def blocked(self) -> bool:
        """Whether some task could not be checked: to be graded again, or by hand."""
        return any(task.outcome == "blocked" for task in self.tasks)

    def as_dict(self) -> dict[str, Any]:
        """A JSON object, without the notebook."""
        return {
            "student": self.student,
            "score": number(self.score),
            "max_score": number(self.max_score),
            "tasks": [task.as_dict() for task in self.tasks],
            "notes": list(self.notes),
            "unreadable": self.unreadable,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], notebook: Mapping[str, Any], seconds: float) -> Self:
        """From ``as_dict``; raises KeyError, TypeError or ValueError on anything else."""
        tasks = tuple(TaskResult.from_dict(task) for task in data["tasks"])
        notes, unreadable = tuple(map(str, data["notes"])), str(data.get("unreadable", ""))
        return cls(str(data["student"]), tasks, notes, notebook, seconds, unreadable)


@dataclass(frozen=True)
class Standing:
    """What the gradebook holds on one student's chapter.

    ``score`` and ``max_score`` are of all that is graded, by tests and by hand. ``tasks`` are points by task,
    a person's where there are some; None: not graded yet. ``by_hand`` are points and maximum of the cells
    that a person grades, by grade id; points None: it waits. ``entered``: whether it holds the verdict.
    """

    score: float
    max_score: float
    tasks: Mapping[str, float | None] = field(default_factory=dict)
    by_hand: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)
    entered: bool = True

    @property
    def waiting(self) -> dict[str, float]:
        """The cells that wait for a person, with the points there are to get."""
        return {cell: most for cell, (points, most) in self.by_hand.items() if points is None}

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "score": number(self.score),
            "max_score": number(self.max_score),
            "waiting": {cell: number(most) for cell, most in self.waiting.items()},
            "in_gradebook": self.entered,
        }


@dataclass(frozen=True)
class ChapterResult:
    """All submissions of one chapter, in the order of the students' names.

    ``problems`` are students whose verdict could not be written to nbgrader's folders, with the reason.
    ``standings``: what the gradebook holds on each of them afterwards, where it holds something.
    """

    chapter: str
    students: tuple[SubmissionResult, ...]
    problems: tuple[str, ...] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``dockbook grade --json``: of each student the verdict and the gradebook's points."""
        students = []
        for student in self.students:
            standing = self.standings.get(student.student)
            students.append(student.as_dict() | {"gradebook": standing and standing.as_dict()})
        return {"chapter": self.chapter, "students": students}

    @property
    def blocked(self) -> bool:
        """Whether some work stays ungraded through no fault of a student."""
        return bool(self.problems) or any(student.blocked for student in self.students)


def number(value: float) -> float | int:
    """Whole points as int, so that 3 points read as 3."""
    return int(value) if value == int(value) else value
