"""`dockbook report` of hostile names and of large classes, and its page on a phone."""

from __future__ import annotations

import csv
import io
import json
import shutil

import pytest

from grader.course import Course
from grader.expect.finding import Finding, Outcome
from grader.grading.judge.results import ChapterResult, SubmissionResult, TaskResult
from grader.grading.report.data import of_results
from grader.grading.report.export import as_dict
from grader.grading.report.page import render_page
from tests.browser.lab import chromium
from tests.grading import made_up
from tests.grading.report.reading import read, report

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "=cmd|calc!A0",
    "@SUM(1)",
    "-2+3",
    "a\x1b[31m\nb",
    "right\u202eleft",
    "`tick` {{ 7 * 7 }} {% raw %}",
    "'\"; DROP TABLE student; --",
)


def test_hostile_names_are_escaped_everywhere(course, capfd):
    chapter = course.chapter("ch01")
    finding = Finding(*["{{ x }}<b onclick=1>=1\x07"] * 5)
    made_up.record(
        course,
        chapter,
        [
            SubmissionResult(
                name,
                (
                    TaskResult.of("greeter", 3, Outcome.failed(finding)),
                    TaskResult.of("sum", 2, Outcome.passed()),
                ),
                (f"tampered: {name}",),
                seconds=1.0,
            )
            for name in HOSTILE
        ],
    )
    assert [row.student for row in read(course).rows] == sorted(HOSTILE)
    page = render_page(read(course))
    assert "<img" not in page
    assert "<b onclick" not in page
    assert "{{ 7 * 7 }} {% raw %}" in page
    assert not [char for char in page if not char.isprintable() and char != "\n"]
    assert report(course, "--format", "csv") == 0
    cells = {cell for row in csv.reader(io.StringIO(capfd.readouterr().out, newline="")) for cell in row}
    assert {"'=cmd|calc!A0", "'@SUM(1)", "'-2+3", "a\\x1b[31m\\nb"} <= cells
    assert report(course, "--format", "json") == 0
    assert {one["student"] for one in json.loads(capfd.readouterr().out)["students"]} == set(HOSTILE)


@pytest.fixture(scope="module")
def large(released_root, tmp_path_factory):
    """A class of 300, made up."""
    root = tmp_path_factory.mktemp("large") / "course"
    shutil.copytree(released_root, root)
    course = Course.read(root)
    chapter = course.chapter("ch01")
    made_up.record(course, chapter, made_up.verdicts_of(chapter, made_up.names(300)), enter=False)
    return course


def test_a_class_of_300_is_all_there(large):
    chapter = large.chapter("ch01")
    wanted = made_up.verdicts_of(chapter, made_up.names(300))
    found = read(large)
    assert [(row.student, row.score) for row in found.graded] == [(one.student, one.score) for one in wanted]
    data = as_dict(found)
    assert data["counts"]["graded"] == 300
    for at, task in enumerate(chapter.tasks):
        outcomes = [one.tasks[at].outcome for one in wanted]
        assert data["tasks"][at]["outcomes"] == {
            name: outcomes.count(name) for name in ("passed", "failed", "not_reached", "blocked")
        }
        assert data["tasks"][at]["task"] == task.id
    with_findings = {(one.student, task.task) for one in wanted for task in one.tasks if task.findings}
    told = {(student, kind["task"]) for kind in data["findings"] for student in kind["students"]}
    assert told == with_findings
    assert len(data["findings"]) <= 10, "kinds, not each student's own wording"
    assert 'id="s' in render_page(found)


def wide_class():
    """More tasks than a phone is wide, and words that nothing breaks."""
    finding = Finding("container web", "output", "'x'", f"'{'z' * 400}'", "Try `docker logs`.")
    outcomes = (
        Outcome.passed(),
        Outcome.failed(finding),
        Outcome.blocked("y" * 300),
        Outcome.not_reached("n"),
    )
    students = []
    for at in range(12):
        tasks = [
            TaskResult.of(f"a-task-with-a-name-{n}", 3, outcomes[(at + n) % (2 if at < 4 else 4)])
            for n in range(9)
        ]
        name = "s" * 150 if at == 5 else f"student-{at}"
        students.append(
            SubmissionResult(name, tuple(tasks), ("limit reached: " + "w" * 200,), seconds=at * 1.7)
        )
    return of_results(ChapterResult("ch01-tiny", tuple(students), ("p" * 300,)), "Tiny")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_read_on_a_phone_without_network_or_script(tmp_path, scheme):
    path = tmp_path / "report.html"
    path.write_text(render_page(wide_class()))
    asked: list[str] = []
    said: list[str] = []
    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": 360, "height": 700}, color_scheme=scheme, java_script_enabled=False
        )
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(path.as_uri())
        assert page.locator("h1").inner_text() == "Tiny"
        sideways = "root => root.scrollWidth - root.clientWidth"
        assert page.locator("html").evaluate(sideways) == 0
        summaries = page.locator("main > section > details > summary").all()
        assert len(summaries) > 10
        for summary in summaries:
            summary.click()
        assert page.locator("html").evaluate(sideways) == 0
        assert page.get_by_role("region", name="Scores of all students").evaluate(sideways) > 0
        assert page.get_by_role("img", name="Students by score").count() == 1
        assert page.get_by_role("table").count() == 2
        context.close()
    assert asked == [path.as_uri()]
    assert said == []
