"""nbgrader around the verdicts, without an engine: releases, gradebook, feedback, hooks that are left out."""

from __future__ import annotations

import json
import os
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from grader.errors import CourseError, EngineError, GradebookError
from grader.expect.finding import Outcome
from grader.grading.demo import copy_course, expected, half, make_class, submit_notebook, surprises
from grader.grading.grade import grade, write
from grader.grading.gradebook import Books
from grader.grading.judge.results import ChapterResult, SubmissionResult, TaskResult
from grader.grading.judge.submission import read_submission
from grader.grading.release import leaks, release
from grader.grading.verdicts import Verdicts
from tests.grading import tiny

HOOKS = "grader.grading.nbgrader_hooks"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A course with a release and ada's submission with everything solved: nbgrader is slow at making one."""
    course = tiny.make_course(tmp_path_factory.mktemp("ready") / "course")
    chapter, notebook = tiny.released(course)
    submit_notebook(course, chapter, "ada", tiny.solve(notebook, chapter, ["greeter", "sum"]))
    return course.root


@pytest.fixture
def course(tmp_path):
    return tiny.make_course(tmp_path / "course")


@pytest.fixture
def handed_in(course, ready):
    """The chapter, released, and ada's submission."""
    shutil.rmtree(course.root)
    shutil.copytree(ready, course.root)
    return course.chapter("ch01")


def no_engine():
    raise EngineError("there is no engine in this test")


def verdict(chapter, *outcomes, student="ada", notebook=None):
    tasks = [
        TaskResult.of(task.id, task.points, outcome)
        for task, outcome in zip(chapter.tasks, outcomes, strict=True)
    ]
    return SubmissionResult(student, tuple(tasks), (), notebook or {})


def write_verdict(course, chapter, *outcomes):
    """Write a made-up verdict on ada's submission through nbgrader; what went wrong."""
    submission = read_submission(course.root / "submitted" / "ada" / chapter.id, chapter, "ada")
    result = verdict(chapter, *outcomes, notebook=submission.reassembled.notebook)
    with Verdicts(course, chapter).handed(submission, result):
        return write(Books(course), chapter, submission)


def grades(course, chapter, student="ada"):
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        found = gradebook.find_submission_notebook(chapter.id, chapter.id, student)
        return {g.name: (g.auto_score, g.score, g.needs_manual_grade) for g in found.grades}


def comments(course, chapter):
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        found = gradebook.find_submission_notebook(chapter.id, chapter.id, "ada")
        return {c.name: c.auto_comment for c in found.comments}


# -- release


def test_a_release_has_no_solution_no_hidden_test_and_can_be_repeated(course):
    chapter, first = tiny.released(course)
    folder = course.root / "release" / chapter.id
    text = (folder / chapter.notebook.name).read_text()
    assert "6 * 7" not in text
    assert "equals(42)" not in text
    assert "salve" not in text
    assert (folder / "figures" / "dot.svg").is_file()
    assert not list(leaks(chapter, folder))
    submit_notebook(course, chapter, "ada", first)
    before = (folder / chapter.notebook.name).read_bytes()
    release(course)
    assert (folder / chapter.notebook.name).read_bytes() == before


def test_a_secret_that_slips_out_stops_the_release(course):
    chapter = course.chapter("ch01")
    (chapter.folder / "notes.txt").write_text("remember:\n    total = 6 * 7\n")
    with pytest.raises(CourseError, match=r"would show a line of cell 'sum' in notes\.txt"):
        release(course, [chapter])
    assert not (course.root / "release" / chapter.id).exists()


def test_release_refuses_what_is_not_there(course):
    with pytest.raises(CourseError, match="not written yet"):
        release(course, ["ch02"])
    with pytest.raises(CourseError, match="There is no chapter"):
        release(course, ["ch99"])


# -- grade: what it refuses, and what stops nothing


@pytest.mark.slow
def test_grade_refuses_what_was_not_released_or_not_handed_in(course):
    with pytest.raises(CourseError, match="never released"):
        grade(course, "ch01", engine_factory=no_engine)
    tiny.released(course)
    with pytest.raises(CourseError, match="There are no submissions"):
        grade(course, "ch01", engine_factory=no_engine)
    with pytest.raises(CourseError, match="cannot use a 'host' engine"):
        grade(course, "ch01", backend="host")


