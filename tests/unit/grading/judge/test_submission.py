"""Reading submissions: every kind of bad file is a reason in words; nothing is followed, nothing changed."""

from __future__ import annotations

import json
import os

import nbformat
import pytest

from grader.course import MAX_FILES
from grader.grading.judge import files
from grader.grading.judge.submission import read_submission
from tests.grading import tiny


@pytest.fixture
def chapter(tmp_path):
    return tiny.make_course(tmp_path / "course").chapter("ch01")


@pytest.fixture
def folder(tmp_path, chapter):
    folder = tmp_path / "submitted" / "ada" / chapter.id
    folder.mkdir(parents=True)
    nbformat.write(tiny.student_notebook(chapter, "sum"), folder / chapter.notebook.name)
    return folder


def read(folder, chapter):
    return read_submission(folder, chapter, "ada")


def test_an_honest_submission(folder, chapter):
    found = read(folder, chapter)
    assert (found.state, found.problem, found.notes) == ("ok", "", ())
    assert len(found.reassembled.steps) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"cells": [{"cell_type": "code", "sou', "not a complete notebook"),
        (b"\x00\xff\xfe", "not a complete notebook"),
        (b"[]", "not a notebook"),
        (b"{}", "not a notebook"),
        (b'{"cells": 5, "nbformat": 4, "metadata": {}}', "not a list"),
        (b'{"cells": [], "nbformat": 99, "metadata": {}}', "not a notebook that can be read"),
        (b'{"worksheets": [5], "nbformat": 3, "metadata": {}}', "not a notebook that can be read"),
        (b'{"cells": ' + b"[" * 200_000, "not a complete notebook"),
        (b"9" * 10_000, "not a complete notebook"),
    ],
)
def test_unreadable_is_a_reason(folder, chapter, content, said):
    (folder / chapter.notebook.name).write_bytes(content)
    found = read(folder, chapter)
    assert found.state == "unreadable"
    assert said in found.problem
    assert [step.task.id for step in found.reassembled.steps] == ["greeter", "sum"]


def test_too_large_is_a_reason(folder, chapter):
    path = folder / chapter.notebook.name
    with path.open("ab") as file:
        file.truncate(chapter.limits.notebook_bytes + 1)
    found = read(folder, chapter)
    assert found.state == "unreadable"
    assert "larger than" in found.problem


@pytest.mark.parametrize(
    "name",
    [
        *("my copy.ipynb", "ch01-tiny (1).ipynb", "ch01-tiny-Copy1.ipynb", "CH01-Tiny.IPYNB"),
        *("ch01-tiny/ch01-tiny.ipynb", "work/my copy.ipynb"),
    ],
)
def test_a_renamed_notebook_is_the_submission_and_that_is_said(folder, chapter, name):
    found = read(folder, chapter)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / chapter.notebook.name).rename(folder / name)
    (folder / "notes.ipynb").write_text(json.dumps({"cells": [], "nbformat": 4, "metadata": {}}))
    renamed = read(folder, chapter)
    assert renamed.state == "ok"
    assert renamed.reassembled.steps == found.reassembled.steps
    assert [note.text for note in renamed.notes] == [
        f"there is no ch01-tiny.ipynb; {name} has the chapter's cells and was used instead"
    ]
    # Two copies of one and the same work are one.
    (folder / "again.ipynb").write_bytes((folder / name).read_bytes())
    assert read(folder, chapter).state == "ok"


def test_a_renamed_notebook_without_ids_or_marks_is_known_by_its_tests(folder, chapter):
    path = folder / chapter.notebook.name
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"] = {}
    path.unlink()
    (folder / "Untitled1.ipynb").write_text(json.dumps(notebook | {"nbformat_minor": 4}))
    assert read(folder, chapter).state == "ok"


def test_without_one_notebook_of_the_chapters_the_reason_names_what_is_there(folder, chapter):
    path = folder / chapter.notebook.name
    path.rename(folder / "one.ipynb")
    nbformat.write(tiny.student_notebook(chapter, "greeter"), folder / "two.ipynb")
    found = read(folder, chapter)
    assert found.state == "missing"
    assert found.problem.endswith(
        "no ch01-tiny.ipynb, and more than one with the chapter's cells: one.ipynb, two.ipynb"
    )
    for name in ("one.ipynb", "two.ipynb"):
        (folder / name).write_text('{"cells": [], "nbformat": 4, "metadata": {}}')
    assert read(folder, chapter).problem == (
        "the submission has no ch01-tiny.ipynb; found instead: one.ipynb, two.ipynb"
    )
    assert read(folder.parent / "nothing", chapter).problem == "there is no submission"


def test_a_notebook_that_is_empty_says_what_lies_beside_it(folder, chapter):
    path = folder / chapter.notebook.name
    path.rename(folder / "ch01-tiny-Copy1.ipynb")
    path.write_bytes(b"")
    found = read(folder, chapter)
    assert found.problem == "ch01-tiny.ipynb is empty; found next to it: ch01-tiny-Copy1.ipynb"


