"""From a release to the gradebook on real engines: our way, and stock nbgrader's by config alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from grader.course import Course
from grader.grading.demo import (
    REPORT,
    copy_course,
    expected,
    half,
    make_class,
    run_demo,
    submit_notebook,
    surprises,
)
from grader.grading.grade import grade
from grader.grading.gradebook import Books
from grader.grading.release import release, secrets
from grader.grading.verdicts import Verdicts
from tests.grading import tiny


def stock_autograde(course, chapter, *more):
    """`nbgrader autograde` as an instructor types it, in the course's folder."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env["PYTHONPATH"] = str(tiny.REPOSITORY)
    argv = [sys.executable, "-m", "nbgrader", "autograde", chapter.id, *more]
    return subprocess.run(
        argv, cwd=course.root, env=env, capture_output=True, text=True, timeout=280, check=False
    )


def book_scores(course, chapter):
    books = Books(course)
    return {name: books.scores(chapter, name) for name in books.students(chapter)}


def json_scores(result):
    return {
        student["student"]: {task["task"]: task["score"] for task in student["tasks"]}
        for student in json.loads(json.dumps(result.as_dict()))["students"]
    }


def test_the_class_in_json_in_the_gradebook_and_through_stock_nbgrader(course):
    chapter = course.chapter("ch01")
    make_class(course, chapter)
    result = grade(course, chapter, jobs=2)
    assert result.problems == ()
    assert surprises(result, expected(chapter)) == []
    ours = json_scores(result)
    assert ours["perfect"] == {"greeter": 3, "sum": 2}
    assert ours["partly"] == {"greeter": 3, "sum": 0}
    assert book_scores(course, chapter) == ours

    # Stock nbgrader, from nothing: no gradebook, no verdict of ours to take.
    for name in ("autograded", "feedback", "gradebook.db", ".dockbook", "release"):
        path = course.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    release(course, [chapter])
    done = stock_autograde(course, chapter)
    assert done.returncode == 0, done.stderr
    assert book_scores(course, chapter) == ours, done.stderr
    assert len(list(Verdicts(course, chapter).folder.glob("*.json"))) == 4

    # And taking the verdicts that are there.
    done = stock_autograde(course, chapter, "--force", "--student", "perfect")
    assert done.returncode == 0, done.stderr
    assert book_scores(course, chapter) == ours


def test_feedback_and_autograded_show_outputs_and_findings_but_no_hidden_line(course):
    chapter = course.chapter("ch01")
    make_class(course, chapter)
    grade(course, chapter)
    hidden = [line for line in secrets(chapter.source) if line.startswith(("box.", "said."))]
    assert len(hidden) == 4
    for step in ("autograded", "feedback"):
        for path in sorted((course.root / step).rglob("*")):
            if path.is_file() and path.parent.parent.name != "perfect":
                text = path.read_text(errors="replace")
                assert not [line for line in hidden if line in text], path
    page = course.root / "feedback" / "untouched" / chapter.id / f"{chapter.id}.html"
    task: Any = BeautifulSoup(page.read_text(), "html.parser").find(id="task-greeter")
    assert "not yet" in task.text and "found no container at all" in task.text


def test_bad_submissions_through_stock_nbgrader_do_not_stop_the_others(course, tmp_path):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    submit_notebook(course, chapter, "ada", tiny.solve(notebook, chapter, ["sum"]))
    for student, content in (("empty", b""), ("torn", b'{"cells": [{"cel')):
        submit_notebook(course, chapter, student, notebook).write_bytes(content)
    old = submit_notebook(course, chapter, "old", notebook)
    old.write_text(json.dumps(nbformat.convert(tiny.solve(notebook, chapter, ["greeter"]), 3)))
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody's business")
    (old.parent / "link.txt").symlink_to(secret)
    (old.parent / "notes.txt").write_text("my own")
    done = stock_autograde(course, chapter)
    assert done.returncode == 0, done.stderr
    graded = course.root / "autograded" / "old" / chapter.id
    assert (graded / "notes.txt").read_text() == "my own"
    assert not (graded / "link.txt").exists()
    assert book_scores(course, chapter) == {
        "ada": {"greeter": 0, "sum": 2},
        "empty": {"greeter": 0, "sum": 0},
        "old": {"greeter": 3, "sum": 0},
        "torn": {"greeter": 0, "sum": 0},
    }, done.stderr


