"""A result in which every text is hostile."""

from __future__ import annotations

import pytest

from grader.expect.finding import Finding, Outcome
from grader.grading.judge.results import ChapterResult, Standing, SubmissionResult, TaskResult
from tests.unit.grading.report.made import EVIL


@pytest.fixture
def result():
    finding = Finding(EVIL, EVIL, EVIL, EVIL, EVIL)
    tasks = (
        TaskResult.of("greeter", 3, Outcome.passed()),
        TaskResult.of("sum", 2.5, Outcome.failed(finding)),
        TaskResult.of("late", 1, Outcome.not_reached(EVIL)),
        TaskResult.of("lost", 1, Outcome.blocked(EVIL)),
    )
    notes = (EVIL, f"tampered: {EVIL}", f"limit reached: {EVIL}")
    students = (SubmissionResult("ada", tasks, notes, seconds=1.5), SubmissionResult(EVIL, tasks, seconds=2))
    held = {
        one.student: Standing(
            3, 9.5, {t.task: None if t.outcome == "blocked" else t.score for t in tasks}, {EVIL: (None, 2)}
        )
        for one in students
    }
    return ChapterResult("ch01-tiny", students, (EVIL,), held)
