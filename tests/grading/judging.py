"""Grading without an engine: what a submission is worth is made up, everything else is real."""

from __future__ import annotations

import nbformat

from grader.expect.finding import Finding, Outcome
from grader.grading import grade as batch
from grader.grading.demo import submit_notebook
from grader.grading.gradebook import Books
from grader.grading.judge.run import _result, _Run
from tests.grading import tiny


class Judge:
    """Stands in for the trusted run: whoever wrote a solution passes its task. Counts what it judged."""

    def __init__(self, monkeypatch):
        self.judged = []
        self.verdict = {}
        monkeypatch.setattr(batch, "grade_submission", self)

    def __call__(self, chapter, submission, factory, *, scratch):
        assert scratch.is_dir()
        self.judged.append(submission.student)
        done = "\n".join(step.source for step in submission.reassembled.steps if step.task is None)
        failed = Outcome.failed(Finding("it", "state", "done", "not done"))
        right = {"greeter": "salve orbis" in done, "sum": "6 * 7" in done}
        outcomes = {task: Outcome.passed() if right[task] else failed for task in right}
        outcomes |= self.verdict.get(submission.student, {})
        return _result(chapter, submission, _Run(outcomes=outcomes), 0.5)


def submit(course, student, *tasks):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    return submit_notebook(course, chapter, student, tiny.solve(notebook, chapter, tasks))


def scores(course):
    books, chapter = Books(course), course.chapter("ch01")
    return {name: books.scores(chapter, name) for name in books.students(chapter)}