@pytest.mark.parametrize("code", ["utf-16", "utf-8-sig"])
def test_an_editors_encoding_is_read(folder, chapter, code):
    path = folder / chapter.notebook.name
    path.write_bytes(path.read_text().encode(code))
    assert read(folder, chapter).state == "ok"


def test_links_are_never_followed(folder, chapter, tmp_path):
    secret = tmp_path / "secret.ipynb"
    nbformat.write(tiny.student_notebook(chapter, "greeter", "sum"), secret)
    path = folder / chapter.notebook.name
    path.unlink()
    path.symlink_to(secret)
    found = read(folder, chapter)
    assert found.state == "unreadable"
    assert "is a link" in found.problem

    path.unlink()
    path.symlink_to("/nowhere/at/all")
    assert read(folder, chapter).state == "unreadable"

    alias = tmp_path / "alias"
    alias.symlink_to(folder)
    assert "folder is a link" in read(alias, chapter).problem


@pytest.mark.timeout(20)
def test_pipes_and_folders_in_the_notebooks_place(folder, chapter):
    path = folder / chapter.notebook.name
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in read(folder, chapter).problem
    path.unlink()
    path.mkdir()
    assert read(folder, chapter).state == "unreadable"


def test_version_3_is_read_as_version_4(folder, chapter):
    notebook = tiny.student_notebook(chapter, "sum")
    old = nbformat.convert(notebook, 3)
    (folder / chapter.notebook.name).write_text(json.dumps(old))
    found = read(folder, chapter)
    assert found.state == "ok"
    sources = [step.source.split("\n")[0] for step in found.reassembled.steps if step.task is None]
    assert "total = 6 * 7" in sources
    assert {step.task.id for step in found.reassembled.steps if step.task} == {"greeter", "sum"}


def test_copying_takes_regular_files_and_the_chapters_own_but_no_hidden_test(folder, chapter, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    (folder / "docker.py").write_text("lie")
    (folder / "figures").write_text("a file where the chapter has a folder")
    os.mkfifo(folder / "pipe")
    target = tmp_path / "copy"
    target.mkdir()
    files.copy_for_kernel(chapter, folder, target)
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert names == [chapter.notebook.name, "docker.py", "figures/dot.svg"]
    assert "salve orbis" not in (target / chapter.notebook.name).read_text()
    assert [note.text for note in read(folder, chapter).notes] == [
        "not followed: link.txt is a link or not a regular file",
        "not followed: pipe is a link or not a regular file",
    ]


def test_what_lies_too_deep_is_left_out_and_said(folder, chapter, tmp_path):
    deep = folder
    for _ in range(12):
        deep = deep / ("d" * 100)
    deep.mkdir(parents=True)
    (deep / "end.txt").write_text("deep down")
    (folder / "d.txt").write_text("here")
    assert [name for name, _ in files.regular_files(folder)] == [chapter.notebook.name, "d.txt"]
    (note,) = read(folder, chapter).notes
    assert note.text.startswith("left out: ddd")
    assert "more than 1,000 bytes" in note.text
    files.copy_for_kernel(chapter, folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "d.txt").is_file()


@pytest.mark.parametrize(
    ("name", "found"),
    [("figures", True), ("figures/dot.svg/x", True), ("figures/dot.svg", False), ("figures2/x", False)],
)
def test_files_in_the_way_of_the_chapters(name, found):
    assert files.in_the_way(name, ["figures/dot.svg", "data.txt"]) is found


def test_the_digest_follows_content_and_names_and_nothing_is_changed(folder, chapter):
    def state():
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}

    before, first = state(), read(folder, chapter).digest
    assert read(folder, chapter).digest == first
    assert state() == before
    (folder / "data.txt").write_text("1")
    second = read(folder, chapter).digest
    (folder / "data.txt").rename(folder / "other.txt")
    assert len({first, second, read(folder, chapter).digest}) == 3


def more_than_is_taken(folder):
    """Data that uses up what the chapter's limits leave for files, and sorts before the notebook."""
    with (folder / "a.bin").open("wb") as data:
        data.truncate(49_999_900)


@pytest.mark.parametrize("beside", [lambda folder: None, more_than_is_taken])
def test_the_digest_has_the_notebook_whole_whatever_lies_beside_it(folder, chapter, beside):
    beside(folder)
    found = {read(folder, chapter).digest}
    path = folder / chapter.notebook.name
    for text in ("total = 41", "total = 42"):
        path.write_text(path.read_text().replace("total = 6 * 7", text).replace("total = 41", text))
        found.add(read(folder, chapter).digest)
    assert len(found) == 3


def test_the_digest_follows_files_that_are_too_large_to_be_taken(folder, chapter):
    with (folder / "large.bin").open("wb") as data:
        data.truncate(60_000_000)
    first = read(folder, chapter).digest
    os.utime(folder / "large.bin", (1, 1))
    assert read(folder, chapter).digest != first


def test_a_notebook_among_thousands_of_files_is_read_and_counts(folder, chapter):
    for number in range(MAX_FILES + 1):
        (folder / f"a{number}").touch()
    first = read(folder, chapter).digest
    path = folder / chapter.notebook.name
    path.write_text(path.read_text().replace("total = 6 * 7", "total = 1"))
    assert read(folder, chapter).digest != first
