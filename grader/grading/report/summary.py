"""The numbers of a report: pure functions of a ``ClassReport``, in an order that depends on nothing else."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.expect.finding import Finding, Status
from grader.expect.student_values import Hidden, StudentValues
from grader.grading.report.data import ClassReport, Row

MOST_BARS = 12
"""Bars of a histogram, except that whole points up to ``MOST_POINTS`` have a bar each."""
MOST_POINTS = 20
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_CHANGED = (
    *("test cell ", "solution cell ", "not followed: "),
    *("the cells have lost ", "the answer ", "the task "),
)
_LIMITS = ("limit reached", "the kernel ", "the engine ")
_CELL = re.compile(r"\bcell \d+")


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: values from ``low`` to under ``high`` (the last one: to ``high``)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Numbers:
    """A distribution. Quartiles are those of ``statistics.quantiles(method="inclusive")``."""

    count: int
    least: float
    lower: float
    median: float
    upper: float
    most: float
    mean: float
    total: float
    bars: tuple[Bar, ...]
    points: bool = False
    """Whether each bar is one whole number."""


@dataclass(frozen=True)
class TaskNumbers:
    """How the class did on one task. ``mean`` is over those that were looked at or graded by hand."""

    task: str
    max: float
    outcomes: dict[Status, int]
    mean: float | None
    by_hand: int

    @property
    def total(self) -> int:
        """Students with a verdict."""
        return sum(self.outcomes.values())

    def share(self, outcome: Status) -> float:
        """From 0 to 1."""
        return self.outcomes[outcome] / self.total if self.total else 0.0


@dataclass(frozen=True)
class Variant:
    """One wording of a kind of finding, with ``OWN_WORD`` and ``OWN_PORT`` for a student's own values."""

    expected: str
    found: str
    hint: str
    count: int


OWN_WORD, OWN_PORT = "‹own word›", "‹own port›"


@dataclass(frozen=True)
class FindingKind:
    """Findings on the same property of the same thing in one task. The first variant is the most frequent."""

    task: str
    subject: str
    property: str
    students: tuple[str, ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Told:
    """Something that was said of several students: a reason or a note; ``task`` where it concerns one."""

    text: str
    students: tuple[str, ...]
    task: str = ""


@dataclass(frozen=True)
class Summary:
    """Everything that a report says of the class as a whole.

    ``scores`` are of students with every task checked (``complete``): a blocked task is never a zero.
    ``seconds`` are of submissions with cells that were run. Both None if there are none.
    """

    complete: int
    full: int
    max_score: float
    scores: Numbers | None
    seconds: Numbers | None
    slowest: str
    tasks: tuple[TaskNumbers, ...]
    findings: tuple[FindingKind, ...]
    not_reached: tuple[Told, ...]
    other_reasons: tuple[Told, ...]
    blocked: tuple[Told, ...]
    unreadable: tuple[Told, ...]
    tampered: tuple[Told, ...]
    changed: tuple[Told, ...]
    limits: tuple[Told, ...]
    remarks: tuple[Told, ...]


def summarize(report: ClassReport) -> Summary:
    """The numbers of this class."""
    graded = report.graded
    complete = [row for row in graded if not row.blocked]
    ran = [row for row in graded if row.seconds > 0]
    max_score = max((row.max_score for row in graded), default=sum(points for _, points in report.tasks))
    return Summary(
        complete=len(complete),
        full=sum(row.score >= row.max_score for row in complete),
        max_score=max_score,
        scores=numbers([row.score for row in complete], max_score, whole=True),
        seconds=numbers([row.seconds for row in ran], max((row.seconds for row in ran), default=0.0)),
        slowest=max(ran, key=lambda row: row.seconds).student if ran else "",
        tasks=tuple(_task(graded, task, points) for task, points in report.tasks),
        findings=_findings(report),
        not_reached=_reasons(report, "not_reached"),
        other_reasons=_reasons(report, "failed"),
        blocked=_reasons(report, "blocked"),
        unreadable=_grouped((row.unreadable, row.student, "") for row in graded if row.unreadable),
        tampered=_notes(graded, "tampered"),
        changed=_notes(graded, "changed"),
        limits=_notes(graded, "limit"),
        remarks=_notes(graded, "remark"),
    )


def numbers(values: Sequence[float], top: float, *, whole: bool = False) -> Numbers | None:
    """The distribution of ``values``, which are not negative; bars reach to ``top`` at least.

    ``whole``: few whole values have a bar each.
    """
    if not values:
        return None
    lower, median, upper = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    top = max(top, *values)
    points = whole and top <= MOST_POINTS and all(value == int(value) for value in (*values, top))
    return Numbers(
        count=len(values),
        least=min(values),
        lower=lower,
        median=median,
        upper=upper,
        most=max(values),
        mean=statistics.fmean(values),
        total=math.fsum(values),
        bars=_bars(values, top, 1.0 if points else _step(top), points=points),
        points=points,
    )


def _step(top: float) -> float:
    """The smallest round width with which MOST_BARS reach ``top``."""
    least = max(top / MOST_BARS, 0.01)
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def _bars(values: Sequence[float], top: float, step: float, *, points: bool) -> tuple[Bar, ...]:
    size = int(top) + 1 if points else max(1, math.ceil(top / step - 1e-9))
    counts = Counter(min(int(value / step + 1e-9), size - 1) for value in values)
    return tuple(Bar(round(at * step, 9), round((at + 1) * step, 9), counts[at]) for at in range(size))


def _task(graded: Sequence[Row], task: str, points: float) -> TaskNumbers:
    marks = [mark for row in graded for mark in row.marks if mark.task == task]
    known = [mark.points for mark in marks if mark.points is not None]
    found = Counter(mark.outcome for mark in marks)
    order: tuple[Status, ...] = ("passed", "failed", "not_reached", "blocked")
    return TaskNumbers(
        task=task,
        max=points,
        outcomes={outcome: found[outcome] for outcome in order},
        mean=statistics.fmean(known) if known else None,
        by_hand=sum(mark.manual is not None for mark in marks),
    )


def own_values(student: str, task: str) -> Callable[[str], str]:
    """What writes a student's own word and port for a task as such, so that texts of two students compare."""
    own = (StudentValues(student), Hidden(student))
    words, ports = {each.word(task) for each in own}, {str(each.port(task)) for each in own}
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(sorted(words | ports))})(?![^\W_])")

    def plain(text: str) -> str:
        return pattern.sub(lambda found: OWN_WORD if found[0] in words else OWN_PORT, text)

    return plain


