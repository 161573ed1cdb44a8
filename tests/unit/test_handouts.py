"""What lies beside a chapter's notebook and must not get to students, by every way that leads to them."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest

from grader.course import Course
from grader.expect.finding import Finding, Outcome
from grader.grading.grade import write
from grader.grading.gradebook import Books
from grader.grading.judge.files import copy_for_kernel
from grader.grading.judge.results import SubmissionResult, TaskResult
from grader.grading.judge.submission import read_submission
from grader.grading.release import release
from grader.grading.verdicts import Verdicts
from grader.handouts import EDITORS_COPIES, MARKS, given_files, may_be_given
from grader.workspace.folder import fill, prepare
from tests.grading import tiny

NOTEBOOK = f"{tiny.CHAPTER}.ipynb"
COPIES = [
    *(f"{NOTEBOOK}~", f"{NOTEBOOK}.bak", f"#{NOTEBOOK}#", f".#{NOTEBOOK}", f".{NOTEBOOK}.swp"),
    *(f"{tiny.CHAPTER}.IPYNB", f"{NOTEBOOK}.orig", f"{NOTEBOOK}.old", f".~{NOTEBOOK}", f"{NOTEBOOK}.txt"),
    *(f"{tiny.CHAPTER} (copy).ipynb", f"{tiny.CHAPTER}.swp", f"{tiny.CHAPTER}.bak", "old/x.ipynb"),
    *(f".ipynb_checkpoints/{tiny.CHAPTER}-checkpoint.ipynb", "notes~", ".git/objects/x", ".env"),
]
BY_CONTENT = ["solutions.txt", "data/backup", "ch01-tiny.json"]


def leave(folder, *, notebooks=True):
    """What an afternoon of editing may leave beside a chapter's notebook."""
    text = (folder / NOTEBOOK).read_text()
    for name in (*COPIES, *BY_CONTENT):
        path = folder / name
        if notebooks or path.suffix != ".ipynb":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (folder / "wide").write_text(text, encoding="utf-16")


@pytest.fixture
def course(tmp_path):
    return tiny.make_course(tmp_path / "course")


def below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_only_what_is_meant_for_students_is_given(course):
    folder = course.chapter("ch01").folder
    leave(folder)
    (folder / "Dockerfile").write_text("FROM busybox\n")
    (folder / "data.bin").write_bytes(b"\0\xff" * 1000)
    assert [name for name, _ in given_files(folder)] == ["Dockerfile", "data.bin", "figures/dot.svg"]
    assert may_be_given(folder / "Dockerfile")
    assert not any(may_be_given(folder / name) for name in BY_CONTENT)


def test_a_workspace_gets_no_copy_of_a_notebook(course, tmp_path):
    leave(course.chapter("ch01").folder, notebooks=False)
    prepare(tmp_path / "home", course=course)
    assert below(tmp_path / "home" / tiny.CHAPTER) == {NOTEBOOK, "figures/dot.svg"}
    (tmp_path / "again").mkdir()
    fill(course.chapter("ch01"), tmp_path / "again")
    assert below(tmp_path / "again") == {NOTEBOOK, "figures/dot.svg"}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = tiny.make_course(tmp_path_factory.mktemp("given") / "course")
    tiny.released(course)
    return course.root


@pytest.fixture
def handed_in(released, tmp_path):
    """A released course in which ada has handed in; what was left in its source came after the release."""
    shutil.copytree(released, tmp_path / "course")
    course = Course.read(tmp_path / "course")
    chapter = course.chapter("ch01")
    folder = course.root / "submitted" / "ada" / chapter.id
    folder.mkdir(parents=True)
    nbformat.write(tiny.student_notebook(chapter, "sum"), folder / NOTEBOOK)
    leave(chapter.folder)
    (chapter.folder / "written-later.txt").write_text("said.equals is what the test asks")
    return course


def test_a_kernel_gets_what_was_released_and_nothing_else(handed_in, tmp_path):
    chapter = handed_in.chapter("ch01")
    copy_for_kernel(chapter, handed_in.root / "submitted" / "ada" / chapter.id, tmp_path / "work")
    assert below(tmp_path / "work") == {NOTEBOOK, "figures/dot.svg"}
    assert not any(mark in (tmp_path / "work" / NOTEBOOK).read_text() for mark in MARKS)


def test_the_graded_folder_and_the_feedback_get_nothing_else(handed_in):
    books, chapter = Books(handed_in), handed_in.chapter("ch01")
    submission = read_submission(handed_in.root / "submitted" / "ada" / chapter.id, chapter, "ada")
    failed = Outcome.failed(Finding("it", "state", "done", "not done"))
    tasks = tuple(TaskResult.of(task.id, task.points, failed) for task in chapter.tasks)
    result = SubmissionResult("ada", tasks, (), submission.reassembled.notebook)
    with Verdicts(handed_in, chapter).handed(submission, result):
        assert write(books, chapter, submission) == ""
    assert below(books.folder("autograded", "ada", chapter)) == {NOTEBOOK, "figures/dot.svg"}
    assert below(books.folder("feedback", "ada", chapter)) == {f"{chapter.id}.html", "figures/dot.svg"}


def test_what_an_editor_leaves_makes_no_verdict_old(handed_in):
    chapter = handed_in.chapter("ch01")
    before = Verdicts(handed_in, chapter).key_of("ada", "x")
    (chapter.folder / f"{NOTEBOOK}~").write_text("once more")
    assert Verdicts(handed_in, chapter).key_of("ada", "x") == before
    (handed_in.root / "release" / chapter.id / "figures" / "dot.svg").write_text("<svg/>")
    assert Verdicts(handed_in, chapter).key_of("ada", "x") != before


def test_a_release_has_none_of_them(course):
    """nbgrader copies whatever lies in the source."""
    chapter = course.chapter("ch01")
    text = chapter.notebook.read_text()
    for name in COPIES:
        if "/" not in name and not name.endswith(".ipynb") and name != f"{tiny.CHAPTER}.IPYNB":
            (chapter.folder / name).write_text(text)
    (folder,) = release(course, [chapter])
    assert below(folder) == {NOTEBOOK, "figures/dot.svg"}


def test_nbgraders_configuration_names_the_same(course):
    ignored = Books(course).coursedir.ignore
    assert set(EDITORS_COPIES) <= set(ignored), json.dumps(ignored)
