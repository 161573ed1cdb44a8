"""`dockbook report` over real verdicts, journal and gradebook, judged without an engine (``judging``)."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import webbrowser

import nbformat
import pytest
from jsonschema import Draft202012Validator

from grader.cli import main
from grader.course import Course
from grader.errors import CourseError, GradebookError
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.lock import course_lock, folder_of
from grader.grading.release import secrets
from grader.grading.report.export import SCHEMA, as_dict
from grader.grading.report.page import render_page, todos
from grader.grading.report.summary import summarize
from grader.grading.verdicts import Verdicts
from tests.grading import made_up, tiny
from tests.grading.judging import submit
from tests.grading.report.reading import by_name, read, report, verdict_file

# -- what is there


def test_everybody_is_there_with_what_they_have(graded):
    rows = by_name(graded)
    assert {name: row.state for name, row in rows.items()} == {
        **dict.fromkeys(("ada", "bob", "cleo"), "graded"),
        "dan": "waiting",
        "zoe": "absent",
    }
    assert [rows[name].score for name in ("ada", "bob", "cleo")] == [5, 2, 2]
    assert rows["cleo"].blocked
    assert not any(row.outdated or row.lags for row in rows.values())


def test_the_commands_three_forms(graded, capfd):
    assert report(graded) == 0
    path = graded.root / "reports" / f"{tiny.CHAPTER}.html"
    assert capfd.readouterr().out == f"3 of 4 graded so far: {path}\n"
    page = path.read_text()
    for said in ("Graded so far: 3 of 4 submissions", "dan", "zoe", "no room"):
        assert said in page

    assert report(graded, "--format", "json") == 0
    data = json.loads(capfd.readouterr().out)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    assert [one["student"] for one in data["students"]] == ["ada", "bob", "cleo", "dan", "zoe"]

    assert report(graded, "--format", "csv") == 0
    found = list(csv.DictReader(io.StringIO(capfd.readouterr().out, newline="")))
    assert [(row["student"], row["task"], row["score"]) for row in found if row["state"] == "graded"] == [
        *(("ada", "greeter", "3"), ("ada", "sum", "2"), ("bob", "greeter", "0"), ("bob", "sum", "2")),
        *(("cleo", "greeter", ""), ("cleo", "sum", "2")),
    ]


def test_output_goes_where_it_is_told(graded, tmp_path, capfd):
    for kind in ("html", "json", "csv"):
        target = tmp_path / "new" / f"out.{kind}"
        assert report(graded, "--format", kind, "--output", str(target)) == 0
        capfd.readouterr()
        assert report(graded, "--format", kind, "--output", "-") == 0
        there, printed = target.read_bytes(), capfd.readouterr().out.encode()
        assert printed.startswith(there[:60])
        assert kind == "html" or (kind == "json") == printed.startswith(b"{")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"out.html", "out.json", "out.csv"}
    assert not (graded.root / "reports").exists()


def test_open_shows_the_page_and_nothing_else_can_be_shown(graded, monkeypatch, capfd):
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    assert report(graded, "--open") == 0
    assert shown == [(graded.root / "reports" / f"{tiny.CHAPTER}.html").as_uri()]
    assert report(graded, "--open", "--format", "json") == 2
    assert report(graded, "--open", "--output", "-") == 2


def test_grade_says_where_the_report_comes_from(course, judge, monkeypatch, capfd):
    submit(course, "ada", "sum")
    monkeypatch.setattr("grader.cli.instructor.ensure_image", lambda **_: None)
    assert main(["grade", "ch01", "--course", str(course.root)]) == 0
    line = capfd.readouterr().out.splitlines()[-1]
    command = line.partition(": dockbook ")[2].split()
    assert command == ["report", "ch01", "--course", str(course.root)]
    assert main(command) == 0


def test_two_reports_of_the_same_class_are_the_same(graded):
    first, second = as_dict(read(graded)), as_dict(read(graded))
    assert {**first, "made_at": ""} == {**second, "made_at": ""}


def test_nothing_is_written_but_the_report(graded, capfd):
    def state():
        return {
            path: path.read_bytes() for path in sorted(graded.root.rglob("*")) if path.is_file() and path.name
        }

    before = state()
    for kind in ("html", "json", "csv"):
        assert report(graded, "--format", kind) == 0
    after = state()
    assert set(after) - set(before) == {graded.root / "reports" / f"{tiny.CHAPTER}.html"}
    assert all(after[path] == data for path, data in before.items())


def test_no_hidden_line_is_in_it(graded, capfd):
    hidden = [line for line in secrets(graded.chapter("ch01").source) if line.startswith(("box.", "said."))]
    assert hidden
    for kind in ("html", "json", "csv"):
        assert report(graded, "--format", kind, "--output", "-") == 0
        text = capfd.readouterr().out
        assert not [line for line in hidden if line in text]


# -- the gradebook


def test_sums_agree_with_the_gradebook_whatever_people_did_there(course):
    chapter, chance = course.chapter("ch01"), random.Random(11)
    students = made_up.names(25)
    made_up.record(course, chapter, made_up.verdicts_of(chapter, students))
    books, wanted = Books(course), {}
    with books.open() as gradebook:
        for student in students:
            notebook = gradebook.find_submission_notebook(chapter.id, chapter.id, student)
            for one in notebook.grades:
                if chance.random() < 0.3:
                    one.manual_score = chance.choice((0.0, 0.5, 1.5, 3.0))
                if chance.random() < 0.2:
                    one.extra_credit = 0.5
            if chance.random() < 0.3:
                notebook.late_submission_penalty = 1.0
            for comment in notebook.comments[:1]:
                comment.manual_comment = "Well done." if chance.random() < 0.5 else "  "
        gradebook.db.commit()
        for student in students:
            found = gradebook.find_submission(chapter.id, student)
            comments = sum(c.manual_comment == "Well done." for c in found.notebooks[0].comments)
            wanted[student] = (found.score, found.late_submission_penalty or 0.0, comments)
    rows = by_name(course)
    assert {name: (row.before_penalty, row.penalty, row.comments) for name, row in rows.items()} == wanted
    assert len({score for score, _, _ in wanted.values()}) > 3
    assert any(penalty for _, penalty, _ in wanted.values())
    data = {one["student"]: one for one in as_dict(read(course))["students"]}
    for name, (score, penalty, _) in wanted.items():
        assert data[name]["score_so_far"] == max(0, score - penalty)


def test_a_verdict_that_is_not_in_the_gradebook_is_told(graded):
    with Books(graded).open() as gradebook:
        gradebook.remove_submission(tiny.CHAPTER, "bob")
    rows = by_name(graded)
    assert (rows["bob"].lags, rows["ada"].lags) == (True, False)
    assert rows["bob"].score == 2
    assert "Not in the gradebook" in render_page(read(graded))


# -- what has changed, is missing, is damaged


def test_work_and_tests_that_have_changed_are_told(graded):
    submit(graded, "bob", "sum", "greeter")
    shutil.rmtree(graded.root / "submitted" / "ada")
    rows = by_name(graded)
    assert [rows[name].outdated for name in ("ada", "bob", "cleo")] == [True, True, False]
    source = nbformat.read(graded.chapter("ch01").notebook, as_version=4)
    tiny.cell(source, "test-sum").source += "\n    # another line"
    nbformat.write(source, graded.chapter("ch01").notebook)
    assert by_name(Course.read(graded.root))["cleo"].outdated


def test_what_could_not_be_run_is_told_and_is_up_to_date(course):
    chapter = course.chapter("ch01")
    for student, content in (("empty", b""), ("torn", b'{"cells": [{"cel')):
        submit(course, student).write_bytes(content)
    submit(course, "none").unlink()
    real = submit(course, "linked", "sum").parent
    real.rename(course.root / "elsewhere")
    real.symlink_to(course.root / "elsewhere")
    assert grade(course, chapter).problems == ()
    found = read(course)
    assert [row.student for row in found.graded if row.unreadable and not row.outdated] == [
        *("empty", "linked", "none", "torn")
    ]
    told = {todo.text: todo.students for todo in todos(found)}
    assert told["ch01-tiny.ipynb is empty"] == ("empty",)
    assert told["the submission's folder is a link"] == ("linked",)
    assert summarize(found).seconds is None


@pytest.mark.parametrize("kind", ["torn", "empty", "gone", "notebook", "binary", "other"])
def test_a_damaged_verdict_is_named_and_the_rest_reported(graded, capfd, kind):
    path = verdict_file(graded, "bob")
    if kind == "gone":
        path.unlink()
    elif kind == "notebook":
        path.with_suffix(".ipynb").write_text("{")
    elif kind == "other":
        shutil.copyfile(verdict_file(graded, "ada"), path)
    else:
        data = {"torn": path.read_bytes()[:99], "empty": b"", "binary": b"\xff\xfe\x00"}[kind]
        path.write_bytes(data)
    assert report(graded, "--format", "json") == 3
    captured = capfd.readouterr()
    assert path.stem in captured.err
    assert captured.err.startswith("dockbook: bob: ")
    data = json.loads(captured.out)
    assert [one["state"] for one in data["students"]] == ["graded", "damaged", "graded", "waiting", "absent"]
    assert data["counts"]["damaged"] == 1
    assert report(graded) == 3
    assert "Verdict cannot be read" in (graded.root / "reports" / f"{tiny.CHAPTER}.html").read_text()


def test_a_verdict_by_a_chapter_of_other_tasks_says_so(graded):
    source = nbformat.read(graded.chapter("ch01").notebook, as_version=4)
    source.cells = [cell for cell in source.cells if "sum" not in cell.id]
    nbformat.write(source, graded.chapter("ch01").notebook)
    row = by_name(Course.read(graded.root))["ada"]
    assert row.state == "damaged"
    assert "other tasks (greeter, sum)" in row.problem


def test_a_verdict_that_a_grading_has_replaced_meanwhile_is_found(graded, judge, monkeypatch):
    real, old = Verdicts.read, verdict_file(graded, "bob").stem

    def replaced(self, key):
        if key == old and not judge.judged:
            submit(graded, "bob", "sum", "greeter")
            grade(graded, "ch01", students=["bob"])
        return real(self, key)

    monkeypatch.setattr(Verdicts, "read", replaced)
    row = by_name(graded)["bob"]
    assert (row.state, row.score) == ("graded", 5)


def test_a_journal_that_lost_lines_is_told_where_it_matters(graded, capfd):
    path = Journal(graded, graded.chapter("ch01")).path
    lines = path.read_bytes().splitlines(keepends=True)
    assert report(graded, "--format", "json") == 0
    path.write_bytes(b"".join(b"\xff{garbage\n" if b"bob" in line else line for line in lines))
    capfd.readouterr()
    assert report(graded, "--format", "json") == 3
    captured = capfd.readouterr()
    assert f"The journal {path} is damaged: 2 lines cannot be read." in captured.err
    assert {one["student"]: one["state"] for one in json.loads(captured.out)["students"]}["bob"] == "waiting"


def test_a_torn_last_line_is_no_damage(graded, capfd):
    path = Journal(graded, graded.chapter("ch01")).path
    path.write_bytes(path.read_bytes() + b'{"judged": "da')
    assert report(graded, "--format", "json") == 0


@pytest.mark.parametrize("kind", ["garbage", "folder"])
def test_a_journal_that_cannot_be_read_at_all_ends_with_3_and_the_next_step(graded, capfd, kind):
    path = Journal(graded, graded.chapter("ch01")).path
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\x00\xff" * 50 + b"\n")
    assert report(graded) == 3
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "journal" in captured.err
    assert "Next: " in captured.err


def test_after_a_lost_journal_grade_takes_the_verdicts_that_are_kept(graded, judge):
    shutil.rmtree(Journal(graded, graded.chapter("ch01")).path.parent)
    with pytest.raises(CourseError, match="is graded yet; 4 submitted"):
        read(graded)
    grade(graded, "ch01")
    assert sorted(judge.judged) == ["cleo", "dan"], "the blocked one and the new one"
    assert len(read(graded).graded) == 4


def test_a_chapter_never_released_or_not_graded_ends_with_2(course, tmp_path, capfd):
    assert report(course) == 2
    assert "Nothing of ch01-tiny is graded yet; 0 submitted" in capfd.readouterr().err
    fresh = tiny.make_course(tmp_path / "fresh")
    assert report(fresh) == 2
    assert "was never released here" in capfd.readouterr().err
    assert main(["report", "ch02", "--course", str(course.root)]) == 2
    assert main(["report", "ch99", "--course", str(course.root)]) == 2


def test_a_place_that_cannot_be_written_ends_with_2(graded, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    for kind in ("html", "json", "csv"):
        for target in (tmp_path / "file" / "x", tmp_path):
            assert report(graded, "--format", kind, "--output", str(target)) == 2
            assert "cannot be written" in capfd.readouterr().err


def test_a_gradebook_that_is_damaged_ends_with_3(graded, capfd):
    (graded.root / "gradebook.db").write_bytes(b"no database" * 100)
    assert report(graded) == 3
    assert "gradebook" in capfd.readouterr().err


# -- beside a running grading


def test_it_works_while_one_is_graded_and_says_so(course, judge, capfd):
    for name in ("ada", "bob", "cleo"):
        submit(course, name, "sum")
    seen = []

    def look(event):
        if event.stage == "written":
            seen.append((len(read(course).graded), report(course, "--format", "csv")))

    grade(course, "ch01", jobs=1, progress=look)
    assert seen == [(1, 0), (2, 0), (3, 0)]


def test_a_course_that_is_locked_and_a_gradebook_that_is_being_written(graded, capfd):
    holder = (
        "import sys; from grader.course import Course; from grader.grading.lock import course_lock\n"
        f"course = Course.find({str(graded.root)!r})\n"
        "with course_lock(course, 'grade ch01-tiny'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tiny.REPOSITORY,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with contextlib.closing(sqlite3.connect(graded.root / "gradebook.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            assert report(graded) == 0
            db.execute("ROLLBACK")
        page = (graded.root / "reports" / f"{tiny.CHAPTER}.html").read_text()
        assert f"(process {process.pid}, grade ch01-tiny)" in page
        assert "They are not in" in page
        process.stdin.close()
        assert process.wait(20) == 0
    with course_lock(graded, "grade"):
        assert report(graded) == 0


def test_nothing_graded_yet_while_somebody_grades_says_to_wait(course, monkeypatch):
    submit(course, "ada")
    from grader.errors import GradingBusy

    monkeypatch.setattr("grader.grading.report.gather.held_by_another", lambda _: GradingBusy("Ann grades."))
    with pytest.raises(CourseError, match=r"1 submitted\. Ann grades\. Next: wait"):
        read(course)


def test_an_unreadable_gradebook_is_our_error(graded, monkeypatch):
    def broken(self):
        raise GradebookError("locked")

    monkeypatch.setattr(Books, "open", broken)
    with pytest.raises(GradebookError):
        read(graded)


def test_folders_of_the_grader_stay_as_they_are(graded):
    before = sorted(path.name for path in folder_of(graded).iterdir())
    read(graded)
    assert sorted(path.name for path in folder_of(graded).iterdir()) == before