def _findings(report: ClassReport) -> tuple[FindingKind, ...]:
    order = {task: at for at, (task, _) in enumerate(report.tasks)}
    students: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    wordings: dict[tuple[str, str, str], Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for row in report.graded:
        for mark in row.marks:
            if not mark.findings:
                continue
            plain = own_values(row.student, mark.task)
            for finding in dict.fromkeys(_plain(finding, plain) for finding in mark.findings):
                key = (mark.task, finding.subject, finding.property)
                students[key][row.student] = None
                wordings[key][finding.expected, finding.found, finding.hint] += 1
    kinds = [
        FindingKind(
            *key, tuple(sorted(students[key])), tuple(Variant(*text, count) for text, count in _ranked(said))
        )
        for key, said in wordings.items()
    ]
    return tuple(
        sorted(kinds, key=lambda k: (-len(k.students), order.get(k.task, 0), k.task, k.subject, k.property))
    )


def _plain(finding: Finding, plain: Callable[[str], str]) -> Finding:
    return replace(
        finding,
        subject=plain(finding.subject),
        property=plain(finding.property),
        expected=plain(finding.expected),
        found=plain(finding.found),
        hint=plain(finding.hint),
    )


def _ranked(counted: Counter[tuple[str, str, str]]) -> list[tuple[tuple[str, str, str], int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _reasons(report: ClassReport, outcome: Status) -> tuple[Told, ...]:
    """Reasons of tasks with this outcome; of blocked ones only those not graded by hand."""
    return _grouped(
        (mark.reason, row.student, mark.task)
        for row in report.graded
        for mark in row.marks
        if mark.outcome == outcome and mark.reason and not row.unreadable
        if outcome != "blocked" or mark.points is None
    )


def kind_of_note(note: str) -> Literal["tampered", "changed", "limit", "remark"]:
    """What a note is about: changed text, else unlike the release, a limit or death, anything else."""
    if note.startswith("tampered: "):
        return "tampered"
    if note.startswith(_CHANGED):
        return "changed"
    return "limit" if note.startswith(_LIMITS) else "remark"


def _notes(graded: Sequence[Row], kind: str) -> tuple[Told, ...]:
    return _grouped(
        (_CELL.sub("cell …", note), row.student, "")
        for row in graded
        for note in row.notes
        if kind_of_note(note) == kind and note != row.unreadable
    )


def _grouped(said: Iterable[tuple[str, str, str]]) -> tuple[Told, ...]:
    """Texts with the students of whom they were said, the most frequent first."""
    groups: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for text, student, task in said:
        groups[text, task][student] = None
    told = [Told(text, tuple(sorted(students)), task) for (text, task), students in groups.items()]
    return tuple(sorted(told, key=lambda one: (-len(one.students), one.task, one.text)))
