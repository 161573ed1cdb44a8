"""Made-up results for a report, and a page taken apart."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from jsonschema import Draft202012Validator

from grader.expect.finding import Outcome
from grader.grading.judge.results import ChapterResult, SubmissionResult, TaskResult
from grader.grading.report import export
from grader.grading.report.data import of_results
from grader.grading.report.export import SCHEMA, as_dict, as_json

EVIL = "<script>alert(1)</script>[red]\x1b[31m\n&\"'><img src=x onerror=alert(1)>\u202e"
CSS = Path(export.__file__).parent / "templates" / "report.css"


class Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.ids, self.links = set(), set(), [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.links.append(value)

    def handle_data(self, data):
        self.text.append(data)


def failed(task, *findings, score=2):
    return TaskResult.of(task, score, Outcome.failed(*findings))


def submissions(*tasks_of, **more):
    return [SubmissionResult(f"s{at}", tuple(tasks), **more) for at, tasks in enumerate(tasks_of)]


def report_on(*tasks_of):
    return of_results(ChapterResult("ch01-tiny", tuple(submissions(*tasks_of))))


def check_schema(report):
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(as_json(report)))
    assert as_dict(report)["version"] == export.VERSION == schema["properties"]["version"]["const"]
