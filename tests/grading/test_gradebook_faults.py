"""One grader at a time, a journal that was torn, and a gradebook that cannot be written: nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext

import pytest

from grader.cli import main
from grader.errors import GradebookError, GradingBusy
from grader.grading import grade as batch
from grader.grading.grade import grade
from grader.grading.gradebook import Books, OneFeedback
from grader.grading.journal import Journal
from grader.grading.judge.submission import read_submission
from grader.grading.lock import course_lock
from grader.grading.release import release
from tests.grading import tiny
from tests.grading.judging import Judge, scores, submit


@pytest.fixture
def course(released_course):
    """No engine image is needed here."""
    return released_course


def autograde(course, student):
    """One submission through nbgrader, outside of a batch."""
    books, chapter = Books(course), course.chapter("ch01")
    folder = books.folder("submitted", student, chapter)
    return books.autograde(chapter, read_submission(folder, chapter, student))


# -- one at a time

HOLD = """
import sys, time
from pathlib import Path
from grader.course import Course
from grader.grading.lock import course_lock
with course_lock(Course.read(Path(sys.argv[1])), "grade ch01-tiny"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(course):
    """Another process that grades in this course."""
    env = {**os.environ, "PYTHONPATH": str(tiny.REPOSITORY)}
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(course.root)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    yield other
    other.kill()
    other.wait()


def test_a_second_grader_is_told_who_is_at_work(course, judge, holder):
    submit(course, "ada")
    with pytest.raises(GradingBusy, match=rf"process {holder.pid}, grade ch01-tiny") as busy:
        grade(course, "ch01")
    assert busy.value.pid == holder.pid
    with pytest.raises(GradingBusy):
        release(course, ["ch01"])
    said = autograde(course, "ada")
    assert "is being graded by" in said, "the formgrader's way is closed as well"
    assert judge.judged == []


LOOK = """
import sys
from pathlib import Path
from grader.course import Course
from grader.grading.lock import held_by_another
print(held_by_another(Course.read(Path(sys.argv[1]))))
"""


@pytest.mark.parametrize("already", [False, True], ids=["nbgrader's own", "within dockbook's"])
def test_a_run_that_nbgrader_starts_holds_the_course_as_well(course, monkeypatch, already):
    submit(course, "ada", "sum")
    said = []

    def judged(chapter, submission, factory):
        env = {**os.environ, "PYTHONPATH": str(tiny.REPOSITORY)}
        argv = [sys.executable, "-c", LOOK, str(course.root)]
        said.append(subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout)
        return Judge(monkeypatch)(chapter, submission, factory, scratch=course.root)

    monkeypatch.setattr("grader.grading.nbgrader_hooks.grade_submission", judged)
    held = course_lock(course, "grade ch01-tiny") if already else nullcontext()
    with held:
        assert autograde(course, "ada") == ""
    doing = "grade ch01-tiny" if already else "autograde ch01-tiny"
    assert [f"process {os.getpid()}, {doing}" in line for line in said] == [True]
    assert scores(course) == {"ada": {"greeter": 0, "sum": 2}}


def test_a_lock_goes_with_its_holder_however_that_ends(course, judge, holder):
    submit(course, "ada", "sum")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    grade(course, "ch01")
    assert scores(course) == {"ada": {"greeter": 0, "sum": 2}}


def test_the_lock_is_free_again_after_an_error(course):
    with pytest.raises(ZeroDivisionError), course_lock(course, "fail"):
        raise ZeroDivisionError
    with course_lock(course, "go on"):
        pass


# -- the journal


def test_a_torn_line_costs_itself_alone(course):
    chapter = course.chapter("ch01")
    journal = Journal(course, chapter)
    journal.note_judged("ada", "k1")
    journal.note_written("ada", "k1")
    with journal.path.open("ab") as file:
        file.write(b'{"judged": "bob", "ke')
    again = Journal(course, chapter)
    assert (again.judged("ada"), again.written("ada"), again.judged("bob")) == ("k1", "k1", "")
    again.note_judged("cleo", "k2")
    assert Journal(course, chapter).judged("cleo") == "k2"


@pytest.mark.parametrize("line", ["", "[]", '"x"', "{}", '{"judged": 1}', "\x00\xff", '{"again": []}'])
def test_nonsense_in_the_journal_is_passed_over(course, line):
    journal = Journal(course, course.chapter("ch01"))
    journal.note_judged("ada", "k1")
    with journal.path.open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    assert Journal(course, course.chapter("ch01")).judged("ada") == "k1"


# -- a gradebook that cannot be written: said before any work goes in, and nothing lost


def test_a_locked_gradebook(course, judge, monkeypatch):
    submit(course, "ada", "sum")
    monkeypatch.setattr("grader.grading.gradebook.LOCK_WAIT_S", 0.2)
    with closing(sqlite3.connect(course.root / "gradebook.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GradebookError, match="locked"):
            grade(course, "ch01")
    assert judge.judged == []
    grade(course, "ch01")
    assert scores(course) == {"ada": {"greeter": 0, "sum": 2}}


def test_a_gradebook_that_becomes_locked_on_the_way_stops_nobody_else(course, judge, monkeypatch):
    for name in ("ada", "bob"):
        submit(course, name, "sum")
    real = batch.write

    def locked_for_ada(books, chapter, submission):
        if submission.student == "ada":
            raise_ = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
            raise_.execute("BEGIN IMMEDIATE")
            try:
                return real(books, chapter, submission)
            finally:
                raise_.close()
        return real(books, chapter, submission)

    monkeypatch.setattr(batch, "write", locked_for_ada)
    result = grade(course, "ch01")
    assert [line.split(":")[0] for line in result.problems] == ["ada"]
    assert Books(course).scores(course.chapter("ch01"), "bob") == {"greeter": 0, "sum": 2}
    monkeypatch.setattr(batch, "write", real)
    judge.judged.clear()
    assert grade(course, "ch01").problems == ()
    assert judge.judged == [], "the verdict was there: only the writing was left"
    assert scores(course)["ada"] == {"greeter": 0, "sum": 2}


def test_a_read_only_gradebook(course, judge, monkeypatch):
    submit(course, "ada", "sum")
    before = (course.root / "gradebook.db").read_bytes()
    # Root may write anywhere: what an ordinary user's system call would answer.
    monkeypatch.setattr("grader.grading.gradebook.os.access", lambda path, mode: False)
    with pytest.raises(GradebookError, match="read-only"):
        grade(course, "ch01")
    assert judge.judged == []
    assert (course.root / "gradebook.db").read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "garbage", "middle"])
def test_a_damaged_gradebook_stays_as_it_is(course, judge, damage):
    submit(course, "ada", "sum")
    path = course.root / "gradebook.db"
    data = path.read_bytes()
    page = data[:4096] + b"\xff" * 8192 + data[4096 + 8192 :]
    path.write_bytes({"cut": data[: len(data) // 2], "garbage": b"no database" * 500, "middle": page}[damage])
    before = path.read_bytes()
    with pytest.raises(GradebookError, match="cannot be used"):
        grade(course, "ch01")
    assert judge.judged == []
    assert path.read_bytes() == before


def test_a_gradebook_of_an_older_nbgrader(course, judge):
    submit(course, "ada", "sum")
    path = course.root / "gradebook.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num = '167914646830'")
        db.commit()
    before = path.read_bytes()
    with pytest.raises(GradebookError, match="nbgrader db upgrade"):
        grade(course, "ch01")
    assert judge.judged == []
    assert path.read_bytes() == before


def test_the_command_says_so_in_one_line(course, judge, capsys):
    submit(course, "ada", "sum")
    (course.root / "gradebook.db").write_bytes(b"no database" * 500)
    assert main(["grade", "ch01", "--course", str(course.root), "--json", str(course.root / "x.json")]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    assert "cannot be used" in said[-1]
    assert "Next:" in said[-1]
    assert not (course.root / "x.json").exists()


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(143)], ids=["Ctrl-C", "a signal to end"])
def test_whoever_ends_a_grading_while_nbgrader_writes_ends_it(course, judge, monkeypatch, end):
    submit(course, "ada", "sum")

    def ended(_self):
        raise end

    monkeypatch.setattr(OneFeedback, "start", ended)
    with pytest.raises(type(end)):
        grade(course, "ch01")
    monkeypatch.undo()
    Judge(monkeypatch)
    assert grade(course, "ch01").problems == ()
    assert scores(course) == {"ada": {"greeter": 0, "sum": 2}}
