"""The feedback page: what it says of each task, and that nothing of a student's acts in it."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from traitlets.config import Config

from grader.expect.finding import Finding, Outcome
from grader.grading.feedback import FeedbackExporter, graded_task
from grader.grading.judge.results import TaskResult
from grader.grading.judge.run import verdict_outputs
from tests.grading import tiny

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def verdict_cell(outcome: Outcome, score: float, **more):
    """A test cell as the trusted run and nbgrader's GetGrades leave it."""
    cell = new_code_cell(tiny.TEST_SUM, metadata=tiny._marks("test-sum", grade=True, points=2))
    cell.metadata.nbgrader.update(score=score, points=2.0, **more)
    cell.outputs = verdict_outputs(TaskResult.of("sum", 2, outcome))
    return cell


def page(*cells, penalty: float = 0) -> Any:
    notebook = nbformat.v4.new_notebook(cells=[new_markdown_cell("# Tiny & all"), *cells])
    facts = {
        "notebook": "ch01",
        "student": f"ann {EVIL}",
        "score": 2.0,
        "max_score": 5.5,
        "late_penalty": penalty,
    }
    config = Config()
    config.HTMLExporter.filters = {"markdown2html": "grader.grading.safe_markdown.markdown"}
    config.HTMLExporter.sanitize_html = True
    html, _ = FeedbackExporter(config=config).from_notebook_node(notebook, resources={"nbgrader": facts})
    return BeautifulSoup(html, "html.parser")


@pytest.mark.parametrize(
    ("outcome", "score", "status", "words"),
    [
        (Outcome.passed(), 2, "passed", "passed"),
        (Outcome.failed(Finding("the sum", "value", "42", "41", "Add again.")), 0, "failed", "not yet"),
        (Outcome.not_reached("greeter has not passed"), 0, "not_reached", "not reached"),
        (Outcome.blocked("the engine died"), 0, "blocked", "not graded yet"),
        (Outcome.failed(), 1.5, "by_hand", "graded by hand"),
        (Outcome.passed(), 1, "by_hand", "graded by hand"),
        (Outcome.blocked("the engine died"), 2, "by_hand", "graded by hand"),
    ],
)
def test_how_a_task_came_out(outcome, score, status, words):
    task = graded_task(verdict_cell(outcome, score))
    assert (task.name, task.status, task.words, task.score, task.most) == ("sum", status, words, score, 2)


def test_a_picture_that_the_instructor_pasted_is_on_the_page():
    pasted = {"my layers.png": {"image/png": "iVBORw0="}}
    shown = page(new_markdown_cell("![Layers](attachment:my%20layers.png)", attachments=pasted))
    assert [image["src"] for image in shown.select("img[alt=Layers]")] == ["data:image/png;base64,iVBORw0="]


def test_a_test_without_a_verdict_is_not_passed():
    cell = verdict_cell(Outcome.passed(), 0)
    cell.outputs = []
    assert graded_task(cell).status == "failed"
    cell.outputs = [new_output("error", ename="NameError", evalue="check", traceback=["check"])]
    assert graded_task(cell).status == "failed"


def test_the_page_says_points_findings_and_comments():
    finding = Finding("the sum", "value", "42", f"41 {EVIL}", "Add again.")
    answer = new_code_cell("total = 41", metadata=tiny._marks("sum", solution=True))
    answer.metadata.nbgrader["comment"] = "Nearly, *but* read again."
    found = page(answer, verdict_cell(Outcome.failed(finding), 0), penalty=0.25)
    assert found.title.text == "Feedback: Tiny & all"
    assert found.find(class_="total").text == "2 of 5.5 points"
    assert "0.25 taken off" in found.find(class_="late").text
    task = found.find(id="task-sum")
    assert EVIL in task.find("li").text and "Add again." in task.find("li").text
    assert found.find(class_="comment").em.text == "but"
    assert [link["href"] for link in found.find(class_="tasks").find_all("a")] == ["#task-sum"]


def test_nothing_of_a_student_acts_on_the_page():
    markdown = new_markdown_cell(
        f"# Mine\n\n{EVIL}\n\n<div class='task is-passed' id='task-x'>16 of 16</div>"
    )
    code = new_code_cell(f"print('{EVIL}')", metadata={"tags": [f'">{EVIL}']})
    code.outputs = [
        new_output("stream", name="stdout", text=EVIL),
        new_output("display_data", data={"text/html": EVIL, "text/plain": EVIL}),
        new_output("display_data", data={"image/svg+xml": f"<svg>{EVIL}</svg>"}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
        new_output("error", ename=EVIL, evalue=EVIL, traceback=[EVIL]),
    ]
    found = page(markdown, code)
    assert not found.find_all(["script", "iframe", "form", "object", "embed", "link"])
    for element in found.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")]
        assert not str(element.get("src", "")).startswith("http")
    assert not found.find_all(class_="task") and not found.find(id="task-x")
