"""What a student's file is called means nothing to the tools: it is no time, no page, no notebook."""

from __future__ import annotations

import io
from datetime import datetime
from html import unescape

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from rich.console import Console

from grader.errors import EngineError
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.judge import received
from grader.grading.judge.received import Received, note_received, time_received
from grader.grading.report.terminal import render_table
from tests.grading import tiny
from tests.grading.judging import submit

CHAPTER = tiny.CHAPTER
FILES = {
    "words": ("timestamp.txt", b"started at nine"),
    "early": ("timestamp.txt", b"2001-01-01 00:00:00 UTC"),
    "empty": ("timestamp.txt", b""),
    "bytes": ("timestamp.txt", b"\xff\xfe\x00"),
    "folder": ("timestamp.txt/x", b"x"),
    "page": (f"{CHAPTER}.html", b"<script>"),
    "in-page": (f"{CHAPTER}.html/x", b"x"),
    "other": (f"{CHAPTER}.ipynb.d/x", b"x"),
    "gradebook": ("gradebook.db", b"x"),
    "config": ("nbgrader_config.py", b"raise SystemExit(1)"),
    "[q]": ("a[b]*.txt", b"x"),
}


@pytest.fixture
def course(released_course):
    """No engine image is needed here."""
    return released_course


def test_every_name_is_a_files_name(course, judge, monkeypatch):
    for student, (name, content) in FILES.items():
        path = submit(course, student, "sum").parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    result = grade(course, "ch01")
    assert result.problems == ()
    out = io.StringIO()
    render_table(result, Console(file=out, width=200, no_color=True))
    assert out.getvalue().count(" 2/5 ") == len(FILES)
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        for student in FILES:
            found = gradebook.find_submission(CHAPTER, student)
            assert (student, found.score, found.timestamp) == (student, 2, None)
    for student in FILES:
        page = course.root / "feedback" / student / CHAPTER / f"{CHAPTER}.html"
        assert f"Feedback for {student}" in page.read_text()
    # The formgrader's list of the class; its extension patches the class for its own process.
    monkeypatch.setattr(NbGraderAPI, "get_submitted_timestamp", NbGraderAPI.get_submitted_timestamp)
    received._load_jupyter_server_extension(None)
    listed = Books(course)._api.get_submissions(CHAPTER)
    assert {(one["student"], one["score"], one["timestamp"]) for one in listed} == {
        (student, 2, None) for student in FILES
    }


def test_the_platforms_time_counts_and_no_file_changes_it(course, judge):
    path = submit(course, "ann", "sum").parent / "timestamp.txt"
    path.write_text("2001-01-01 00:00:00 UTC")
    came = {"ann": Received("2026-01-05T10:10:10"), "bob": Received("no time")}
    note_received(course.root, CHAPTER, came)
    grade(course, "ch01")
    when = datetime(2026, 1, 5, 10, 10, 10)  # noqa: DTZ001 - as nbgrader keeps it
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        assert gradebook.find_submission(CHAPTER, "ann").timestamp == when
    assert time_received(course.root, CHAPTER, "bob") is None
    note_received(course.root, CHAPTER, {"ann": Received(), "cleo": Received("20260106T101010Z")})
    assert time_received(course.root, CHAPTER, "ann") is None
    assert time_received(course.root, CHAPTER, "cleo") == when.replace(day=6)


def test_points_that_the_gradebook_has_not_are_not_in_the_table(course, judge, monkeypatch):
    submit(course, "ann", "sum")
    monkeypatch.setattr(Books, "autograde", lambda *_: "the disk is full")
    result = grade(course, "ch01")
    out = io.StringIO()
    render_table(result, Console(file=out, width=200, no_color=True))
    assert "✔ –/2" in out.getvalue()
    assert "–/5 (not in the gradebook)" in out.getvalue()
    assert "problem: ann: nbgrader's autograde failed: the disk is full" in out.getvalue()


def no_engine():
    raise EngineError("there is no engine in this test")


def test_what_is_not_where_it_should_be_is_said_under_the_table_and_on_a_page(course):
    path = submit(course, "ann")
    path.rename(path.with_name("essay.txt"))
    path = submit(course, "bob", "sum")
    path.rename(path.with_name("Copy (1).ipynb"))
    target = course.root / "elsewhere"
    target.mkdir()
    (course.root / "submitted" / "cleo").mkdir()
    (course.root / "submitted" / "cleo" / CHAPTER).symlink_to(target)
    result = grade(course, "ch01", engine_factory=no_engine)
    assert result.problems == ()
    out = io.StringIO()
    render_table(result, Console(file=out, width=200, no_color=True))
    for student, line, words in (
        ("ann", "nothing to run", f"the submission has no {CHAPTER}.ipynb"),
        ("bob", "note", f"there is no {CHAPTER}.ipynb; Copy (1).ipynb has the chapter's cells"),
        ("cleo", "nothing to run", "the submission's folder is a link"),
    ):
        page = (course.root / "feedback" / student / CHAPTER / f"{CHAPTER}.html").read_text()
        assert words in unescape(page)
        assert f"{line}: {student}: {words}" in out.getvalue()


def test_an_id_in_other_capitals_is_said(course):
    """What a student typed by hand from the values of their own is wrong under another id."""
    for student in ("ann", "bob"):
        submit(course, student, "sum")
    note_received(course.root, CHAPTER, {"ann": Received(packed_as="Ann"), "bob": Received(packed_as="bob")})
    ann, bob = grade(course, "ch01", engine_factory=no_engine).students
    (note,) = ann.remarks
    assert note.startswith("it was packed for the id Ann and graded for ann: ")
    assert bob.remarks == ()
