"""`dockbook submit`: the zip, the receipt, what is refused and what stays behind."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import nbformat
import pytest

from grader import worked_answers
from grader.course import Course
from grader.errors import CourseError, DockbookError, UsageError
from grader.files import PARTIAL
from grader.workspace import pack
from grader.workspace.folder import prepare
from grader.workspace.status import workspace_status
from grader.workspace.submit import receipts, submit
from tests.unit.workspace.student_work import CHAPTER, change, everything, notebook

ROOT = Path(__file__).resolve().parents[3]


def test_a_zip_with_its_receipt(workspace, chapter, command, capsys):
    mine = change(workspace, "sum")
    done = submit(workspace, chapter)
    data = done.zip.read_bytes()
    assert done.zip.parent == workspace / "submissions"
    with zipfile.ZipFile(done.zip) as packed:
        assert packed.namelist() == [f"ann/{CHAPTER}/{CHAPTER}.ipynb", f"ann/{CHAPTER}/figures/dot.svg"]
        assert packed.read(f"ann/{CHAPTER}/{CHAPTER}.ipynb") == mine
    receipt = done.receipt
    assert (receipt.sha256, receipt.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (receipt.student, receipt.passed, receipt.tasks, receipt.points) == ("ann", 1, 2, 2)
    text = done.receipt_file.read_text()
    for words in (receipt.sha256, receipt.time, "ann", f"{CHAPTER} (Tiny)", "1 of 2 tasks", "not your grade"):
        assert words in text
    assert receipts(workspace, CHAPTER) == [receipt]
    assert command("submit", CHAPTER) == 0
    captured = capsys.readouterr()
    assert "not your grade" in captured.out
    assert "checks that do not pass yet: greeter" in captured.err
    assert len(receipts(workspace, CHAPTER)) == 2


def test_the_same_work_is_the_same_zip_and_no_file_is_overwritten(workspace, chapter, tmp_path):
    change(workspace, "sum")
    first = submit(workspace, chapter)
    before = first.zip.read_bytes()
    os.utime(notebook(workspace), (1, 1))
    notebook(workspace).chmod(0o600)
    others = [
        submit(workspace, chapter),
        submit(workspace, chapter),
        submit(workspace, chapter, output=tmp_path),
    ]
    assert len({first.zip, *(one.zip for one in others)}) == 4
    assert all(one.zip.read_bytes() == before for one in others)
    assert first.zip.read_bytes() == before
    assert len(receipts(workspace, CHAPTER)) == 4
    change(workspace, "sum", "greeter")
    assert submit(workspace, chapter).zip.read_bytes() != before
    assert list(workspace.rglob(f"{PARTIAL}*")) == []


def test_submitting_changes_nothing_of_the_work(workspace, chapter):
    change(workspace, "sum")
    before = everything(workspace / CHAPTER)
    submit(workspace, chapter)
    assert everything(workspace / CHAPTER) == before


def test_links_and_what_is_not_the_work_stay_behind(workspace, chapter, tmp_path):
    change(workspace, "sum")
    folder = workspace / CHAPTER
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key.txt").write_text("private")
    (folder / "key.txt").symlink_to(tmp_path / "secret/key.txt")
    (folder / "secrets").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    (folder / "data.gz").write_bytes(b"no gzip")
    (folder / f"{CHAPTER}.damaged-1.ipynb").write_text("{")
    for name in (".ipynb_checkpoints", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "x.ipynb").write_text("{}")
    (folder / ".dockerignore").write_text("x")
    (folder / worked_answers.HIDDEN).write_text("[web]\npython = 'x'")
    done = submit(workspace, chapter)
    with zipfile.ZipFile(done.zip) as packed:
        names = [name.removeprefix(f"ann/{CHAPTER}/") for name in packed.namelist()]
        assert b"private" not in b"".join(map(packed.read, packed.namelist()))
    assert names == [".dockerignore", f"{CHAPTER}.ipynb", "figures/dot.svg"]
    assert len(done.receipt.left_out) == 5
    assert "key.txt: a link is not followed" in done.receipt_file.read_text()


@pytest.mark.parametrize(
    ("prepare_it", "error", "words"),
    [
        (lambda path: path.write_text(""), CourseError, "is damaged: it is empty.*dockbook lab"),
        (lambda path: path.unlink(), CourseError, "There is no"),
        (
            lambda path: path.rename(path.with_name("x")).parent.joinpath(path.name).symlink_to("x"),
            CourseError,
            "link",
        ),
        (
            lambda path: path.write_bytes(path.read_bytes() + b" " * 9000),
            UsageError,
            "at most 9,000 are taken",
        ),
        (
            lambda path: (path.parent / "big").write_bytes(b"x" * 20_000),
            UsageError,
            r"largest: big \(20,000 bytes\)",
        ),
    ],
)
def test_what_cannot_be_graded_is_refused(workspace, course, prepare_it, error, words):
    (course.root / "chapters.toml").write_text(
        f"[limits]\nnotebook_bytes = 9000\nfiles_bytes = 20000\n"
        f'[[chapter]]\nid = "{CHAPTER}"\ntitle = "Tiny"\n'
    )
    change(workspace, "sum")
    prepare_it(notebook(workspace))
    with pytest.raises(error, match=words):
        submit(workspace, Course.read(course.root).chapter(CHAPTER))
    assert not (workspace / "submissions").exists()


def test_too_many_files_are_refused(workspace, chapter, monkeypatch):
    change(workspace, "sum")
    monkeypatch.setattr(pack, "MAX_FILES", 3)
    for number in range(4):
        (workspace / CHAPTER / f"{number}.txt").write_text("x")
    with pytest.raises(UsageError, match="more than 3 files"):
        submit(workspace, chapter)


def test_what_was_only_handed_out_is_not_handed_in(workspace, chapter):
    with pytest.raises(UsageError, match=r"as it was handed out.*save it in JupyterLab"):
        submit(workspace, chapter)


def test_whose_work_it_is_must_be_known(tmp_path, course, chapter):
    place = tmp_path / "nobodys"
    prepare(place, course=course)
    change(place, "sum")
    with pytest.raises(UsageError, match="add --as ID"):
        submit(place, chapter)
    with pytest.raises(UsageError, match="cannot be used as an id"):
        submit(place, chapter, student="../eve")
    done = submit(place, chapter, student="ann")
    assert done.receipt.student == "ann"
    assert any("depend on your id" in line for line in done.warnings)
    with pytest.raises(UsageError, match="is ann's, not bob's"):
        submit(place, chapter, student="bob")
    assert submit(place, chapter).receipt.student == "ann"


def test_an_unwritable_output_leaves_no_receipt(workspace, chapter, tmp_path):
    change(workspace, "sum")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DockbookError, match=r"cannot be written.*--output"):
        submit(workspace, chapter, output=tmp_path / "file")
    assert receipts(workspace, CHAPTER) == []


def test_cells_that_never_ran_are_told(workspace, chapter):
    path = notebook(workspace)
    found = nbformat.read(path, as_version=4)
    found.cells[0].source = "Mine."
    nbformat.write(found, path)
    warnings = submit(workspace, chapter).warnings
    assert warnings == ("5 of 5 code cells were never run", "checks never run: greeter, sum")


def test_an_exam_that_the_course_does_not_know_is_handed_in_too(workspace, command, course, capsys):
    """It was handed out by itself: there is no clean copy of it to reset to, and nothing of it is touched."""
    change(workspace, "sum")
    exam = workspace / "ex01-exam" / "ex01-exam.ipynb"
    exam.parent.mkdir()
    exam.write_bytes(notebook(workspace).read_bytes())
    assert command("submit", "ex01") == 0
    (receipt,) = receipts(workspace, "ex01-exam")
    assert receipt.files == ("ex01-exam.ipynb",)
    assert [one.chapter for one in workspace_status(workspace, course)] == [CHAPTER, "ex01-exam"]
    before = everything(workspace)
    assert command("reset", "ex01") == 2
    assert command("submit", "ex09") == 2
    assert capsys.readouterr().err.count("There is no chapter") == 2
    assert everything(workspace) == before
