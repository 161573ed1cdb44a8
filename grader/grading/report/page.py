"""The report as one self-contained page: no network, no script; students' texts escaped and made visible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from grader.course import Course
from grader.expect.words import count as counted
from grader.expect.words import visible
from grader.grading.judge.results import number
from grader.grading.report.data import ClassReport, Row
from grader.grading.report.export import write_out
from grader.grading.report.summary import Bar, Numbers, summarize

FOLDER = "reports"
"""Where a course's pages are, next to nbgrader's folders."""
MOST_CHARS = 2000
WORDS = {
    "passed": "passed",
    "failed": "failed",
    "not_reached": "not reached",
    "blocked": "blocked",
}
MARKS = {"passed": "✔", "failed": "✘", "not_reached": "–", "blocked": "?"}


@dataclass(frozen=True)
class Todo:
    """Something for the instructor to know or do. ``students`` or ``lines`` say whom or what it concerns."""

    title: str
    text: str
    students: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def default_path(course: Course, chapter: str) -> Path:
    """The default place for a chapter's page."""
    return course.root / FOLDER / f"{chapter}.html"


def write_report(report: ClassReport, path: Path) -> Path:
    """Write the page; returns ``path``. Raises OSError."""
    write_out(path, render_page(report).encode("utf-8", "replace"))
    return path


def render_page(report: ClassReport) -> str:
    """The page as HTML."""
    summary = summarize(report)
    told = [row for row in report.rows if _has_details(row)]
    return _template().render(
        report=report,
        summary=summary,
        todos=todos(report),
        details=told,
        anchors={row.student: f"s{at}" for at, row in enumerate(told, 1)},
        words=WORDS,
        marks=MARKS,
        scores_text=histogram_text(summary.scores, "student", "points") if summary.scores else "",
        seconds_text=histogram_text(summary.seconds, "submission", "seconds") if summary.seconds else "",
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("grader.grading.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Before it is escaped, every text is made visible: control characters, marks that turn its direction.
        finalize=lambda value: visible(value, MOST_CHARS) if type(value) is str else value,
    )
    environment.filters.update(
        percent=percent, points=points, duration=duration, counted=counted, ticks=ticks
    )
    return environment.get_template("report.html")


def _has_details(row: Row) -> bool:
    spoken = any(m.findings or m.reason or m.manual is not None or m.extra for m in row.marks)
    return bool(spoken or row.notes or row.problem or row.penalty or row.comments or row.written)


def todos(report: ClassReport) -> tuple[Todo, ...]:
    """What needs attention, the most urgent first."""
    grade, graded, summary = f"`dockbook grade {report.chapter}`", report.graded, summarize(report)
    found = [
        Todo(
            "Problems",
            "What went wrong outside the grading itself.",
            lines=report.problems,
        ),
        Todo(
            "Verdict cannot be read",
            f"{grade} grades these again.",
            lines=tuple(f"{row.student}: {row.problem}" for row in report.of("damaged")),
        ),
        *(
            Todo(f"Blocked: {told.task}", f"{told.text.rstrip('.')}. {grade} tries again.", told.students)
            for told in summary.blocked
        ),
        Todo(
            "Submitted, not graded yet",
            "They are not in the numbers here." if report.grading_now else f"Run {grade}.",
            tuple(row.student for row in report.of("waiting")),
        ),
        *(Todo("Nothing could be run", told.text, told.students) for told in summary.unreadable),
        Todo(
            "Graded before something changed",
            f"The work, the tests or the grader have changed since then: {grade} grades these again.",
            tuple(row.student for row in graded if row.outdated),
        ),
        Todo(
            "Not in the gradebook",
            f"The gradebook does not match the verdict: {grade} corrects it.",
            tuple(row.student for row in graded if row.lags),
        ),
        Todo(
            "Answers to mark by hand",
            "They count as nothing until then. Open the formgrader.",
            tuple(row.student for row in graded if row.to_mark),
        ),
        Todo(
            "No submission",
            "In the gradebook, but nothing of this chapter was collected.",
            tuple(row.student for row in report.of("absent")),
        ),
    ]
    return tuple(todo for todo in found if todo.students or todo.lines)


def ticks(text: str) -> Markup:
    """Escaped HTML with text between `backticks` as code, as hints are written."""
    pieces = [escape(visible(piece, MOST_CHARS)) for piece in text.split("`")]
    if len(pieces) % 2 == 0:
        return escape(visible(text, MOST_CHARS))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if at % 2 else piece for at, piece in enumerate(pieces)
    )


def percent(share: float) -> str:
    """A share of 1 in whole percent; never 0% or 100% where that is not so."""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def points(value: float | None) -> str:
    """Points with at most two decimals; a dash for none."""
    return "–" if value is None else str(number(round(value, 2)))


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def histogram_text(numbers: Numbers, thing: str, unit: str) -> str:
    """A histogram in words, for readers who cannot see it."""

    def said(bar: Bar, last: bool) -> str:
        if numbers.points:
            where = points(bar.low)
        else:
            where = f"{points(bar.low)} to {'' if last else 'under '}{points(bar.high)}"
        return f"{where} {unit}: {counted(bar.count, thing)}"

    last = numbers.bars[-1]
    return "; ".join(said(bar, bar is last) for bar in numbers.bars if bar.count)