def test_bad_submissions_are_zero_with_a_reason_and_the_batch_goes_on(course, handed_in):
    base = course.root / "submitted"
    for student, content in (("empty", b""), ("torn", b'{"cells": [{"cell_t'), ("none", None)):
        folder = base / student / handed_in.id
        folder.mkdir(parents=True)
        if content is not None:
            (folder / handed_in.notebook.name).write_bytes(content)
    linked = base / "linked" / handed_in.id
    linked.mkdir(parents=True)
    (linked / handed_in.notebook.name).symlink_to(handed_in.notebook)
    os.mkfifo(linked / "pipe")
    result = grade(course, handed_in, engine_factory=no_engine)
    assert result.problems == ()
    by_name = {student.student: student for student in result.students}
    assert [student.student for student in result.students] == ["ada", "empty", "linked", "none", "torn"]
    for student in ("empty", "linked", "none", "torn"):
        assert by_name[student].score == 0
        assert all(task.outcome == "failed" and task.reason for task in by_name[student].tasks)
        assert grades(course, handed_in, student) == {
            "test-greeter": (0, 0, False),
            "test-sum": (0, 0, False),
        }
    # Without an engine, honest work is blocked: visible, ungraded, no zero of the student's.
    assert {task.outcome for task in by_name["ada"].tasks} == {"blocked"}
    assert grades(course, handed_in) == {"test-greeter": (None, 0, True), "test-sum": (None, 0, True)}
    assert result.blocked
    assert not (course.root / "autograded" / "linked" / handed_in.id / "pipe").exists()
    feedback = course.root / "feedback" / "torn" / handed_in.id / f"{handed_in.id}.html"
    assert "not a complete notebook" in feedback.read_text()


def test_grading_never_changes_a_submission(course, handed_in):
    def state():
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted((course.root / "submitted").rglob("*"))
            if path.is_file()
        }

    before = state()
    grade(course, handed_in, engine_factory=no_engine)
    assert state() == before


def test_a_student_named_must_be_there(course, handed_in):
    with pytest.raises(CourseError, match="name one of: ada"):
        grade(course, handed_in, students=["bob"], engine_factory=no_engine)


# -- the verdict's way into nbgrader


def test_points_and_comments_come_from_the_verdict(course, handed_in):
    reason = "limit reached: <script>alert(1)</script> ![x](http://elsewhere/x.png)"
    assert write_verdict(course, handed_in, Outcome.passed(), Outcome("failed", reason=reason)) == ""
    assert grades(course, handed_in) == {"test-greeter": (3, 3, False), "test-sum": (0, 0, False)}
    said = comments(course, handed_in)
    assert said["greeter"] is None
    assert said["sum"].startswith("limit reached: ")
    page = (course.root / "feedback" / "ada" / handed_in.id / f"{handed_in.id}.html").read_text()
    assert "limit reached" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "equals(42)" not in page


def test_blocked_waits_for_a_person_and_an_instructors_score_stays(course, handed_in):
    assert write_verdict(course, handed_in, Outcome.blocked("no engine"), Outcome.passed()) == ""
    assert grades(course, handed_in)["test-greeter"] == (None, 0, True)
    assert comments(course, handed_in)["greeter"] == "Not graded yet: no engine"
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        grade_ = gradebook.find_grade("test-greeter", handed_in.id, handed_in.id, "ada")
        grade_.manual_score = 1.5
        gradebook.db.commit()
    assert write_verdict(course, handed_in, Outcome.passed(), Outcome.passed()) == ""
    assert grades(course, handed_in)["test-greeter"] == (3, 1.5, True)


def test_an_untouched_answer_is_no_response(course, handed_in):
    chapter = handed_in
    released = course.root / "release" / chapter.id / chapter.notebook.name
    shutil.copyfile(released, course.root / "submitted" / "ada" / chapter.id / chapter.notebook.name)
    submission = read_submission(course.root / "submitted" / "ada" / chapter.id, chapter, "ada")
    passed = verdict(chapter, Outcome.passed(), Outcome.passed(), notebook=submission.reassembled.notebook)
    with Verdicts(course, chapter).handed(submission, passed):
        assert write(Books(course), chapter, submission) == ""
    assert comments(course, chapter) == {"greeter": "No response.", "sum": "No response."}


@pytest.mark.parametrize(
    "preprocessors",
    [
        [f"{HOOKS}.TrustedSaveAutoGrades"],
        ["nbgrader.preprocessors.ClearOutput", f"{HOOKS}.TrustedSaveAutoGrades"],
        ["nbgrader.preprocessors.IgnorePattern", f"{HOOKS}.TrustedSaveAutoGrades"],
    ],
)
def test_without_the_trusted_run_there_are_no_points(course, handed_in, preprocessors):
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.Autograde.autograde_preprocessors = {preprocessors!r}\n")
    assert write_verdict(course, handed_in, Outcome.passed(), Outcome.passed()) == ""
    assert grades(course, handed_in) == {"test-greeter": (0, 0, False), "test-sum": (0, 0, False)}