@pytest.mark.parametrize(
    "switched_off", [pytest.param("TrustedExecute", marks=pytest.mark.slow), "TrustedSaveAutoGrades"]
)
def test_stock_nbgrader_without_a_hook_gives_no_points(course, switched_off):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["tags"] = ["skip-execution"]
            data = {"text/plain": "1000"}
            cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=1)]
    submit_notebook(course, chapter, "ada", notebook)
    done = stock_autograde(course, chapter, f"--{switched_off}.enabled=False")
    assert done.returncode == 0, done.stderr
    with Books(course).open() as gradebook:
        assert gradebook.find_submission(chapter.id, "ada").score == 0


def test_verdicts_are_taken_only_for_the_same_work(course):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    submit_notebook(course, chapter, "ada", notebook)
    assert grade(course, chapter).students[0].score == 0

    def no_engine():
        raise AssertionError("this work was graded already")

    assert grade(course, chapter, engine_factory=no_engine).students[0].score == 0
    submit_notebook(course, chapter, "ada", tiny.solve(notebook, chapter, ["sum"]))
    assert grade(course, chapter).students[0].score == 2


def test_solutions_typed_with_the_cli_pass(course):
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    tiny.cell(notebook, "greeter").source = '!docker run --name greeter busybox echo "salve orbis"'
    submit_notebook(course, chapter, "ada", notebook)
    (result,) = grade(course, chapter).students
    assert [task.outcome for task in result.tasks] == ["passed", "failed"], [t.words() for t in result.tasks]


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", ["ch01", "ch03", "ch06"])
def test_a_virtual_machine_judges_as_a_sandbox_does(name, tmp_path, engine_image):
    """The made-up class of a chapter, wrong and honest: word for word the same results."""
    course = copy_course(Course.read(tiny.REPOSITORY / "course"), tmp_path / "course")
    release(course)
    chapter = course.chapter(name)
    make_class(course, chapter)
    sandbox, machine = (
        word_for_word(grade(course, chapter, jobs=None, backend=backend, again=True))
        for backend in ("sandbox", "vm")
    )
    assert {student for student, _ in sandbox} == set(expected(chapter))
    assert machine == sandbox


def word_for_word(result):
    """All that a result says, by student and task, so that a difference is seen where it is."""
    return {
        (student["student"], part.get("task", "") if isinstance(part, dict) else "notes"): part
        for student in result.as_dict()["students"]
        for part in (*student["tasks"], student["notes"])
    }


@pytest.mark.slow  # each run has the command itself, as a login user types it
def test_the_demo_of_the_course_itself(tmp_path, engine_image):
    course = Course.find(tiny.REPOSITORY)
    result = run_demo(tmp_path / "demo", course=course)
    assert result.problems == ()
    by_name = {student.student: student for student in result.students}
    chapter = course.chapter(result.chapter)
    assert by_name["perfect"].score == chapter.max_score > 0
    assert by_name["partly"].score == sum(t.points for t in chapter.tasks if t.id in half(chapter))
    assert by_name["untouched"].score == by_name["cheating"].score == 0
    page = (tmp_path / "demo" / REPORT).read_text()
    assert all(name in page for name in by_name)
    copied = Course.read(tmp_path / "demo")
    assert book_scores(copied, copied.chapter(chapter.id)) == json_scores(result)


def test_a_copied_course_brings_nobodys_work(course, tmp_path):
    submit_notebook(
        course,
        course.chapter("ch01"),
        "ada",
        nbformat.read(course.chapter("ch01").notebook, as_version=4),
    )
    copied = copy_course(course, tmp_path / "copy")
    assert sorted(path.name for path in copied.root.iterdir()) == [
        "chapters.toml",
        "nbgrader_config.py",
        "source",
    ]
