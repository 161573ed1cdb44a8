"""A batch: kept verdicts, regrading, the lock, order and workers, and a gradebook that cannot be written.

What a submission is worth is made up here: no engine runs, everything else is real.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import nbformat
import pytest

from grader.cli import main
from grader.course import Course
from grader.errors import CourseError, GradebookError, GradingBusy
from grader.expect.finding import Finding, Outcome
from grader.grading import grade as batch
from grader.grading.demo import hand_in
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.lock import course_lock, folder_of
from grader.grading.release import release
from grader.grading.run import _result, _Run
from tests.grading import tiny


@pytest.fixture
def course(released_root, tmp_path):
    """As the shared one, for tests that need no engine image."""
    shutil.copytree(released_root, tmp_path / "course")
    return Course.read(tmp_path / "course")


class Judge:
    """Stands in for the trusted run: whoever wrote a solution passes its task. Counts what it judged."""

    def __init__(self, monkeypatch):
        self.judged = []
        self.verdict = {}
        monkeypatch.setattr(batch, "grade_submission", self)

    def __call__(self, chapter, submission, factory, *, scratch):
        assert scratch.is_dir()
        self.judged.append(submission.student)
        done = "\n".join(step.source for step in submission.grafted.steps if step.task is None)
        failed = Outcome.failed(Finding("it", "state", "done", "not done"))
        right = {"greeter": "salve orbis" in done, "sum": "6 * 7" in done}
        outcomes = {task: Outcome.passed() if right[task] else failed for task in right}
        outcomes |= self.verdict.get(submission.student, {})
        return _result(chapter, submission, _Run(outcomes=outcomes), 0.5)


@pytest.fixture
def judge(monkeypatch):
    return Judge(monkeypatch)


def submit(course, student, *tasks):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    return hand_in(course, chapter, student, tiny.solve(notebook, chapter, tasks))


def scores(course):
    books, chapter = Books(course), course.chapter("ch01")
    return {name: books.scores(chapter, name) for name in books.students(chapter)}


# -- what is there is not done again


def test_the_same_command_again_judges_and_writes_nothing(course, judge, monkeypatch):
    for name in ("ada", "bob", "cleo"):
        submit(course, name, "sum")
    first = grade(course, "ch01")
    assert sorted(judge.judged) == ["ada", "bob", "cleo"]
    judge.judged.clear()
    monkeypatch.setattr(batch, "write", lambda *_: pytest.fail("it was written already"))
    assert grade(course, "ch01").as_dict() == first.as_dict()
    assert judge.judged == []


def test_changed_work_and_changed_tests_are_noticed(course, judge):
    submit(course, "ada", "sum")
    submit(course, "bob", "sum")
    grade(course, "ch01")
    judge.judged.clear()
    submit(course, "bob", "sum", "greeter")
    grade(course, "ch01")
    assert judge.judged == ["bob"]
    assert scores(course)["bob"] == {"greeter": 3, "sum": 2}

    judge.judged.clear()
    chapter = course.chapter("ch01")
    source = nbformat.read(chapter.notebook, as_version=4)
    tiny.cell(source, "test-sum").source += "\n    # another line"
    nbformat.write(source, chapter.notebook)
    grade(Course.read(course.root), "ch01")
    assert sorted(judge.judged) == ["ada", "bob"]


def test_what_was_written_before_but_is_gone_is_written_again(course, judge):
    submit(course, "ada", "sum")
    grade(course, "ch01")
    shutil.rmtree(course.root / "feedback" / "ada")
    judge.judged.clear()
    grade(course, "ch01")
    assert judge.judged == []
    assert (course.root / "feedback" / "ada" / tiny.CHAPTER / f"{tiny.CHAPTER}.html").is_file()


def test_a_blocked_one_is_tried_again_and_is_nobodys_zero(course, judge):
    submit(course, "ada", "sum", "greeter")
    judge.verdict["ada"] = {"greeter": Outcome.blocked("no room")}
    assert grade(course, "ch01").blocked
    assert scores(course) == {"ada": {"greeter": None, "sum": 2}}
    judge.verdict.clear()
    assert not grade(course, "ch01").blocked
    assert judge.judged == ["ada", "ada"]
    assert scores(course) == {"ada": {"greeter": 3, "sum": 2}}


# -- regrading


def test_again_judges_anew_all_or_the_named(course, judge):
    for name in ("ada", "bob"):
        submit(course, name, "sum")
    grade(course, "ch01")
    judge.judged.clear()
    grade(course, "ch01", again=True, students=["bob"])
    assert judge.judged == ["bob"]
    judge.judged.clear()
    grade(course, "ch01", again=True)
    assert sorted(judge.judged) == ["ada", "bob"]


def test_again_for_a_task_changes_that_task_alone(course, judge):
    submit(course, "ada", "sum", "greeter")
    grade(course, "ch01")
    judge.verdict["ada"] = {
        "sum": Outcome.failed(Finding("total", "value", "43", "42")),
        "greeter": Outcome.failed(Finding("x", "y", "a", "b")),
    }
    (result,) = grade(course, "ch01", again=True, tasks=["sum"]).students
    assert [task.outcome for task in result.tasks] == ["passed", "failed"]
    assert scores(course) == {"ada": {"greeter": 3, "sum": 0}}
    graded = nbformat.read(
        course.root / "autograded" / "ada" / tiny.CHAPTER / f"{tiny.CHAPTER}.ipynb", as_version=4
    )
    assert "passed" in str(tiny.cell(graded, "test-greeter").outputs)
    assert "expected 43" in str(tiny.cell(graded, "test-sum").outputs)


def test_a_regrading_that_was_cut_short_goes_on_with_the_rest(course, judge, monkeypatch):
    for name in ("ada", "bob", "cleo"):
        submit(course, name, "sum")
    grade(course, "ch01")
    judge.judged.clear()
    real = batch.write

    def until_bob(books, chapter, submission, result):
        if submission.student == "bob":
            raise KeyboardInterrupt
        return real(books, chapter, submission, result)

    monkeypatch.setattr(batch, "write", until_bob)
    with pytest.raises(KeyboardInterrupt):
        grade(course, "ch01", again=True, jobs=1)
    monkeypatch.setattr(batch, "write", real)
    judge.judged.clear()
    grade(course, "ch01", again=True, jobs=1)
    assert judge.judged == ["cleo"], "ada and bob were judged in this very regrading"
    judge.judged.clear()
    grade(course, "ch01", again=True, jobs=1)
    assert judge.judged == ["ada", "bob", "cleo"], "the next regrading is another one"


def test_a_manual_grade_outlives_a_regrading(course, judge):
    submit(course, "ada", "sum")
    grade(course, "ch01")
    books, chapter = Books(course), course.chapter("ch01")
    with books.open() as gradebook:
        notebook = gradebook.find_submission_notebook(chapter.id, chapter.id, "ada")
        (manual,) = [one for one in notebook.grades if one.name == "test-greeter"]
        manual.manual_score, manual.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    grade(course, "ch01", again=True)
    with books.open() as gradebook:
        notebook = gradebook.find_submission_notebook(chapter.id, chapter.id, "ada")
        (manual,) = [one for one in notebook.grades if one.name == "test-greeter"]
        assert (manual.auto_score, manual.manual_score) == (0, 1.5)


def test_an_unknown_task_and_a_task_without_again_are_usage_errors(course, judge, capsys):
    submit(course, "ada")
    with pytest.raises(CourseError, match="nonsense"):
        grade(course, "ch01", again=True, tasks=["nonsense"])
    assert main(["grade", "ch01", "--course", str(course.root), "--task", "sum"]) == 2
    assert "--again" in capsys.readouterr().err


# -- order and workers


def test_number_and_order_of_workers_change_nothing(course, judge, monkeypatch):
    for number in range(9):
        submit(course, f"s{number}", *(["sum"] if number % 2 else ["greeter"]))
    one = grade(course, "ch01", jobs=1).as_dict()
    shutil.rmtree(folder_of(course))
    quick = Judge.__call__

    def uneven(self, chapter, submission, factory, *, scratch):
        time.sleep(0.05 * (9 - int(submission.student[1])) / 9)
        return quick(self, chapter, submission, factory, scratch=scratch)

    monkeypatch.setattr(Judge, "__call__", uneven)
    events: list[batch.Event] = []
    assert grade(course, "ch01", jobs=5, progress=events.append).as_dict() == one
    assert [event.student for event in events if event.stage == "written"] == [f"s{n}" for n in range(9)]
    assert max(event.running for event in events) > 1
    assert (events[-1].done, events[-1].running, events[-1].total) == (9, 0, 9)


def test_notebooks_of_a_whole_class_are_not_kept_in_memory(course, judge):
    submit(course, "ada", "sum")
    (result,) = grade(course, "ch01").students
    assert result.notebook == {}


def test_an_interrupt_ends_the_engines_and_the_workers(course, judge, monkeypatch):
    class Engine:
        dispose_s = None
        closed = threading.Event()

        def close(self):
            self.closed.set()

    def hang(chapter, submission, factory, *, scratch):
        engine = factory()
        if submission.student == "ada":
            raise KeyboardInterrupt
        assert engine.closed.wait(20), "nobody ended the engine of the other worker"
        raise OSError("the engine is gone")

    for name in ("ada", "bob", "cleo", "dan"):
        submit(course, name)
    monkeypatch.setattr(batch, "grade_submission", hang)
    with pytest.raises(KeyboardInterrupt):
        grade(course, "ch01", jobs=2, engine_factory=Engine)  # type: ignore[arg-type]
    assert not any((folder_of(course) / "scratch").glob("*"))


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
    said = Books(course).autograde(course.chapter("ch01"), "ada")
    assert "is being graded by" in said, "the formgrader's way is closed as well"
    assert judge.judged == []


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

    def locked_for_ada(books, chapter, submission, result):
        if submission.student == "ada":
            raise_ = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
            raise_.execute("BEGIN IMMEDIATE")
            try:
                return real(books, chapter, submission, result)
            finally:
                raise_.close()
        return real(books, chapter, submission, result)

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