@pytest.mark.parametrize("name", ["TrustedExecute", "TrustedReassembly", "TrustedSaveAutoGrades"])
def test_a_hook_that_is_switched_off_gives_no_points(course, handed_in, name):
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.{name}.enabled = False\n")
    write_verdict(course, handed_in, Outcome.failed(), Outcome.failed())
    assert {found[1] for found in grades(course, handed_in).values()} == {0}


def test_outputs_with_numbers_in_a_submission_are_not_points(course, handed_in):
    path = course.root / "submitted" / "ada" / handed_in.id / handed_in.notebook.name
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            data = {"text/plain": "1000"}
            cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=1)]
    nbformat.write(notebook, path)
    assert write_verdict(course, handed_in, Outcome.failed(), Outcome.failed()) == ""
    assert grades(course, handed_in) == {"test-greeter": (0, 0, False), "test-sum": (0, 0, False)}


def test_a_broken_verdict_is_not_taken(course, handed_in):
    submission = read_submission(course.root / "submitted" / "ada" / handed_in.id, handed_in, "ada")
    verdicts = Verdicts(course, handed_in)
    good = verdict(handed_in, Outcome.passed(), Outcome.passed(), notebook={"cells": []})
    verdicts.save(submission, good)
    assert verdicts.load(submission) == good
    (path,) = verdicts.folder.glob("*.json")
    for text in ("", "{", "[]", '{"result": 5, "seconds": 1}', json.dumps({"result": {"student": "ada"}})):
        path.write_text(text)
        assert verdicts.load(submission) is None
    other = verdict(handed_in, Outcome.passed(), Outcome.passed(), student="bob")
    path.write_text(json.dumps({"result": other.as_dict(), "seconds": 1}))
    assert verdicts.load(submission) is None


def test_a_verdict_is_for_one_work_and_one_chapter(course, handed_in):
    folder = course.root / "submitted" / "ada" / handed_in.id
    verdicts = Verdicts(course, handed_in)
    submission = read_submission(folder, handed_in, "ada")
    first = verdicts.key(submission)
    (folder / "more.txt").write_text("x")
    changed = read_submission(folder, handed_in, "ada")
    assert verdicts.key(changed) != first
    text = handed_in.notebook.read_text().replace("equals(42)", "equals(43)")
    handed_in.notebook.write_text(text)
    again = type(course).read(course.root).chapter("ch01")
    assert Verdicts(course, again).key(read_submission(folder, again, "ada")) != verdicts.key(changed)


def test_blocked_verdicts_are_not_kept(course, handed_in):
    submission = read_submission(course.root / "submitted" / "ada" / handed_in.id, handed_in, "ada")
    verdicts = Verdicts(course, handed_in)
    verdicts.save(submission, verdict(handed_in, Outcome.blocked("x"), Outcome.passed()))
    assert verdicts.load(submission) is None


# -- a gradebook that cannot be used


@pytest.mark.parametrize("trouble", ["corrupt", "folder"])
def test_a_gradebook_that_cannot_be_used_is_one_line_and_is_left_alone(course, handed_in, trouble):
    path = course.root / "gradebook.db"
    if trouble == "corrupt":
        path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 500)
    else:
        path.unlink()
        path.mkdir()
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(GradebookError, match="cannot be used") as caught:
        grade(course, handed_in, engine_factory=no_engine)
    assert (caught.value.exit_code, "\n" in str(caught.value)) == (3, False)
    with pytest.raises(GradebookError, match="cannot be used"):
        release(course, [handed_in])
    assert (path.read_bytes() if path.is_file() else None) == before


# -- the demo's class


@pytest.mark.slow
def test_the_demos_class_and_its_expectations(course, tmp_path):
    copied = copy_course(course, tmp_path / "demo")
    with pytest.raises(CourseError, match="not empty"):
        copy_course(course, tmp_path / "demo")
    chapter = copied.chapter("ch01")
    release(copied, [chapter])
    make_class(copied, chapter)
    assert Books(copied).students(chapter) == ["cheating", "partly", "perfect", "untouched"]
    assert half(chapter) == {"greeter"}
    wanted = expected(chapter)
    students = tuple(
        verdict(
            chapter,
            *(Outcome.passed() if t.id in tasks else Outcome.failed() for t in chapter.tasks),
            student=student,
        )
        for student, tasks in wanted.items()
    )
    assert surprises(ChapterResult(chapter.id, students), wanted) == []
    fooled = verdict(chapter, Outcome.passed(), Outcome.failed(), student="cheating")
    found = surprises(ChapterResult(chapter.id, (*students[:3], fooled)), wanted)
    assert found == ["cheating: greeter must not pass, but is passed: []"]
    assert surprises(ChapterResult(chapter.id, students[1:]), wanted) == ["perfect was not graded"]
    shutil.rmtree(copied.root)
