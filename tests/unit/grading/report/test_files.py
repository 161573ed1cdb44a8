"""The report as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from grader.expect.finding import Finding, Outcome
from grader.grading.judge.results import ChapterResult, SubmissionResult, TaskResult
from grader.grading.report.data import Row, of_results
from grader.grading.report.export import SCHEMA, as_csv, as_dict, as_json
from tests.unit.grading.report.made import EVIL, check_schema, failed


def test_json_keeps_to_its_schema_and_is_plain_ascii(result):
    base = of_results(result)
    more = (Row("wanda", "waiting"), Row("dora", "damaged", problem="x"), Row("a\udc80b", "absent"))
    report = replace(base, rows=(*base.rows, *more))
    check_schema(report)
    assert as_json(report).isascii()
    data = json.loads(as_json(report))
    assert data["counts"] == {
        "known": 5,
        "handed_in": 4,
        "graded": 2,
        "waiting": 1,
        "damaged": 1,
        "absent": 1,
        "complete": 0,
        "full": 0,
    }
    assert data["students"][1]["student"] == EVIL
    assert data["students"][0]["score"] is None
    assert data["students"][0]["score_so_far"] == 3


def test_the_schema_says_no_to_another_shape(result):
    data = json.loads(as_json(of_results(result)))
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for path, wrong in ((("version",), 2), (("students", 0, "state"), "lost"), (("tasks", 0, "mean"), "x")):
        broken = json.loads(json.dumps(data))
        place = broken
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = wrong
        assert not validator.is_valid(broken), path


def rows_of(report):
    return list(csv.DictReader(io.StringIO(as_csv(report), newline="")))


FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_of_a_students_is_a_formula(text):
    finding = Finding(text, text, text, text, text)
    result = SubmissionResult(
        text, (failed("a", finding), TaskResult.of("b", 1, Outcome.blocked(text))), (text,), seconds=1
    )
    report = of_results(ChapterResult("c", (result,)))
    for cells in rows_of(report):
        for column, cell in cells.items():
            numeric = column in {"score", "max", "manual", "extra", "total", "seconds", "late_penalty"}
            assert numeric or not cell.lstrip(" ").startswith(tuple("=+-@\t\r＝")), column
    assert rows_of(report)[0]["student"].startswith("'")


def test_numbers_stay_numbers_and_text_is_quoted_as_the_rfc_says():
    finding = Finding('a "quoted", thing', "state", "", "x")
    result = SubmissionResult(
        "ada", (TaskResult.of("a", 2.5, Outcome.passed()), failed("b", finding)), (), {}, 1.25
    )
    report = of_results(ChapterResult("c", (result,)))
    report = replace(report, rows=(replace(report.rows[0], penalty=0.5), Row("zoe", "waiting")))
    text = as_csv(report)
    assert '"a ""quoted"", thing: state: found x."' in text
    assert all(line.endswith("\r\n") for line in text.splitlines(keepends=True))
    first, second, third, _ = rows_of(report)
    assert [first[name] for name in ("score", "max", "late_penalty", "total", "seconds")] == [
        *("2.5", "2.5", "0.5", "2", "1.25")
    ]
    assert (second["findings"], second["score"], second["outcome"]) == ("1", "0", "failed")
    assert (third["student"], third["state"], third["task"], third["score"]) == ("zoe", "waiting", "a", "")


@given(st.integers(0, 2**32))
def test_all_formats_agree_on_made_up_classes(seed):
    chance = random.Random(seed)
    made = []
    for student in range(chance.randint(1, 12)):
        outcomes = [
            chance.choice(
                (Outcome.passed(), Outcome.failed(), Outcome.blocked("x"), Outcome.not_reached("y"))
            )
            for _ in range(3)
        ]
        tasks = tuple(TaskResult.of(f"t{at}", at + 0.5, outcome) for at, outcome in enumerate(outcomes))
        made.append(SubmissionResult(f"s{student:02}", tasks, seconds=chance.random()))
    report = of_results(ChapterResult("c", tuple(made)))
    data, rows = as_dict(report), rows_of(report)
    for one, result in zip(data["students"], made, strict=True):
        own = [row for row in rows if row["student"] == result.student]
        assert one["score_so_far"] == result.score == sum(float(row["score"] or 0) for row in own)
        assert (one["score"] is None) == result.blocked == (own[0]["total"] == "")
    for task in data["tasks"]:
        assert sum(task["outcomes"].values()) == len(made)
    if data["scores"]:
        complete = [result.score for result in made if not result.blocked]
        assert data["scores"]["total"] == pytest.approx(sum(complete))
