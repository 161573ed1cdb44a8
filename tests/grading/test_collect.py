"""From a student's workspace to the instructor's folder: what `dockbook submit` writes, `nbgrader
zip_collect` takes."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from grader.course import Course
from grader.grading.judge.submission import read_submission
from grader.workspace.folder import prepare
from grader.workspace.submit import Submitted, submit
from tests.grading import tiny

CHAPTER = tiny.CHAPTER


def work(course: Course, workspace: Path, student: str, *tasks: str) -> Path:
    """A workspace with these tasks solved, and a file beside the notebook; the notebook's path."""
    prepare(workspace, student=student, course=course)
    path = workspace / CHAPTER / f"{CHAPTER}.ipynb"
    chapter = course.chapter(CHAPTER)
    nbformat.write(tiny.solve(nbformat.read(path, as_version=4), chapter, tasks), path)
    (path.parent / "notes").mkdir(exist_ok=True)
    (path.parent / "notes" / "Dockerfile").write_text(f"# {student}\n")
    return path


def submit_notebook(course: Course, workspace: Path, archive: Path) -> Submitted:
    return submit(workspace, course.chapter(CHAPTER), output=archive)


def collect(course: Course, *arguments: str) -> str:
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = subprocess.run(
        ["nbgrader", "zip_collect", CHAPTER, *arguments],
        cwd=course.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def archive(released_course):
    return released_course.root / "downloaded" / CHAPTER / "archive"


def test_a_class_is_collected_and_can_be_read(released_course, archive, tmp_path):
    """With the settings of the course's own nbgrader_config.py, and ids with every sign that an id may
    have."""
    for student, tasks in (("ann", ["sum"]), ("bob.b-2@uni", ["greeter", "sum"])):
        work(released_course, tmp_path / student, student, *tasks)
        submit_notebook(released_course, tmp_path / student, archive)
    for receipt in archive.glob("*.txt"):
        receipt.unlink()
    assert "skipped" not in collect(released_course).lower()
    chapter = released_course.chapter(CHAPTER)
    submitted = released_course.root / "submitted"
    assert {path.name for path in submitted.iterdir()} == {"ann", "bob.b-2@uni"}
    for student in ("ann", "bob.b-2@uni"):
        folder = submitted / student / CHAPTER
        found = read_submission(folder, chapter, student)
        assert (found.state, found.problem, found.notes) == ("ok", "", ())
        assert (folder / "notes" / "Dockerfile").read_text() == f"# {student}\n"
        original = tmp_path / student / CHAPTER / f"{CHAPTER}.ipynb"
        assert (folder / f"{CHAPTER}.ipynb").read_bytes() == original.read_bytes()
        assert (folder / "timestamp.txt").is_file()


def test_of_two_submissions_the_later_counts_whatever_the_platform_calls_them(
    released_course, archive, tmp_path
):
    path = work(released_course, tmp_path / "ann", "ann", "sum")
    first = submit_notebook(released_course, tmp_path / "ann", archive)
    early = first.zip.rename(archive / f"Zoe Zink_99_file_{first.zip.name.replace('_2', '_1', 1)}")
    path.write_text(path.read_text().replace("The end.", "The very end."))
    second = submit_notebook(released_course, tmp_path / "ann", archive)
    second.zip.rename(archive / f"Ann Adams_98_file_{second.zip.name}")
    for receipt in archive.glob("*.txt"):
        receipt.unlink()
    collect(released_course)
    assert early.exists()
    taken = released_course.root / "submitted" / "ann" / CHAPTER / f"{CHAPTER}.ipynb"
    assert "The very end." in taken.read_text()


def test_another_chapters_zip_is_not_taken_for_this_one(released_course, archive, tmp_path):
    work(released_course, tmp_path / "ann", "ann", "sum")
    done = submit_notebook(released_course, tmp_path / "ann", tmp_path / "out")
    archive.mkdir(parents=True)
    with zipfile.ZipFile(done.zip) as given, zipfile.ZipFile(archive / "ann_ch02-later_x.zip", "w") as other:
        for name in given.namelist():
            other.writestr(name.replace(f"/{CHAPTER}/", "/ch02-later/"), given.read(name))
    assert "not from a zip that `dockbook submit` made for this chapter" in collect(released_course)
    assert not (released_course.root / "submitted").exists()


def test_a_platforms_file_names_go_by_its_expression(released_course, archive, tmp_path):
    """As in stock nbgrader, beside the course's own zips; the platform's word for the student goes first."""
    config = released_course.root / "nbgrader_config.py"
    expression = r'r".*/(?P<student_id>[\w.-]+?)_[^/]*(?P<file_id>ch\d\d-[a-z-]+)"'
    config.write_text(config.read_text() + f"\nc.FileNameCollectorPlugin.named_regexp = {expression}\n")
    path = work(released_course, tmp_path / "ann", "ann", "sum")
    archive.mkdir(parents=True)
    (archive / f"bob_4711_{CHAPTER}.ipynb").write_bytes(path.read_bytes())
    (archive / "all" / CHAPTER).mkdir(parents=True)
    (archive / "all" / CHAPTER / f"dora_4712_{CHAPTER}.ipynb").write_bytes(path.read_bytes())
    done = submit_notebook(released_course, tmp_path / "ann", archive)
    done.zip.rename(archive / f"cleo_{done.zip.name}")
    said = collect(released_course)
    assert {path.name for path in (released_course.root / "submitted").iterdir()} == {"bob", "cleo", "dora"}
    for student in ("bob", "cleo", "dora"):
        assert (released_course.root / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb").is_file()
    assert "collected for cleo, though the zip says ann" in said
