"""The report and the table: complete, and nothing of a student's gets in unescaped."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from grader.expect.finding import Finding, Outcome
from grader.grading.report import render_table, write_report
from grader.grading.results import ChapterResult, SubmissionResult, TaskResult

EVIL = "<script>alert(1)</script>[red]\x1b[31m\n&"


@pytest.fixture
def result():
    finding = Finding(EVIL, EVIL, EVIL, EVIL, EVIL)
    tasks = (
        TaskResult.of("greeter", 3, Outcome.passed()),
        TaskResult.of("sum", 2.5, Outcome.failed(finding)),
        TaskResult.of("late", 1, Outcome.not_reached(EVIL)),
        TaskResult.of("lost", 1, Outcome.blocked(EVIL)),
    )
    students = (SubmissionResult("ada", tasks, (EVIL,)), SubmissionResult(EVIL, tasks))
    return ChapterResult("ch01-tiny", students, (EVIL,))


def test_the_page_escapes_and_tells_everything(result, tmp_path):
    page = write_report(result, tmp_path / "deep" / "report.html").read_text()
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("<table") == page.count("</table") == 1
    assert page.count("3/7.5 (not all graded)") == 4
    assert "greeter: 2 of 2 passed" in page
    assert "sum: 0 of 2 passed" in page
    assert not re.search(r"(src|href)=", page)


def test_the_table_prints_marks_and_no_markup_of_theirs(result):
    out = io.StringIO()
    render_table(result, Console(file=out, width=200, no_color=True))
    text = out.getvalue()
    assert "✔ 3/3" in text
    assert "✘ 0/2.5" in text
    assert "\x1b" not in text
    assert "[red]" in text
    assert "not graded:" in text


def test_an_empty_chapter_is_a_page_and_a_table(tmp_path):
    empty = ChapterResult("ch01-tiny", ())
    assert "0 submissions" in write_report(empty, tmp_path / "report.html").read_text()
    render_table(empty, Console(file=io.StringIO()))
