"""A report for other programs: JSON by a versioned schema, and CSV for a spreadsheet.

The schema is ``report.schema.json`` next to this module (JSON Schema 2020-12). In short:

- ``format`` is ``dockbook-report``, ``version`` is ``VERSION``: it grows when a field changes its meaning or
  goes away; fields may be added without that.
- ``chapter``, ``title``, ``made_at`` (ISO 8601 with a time zone), ``grading_now`` (who, or empty),
  ``problems`` in words.
- ``counts``: students ``known``, ``handed_in``, ``graded``, ``waiting``, ``damaged``, ``absent``,
  ``complete`` (nothing blocked), ``full`` (all points); ``max_score``.
- ``scores`` and ``seconds``: ``least``, ``lower``, ``median``, ``upper``, ``most``, ``mean``, ``total``,
  ``count``, and ``bars`` of a histogram (``low``, ``high``, ``count``); null where there is nothing to count.
- ``tasks``: ``outcomes`` counted, ``mean`` points, ``by_hand``.
- ``findings``: each kind (``task``, ``subject``, ``property``) with its ``students`` and its ``variants``,
  the most frequent first. A student's own values are shown there as ``‹own word›`` and ``‹own port›``.
- ``blocked``, ``not_reached``, ``other_reasons``, ``unreadable``, ``tampered``, ``changed``, ``limits``,
  ``remarks``: ``text`` with ``students``.
- ``students``: each with ``state``, ``score`` (null while something is blocked, or not graded), ``tasks``...

Texts are data of students: JSON's own escapes apply, nothing else. Points of a student:
``score`` = sum of the tasks' and written answers' ``points`` - ``late_penalty``, at least 0.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.expect.words import visible
from grader.files import write_whole
from grader.grading.judge.results import number
from grader.grading.report.data import ClassReport, Mark, Row
from grader.grading.report.summary import Numbers, Summary, TaskNumbers, summarize

VERSION = 1
SCHEMA = Path(__file__).with_name("report.schema.json")
MOST_CHARS = 2000
"""Characters of one text in a CSV cell."""

COLUMNS = (
    *("chapter", "student", "state", "task", "outcome", "score", "max", "manual", "extra"),
    *("late_penalty", "total", "total_max", "seconds", "outdated", "comments"),
    *("reason", "findings", "first_finding", "hint", "notes"),
)


def as_json(report: ClassReport) -> str:
    """The report as JSON text, ASCII only."""
    return json.dumps(as_dict(report), indent=1) + "\n"


def as_dict(report: ClassReport) -> dict[str, Any]:
    """The report as a JSON object by ``report.schema.json``."""
    summary = summarize(report)
    return {
        "format": "dockbook-report",
        "version": VERSION,
        "chapter": report.chapter,
        "title": report.title,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "grading_now": report.grading_now,
        "problems": list(report.problems),
        "counts": _counts(report, summary),
        "max_score": number(summary.max_score),
        "scores": _numbers(summary.scores),
        "seconds": _numbers(summary.seconds),
        "slowest": summary.slowest,
        "tasks": [_task(task) for task in summary.tasks],
        "findings": [asdict(kind) for kind in summary.findings],
        **{
            name: [asdict(told) for told in getattr(summary, name)]
            for name in (
                *("blocked", "not_reached", "other_reasons", "unreadable"),
                *("tampered", "changed", "limits", "remarks"),
            )
        },
        "students": [_student(row) for row in report.rows],
    }


def _counts(report: ClassReport, summary: Summary) -> dict[str, int]:
    states = {state: len(report.of(state)) for state in ("graded", "waiting", "damaged", "absent")}
    return {
        "known": len(report.rows),
        "handed_in": report.handed_in,
        **states,
        "complete": summary.complete,
        "full": summary.full,
    }


def _numbers(numbers: Numbers | None) -> dict[str, Any] | None:
    if numbers is None:
        return None
    found = asdict(numbers)
    del found["points"]
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in found.items()}


def _task(task: TaskNumbers) -> dict[str, Any]:
    mean = None if task.mean is None else round(task.mean, 6)
    return {**asdict(task), "max": number(task.max), "mean": mean}


def _student(row: Row) -> dict[str, Any]:
    graded = row.state == "graded"
    return {
        "student": row.student,
        "state": row.state,
        "score": number(row.score) if graded and not row.blocked else None,
        "score_so_far": number(row.score) if graded else None,
        "max_score": number(row.max_score) if graded else None,
        "late_penalty": number(row.penalty),
        "seconds": round(row.seconds, 3),
        "outdated": row.outdated,
        "in_gradebook": graded and not row.lags,
        "comments": row.comments,
        "problem": row.problem,
        "notes": list(row.notes),
        "tasks": [_mark(mark) for mark in row.marks],
        "written": [asdict(one) for one in row.written],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "task": mark.task,
        "outcome": mark.outcome,
        "points": None if mark.points is None else number(mark.points),
        "max": number(mark.max),
        "auto": None if mark.outcome == "blocked" else number(mark.auto),
        "manual": mark.manual,
        "extra": number(mark.extra),
        "reason": mark.reason,
        "findings": [finding.as_dict() for finding in mark.findings],
    }


def as_csv(report: ClassReport) -> str:
    """One row for each student and task (or written answer), RFC 4180. No text is a formula.

    ``score`` is empty where the task is blocked or the student is not graded; ``late_penalty``, ``total``,
    ``seconds``, ``comments`` and ``notes`` are the student's and the same in each of their rows.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in report.rows:
        for cells in _rows(report, row):
            writer.writerow([_safe(cells.get(column)) for column in COLUMNS])
    return out.getvalue()


def _rows(report: ClassReport, row: Row) -> Iterable[dict[str, Any]]:
    student: dict[str, Any] = {"chapter": report.chapter, "student": row.student, "state": row.state}
    if row.state != "graded":
        for task, points in report.tasks:
            yield {**student, "task": task, "max": points, "reason": row.problem}
        return
    student |= {
        "late_penalty": row.penalty,
        "total": None if row.blocked else row.score,
        "total_max": row.max_score,
        "seconds": round(row.seconds, 3),
        "outdated": "yes" if row.outdated else "no",
        "comments": row.comments,
        "notes": " | ".join(row.notes),
    }
    for mark in row.marks:
        first = mark.findings[0] if mark.findings else None
        yield {
            **student,
            "task": mark.task,
            "outcome": mark.outcome,
            "score": mark.points,
            "max": mark.max,
            "manual": mark.manual,
            "extra": mark.extra or None,
            "reason": mark.reason,
            "findings": len(mark.findings),
            "first_finding": str(first).removesuffix(f" {first.hint}") if first and first.hint else first,
            "hint": first.hint if first else None,
        }
    for one in row.written:
        yield {**student, "task": one.cell, "outcome": "written", "score": one.points, "max": one.max}


def _safe(value: object) -> str | int | float:
    """A cell: numbers as they are; text in one line, and never the start of a formula."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return number(value)
    text = str(value)
    shown = visible(text, MOST_CHARS)
    # What a spreadsheet takes for a formula; some take the wide forms too, and pass over blanks before them.
    start = text.lstrip(" \u00a0\u3000\ufeff")[:1]
    return f"'{shown}" if start in tuple("=+-@\t\r\n＝＋－＠") else shown


def write_out(path: Path, data: bytes) -> None:
    """Write a file, all or nothing: a reader sees the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a pipe, a device
        return
    write_whole(path, data)
