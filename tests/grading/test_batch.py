"""A batch: kept verdicts, regrading, order and workers. Judged without an engine (``judging``)."""

from __future__ import annotations

import shutil
import threading
import time
from typing import cast

import nbformat
import pytest

from grader.cli import main
from grader.cli.instructor import _told_by
from grader.course import Course
from grader.errors import CourseError
from grader.expect.finding import Finding, Outcome
from grader.grading import grade as batch
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.judge.run import EngineFactory
from grader.grading.lock import folder_of
from tests.grading import tiny
from tests.grading.judging import Judge, scores, submit


@pytest.fixture
def course(released_course):
    """No engine image is needed here."""
    return released_course


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

    def until_bob(books, chapter, submission):
        if submission.student == "bob":
            raise KeyboardInterrupt
        return real(books, chapter, submission)

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
    assert sorted(event.student for event in events if event.stage == "written") == [
        f"s{n}" for n in range(9)
    ]
    assert max(event.running for event in events) > 1
    assert (events[-1].done, events[-1].running, events[-1].total) == (9, 0, 9)


def test_one_that_is_stuck_holds_up_nobody_elses_results(course, judge, monkeypatch):
    """More of them than wait in memory at a time, and the first by name is the slow one."""
    others = {f"s{number}" for number in range(1, 9)}
    for name in ("s0", *others):
        submit(course, name, "sum")
    quick, done = Judge.__call__, threading.Event()

    def stuck(self, chapter, submission, factory, *, scratch):
        assert submission.student != "s0" or done.wait(60), "the others wait for this one"
        return quick(self, chapter, submission, factory, scratch=scratch)

    written: set[str] = set()

    def hear(event):
        if event.stage == "written":
            written.add(event.student)
        if written == others:
            done.set()

    monkeypatch.setattr(Judge, "__call__", stuck)
    result = grade(course, "ch01", jobs=2, progress=hear)
    assert [found.student for found in result.students] == [f"s{number}" for number in range(9)]


def test_the_time_that_is_left_is_never_less_than_none(course, judge, monkeypatch):
    """Late work beside what has a verdict, whoever comes first and however many work side by side."""
    for name in ("ada", "bob", "cleo"):
        submit(course, name, "sum")
    grade(course, "ch01")
    for name in ("aaa", "bbb", "zoe"):
        submit(course, name, "sum")
    lines: list[str] = []
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr("grader.cli.instructor.monotonic", lambda: next(clock))
    tell = _told_by(lambda fraction, text: lines.append(text))
    grade(course, "ch01", jobs=3, progress=tell)
    assert len(lines) > 10
    assert not any("about -" in line for line in lines)
    assert any("about " in line for line in lines)
    assert "about" not in lines[-1]


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
        grade(course, "ch01", jobs=2, engine_factory=cast("EngineFactory", Engine))
    assert not any((folder_of(course) / "scratch").glob("*"))
