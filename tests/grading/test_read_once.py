"""A batch reads its course once and each submission once, in whatever number of steps it is graded."""

from __future__ import annotations

import tomllib
from collections import Counter

import nbformat
import pytest
from nbgrader.converters import Autograde

from grader.cli import instructor, main
from grader.grading.grade import grade
from grader.grading.gradebook import Books, _nbgrader
from grader.grading.judge import reassemble
from tests.grading import tiny
from tests.grading.judging import scores, submit

CLASS = ("ada", "bob", "cleo", "dora", "emil")


@pytest.fixture
def readings(released_course, monkeypatch) -> Counter[str]:
    """How often chapters.toml and the chapter's notebook were parsed, and each submission was reassembled."""
    counts: Counter[str] = Counter()
    limits = (released_course.root / "chapters.toml").read_text()
    source = released_course.chapter("ch01").notebook.read_text()
    parse_toml, parse_notebook = tomllib.loads, nbformat.reads

    def toml(text, **options):
        counts["chapters.toml"] += text == limits
        return parse_toml(text, **options)

    def notebook(text, *arguments, **options):
        counts["source"] += text == source
        return parse_notebook(text, *arguments, **options)

    def reassembled(submitted, chapter):
        counts["reassembled"] += 1
        return reassemble.reassemble(submitted, chapter)

    monkeypatch.setattr(tomllib, "loads", toml)
    monkeypatch.setattr(nbformat, "reads", notebook)
    monkeypatch.setattr("grader.grading.judge.submission.reassemble", reassembled)
    monkeypatch.setattr(instructor, "ensure_image", lambda **_: None)
    return counts


def test_grading_a_class_reads_everything_once(released_course, judge, readings):
    for name in CLASS:
        submit(released_course, name, "sum")
    readings.clear()
    command = ["grade", "ch01", "--course", str(released_course.root)]
    assert main([*command, "--jobs", "3"]) == 0
    assert sorted(judge.judged) == sorted(CLASS)
    assert readings == {"chapters.toml": 1, "source": 1, "reassembled": len(CLASS)}
    assert scores(released_course) == {name: {"greeter": 0, "sum": 2} for name in CLASS}

    readings.clear()
    assert main(command) == 0  # all kept
    assert readings == {"chapters.toml": 1, "source": 1, "reassembled": len(CLASS)}


def test_stock_nbgrader_reads_everything_once_too(released_course, judge, readings):
    """One converter for the class, as `nbgrader autograde` has it. The verdicts are there already."""
    for name in CLASS:
        submit(released_course, name, "sum")
    grade(released_course, "ch01")
    before = scores(released_course)
    readings.clear()
    books = Books(released_course)
    books.coursedir.assignment_id = tiny.CHAPTER
    converter = Autograde(coursedir=books.coursedir, parent=books._api)
    converter.force = True
    with _nbgrader():
        converter.start()
    assert readings == {"chapters.toml": 1, "source": 1, "reassembled": len(CLASS)}
    assert scores(released_course) == before
