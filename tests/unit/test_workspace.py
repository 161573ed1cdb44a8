"""The student's copy: what is given out, and that nothing of the student's is ever overwritten."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.course import Chapter, Course
from grader.errors import CourseError, DockbookError, UsageError
from grader.workspace import folder as workspaces
from grader.workspace.folder import default_workspace, find_notebook, prepare, student_version
from grader.workspace.record import student_of

CHAPTER = "ch03-using-docker"
SECRET = "the hidden expectation"


def marks(grade_id: str, **given: object) -> dict[str, object]:
    base = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": {**base, "grade_id": grade_id, **given}}


def source(text: str = "Welcome") -> nbformat.NotebookNode:
    solution = "### BEGIN SOLUTION\nbox = 'answer'\n### END SOLUTION"
    hidden = f"    ### BEGIN HIDDEN TESTS\n    '{SECRET}'\n    ### END HIDDEN TESTS"
    test = f"with check('greeter'):\n    pass\n{hidden}"
    output = nbformat.v4.new_output("stream", text="seen")
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[
            new_markdown_cell(text, id="intro"),
            new_code_cell("1 + 1", id="plain", outputs=[output], execution_count=3),
            new_code_cell(solution, id="do", metadata=marks("greeter", solution=True)),
            new_code_cell(test, id="see", metadata=marks("test-greeter", grade=True, locked=True, points=2)),
        ],
    )


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    folder = root / "source" / CHAPTER
    (folder / "figures").mkdir(parents=True)
    (folder / "figures/box.svg").write_text("<svg/>")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/old.ipynb").write_text(SECRET)
    (root / "chapters.toml").write_text(
        f'[[chapter]]\nid = "{CHAPTER}"\ntitle = "Using Docker"\n'
        '[[chapter]]\nid = "ch04-x"\ntitle = "Later"\n'
    )
    nbformat.write(source(), folder / f"{CHAPTER}.ipynb")
    return Course.read(root)


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "home" / "dockbook"


def notebook(workspace: Path, suffix: str = "") -> Path:
    return workspace / CHAPTER / f"{CHAPTER}{suffix}.ipynb"


@pytest.mark.parametrize("where", ["course", "clone", "source"])
def test_the_courses_own_folders_are_no_workspace(course, where):
    place = {"course": course.root, "clone": course.root.parent, "source": course.root / "source"}[where]
    before = sorted(place.rglob("*"))
    with pytest.raises(UsageError, match="the course itself is there"):
        prepare(place, course=course)
    assert sorted(place.rglob("*")) == before


def test_a_folder_with_other_files_is_no_workspace(course, workspace):
    workspace.mkdir(parents=True)
    (workspace / "thesis.odt").write_text("mine")
    (workspace / "photos").mkdir()
    with pytest.raises(UsageError, match=r"holds other files \(photos and 1 more\).*--workspace"):
        prepare(workspace, course=course)
    assert sorted(path.name for path in workspace.iterdir()) == ["photos", "thesis.odt"]


def test_chapters_that_were_unpacked_first_are_welcome(course, workspace):
    (workspace / "exam").mkdir(parents=True)
    (workspace / "exam" / "exam.ipynb").write_text("{}")
    (workspace / ".hidden").write_text("")
    prepare(workspace, course=course)
    (workspace / "own notes.txt").write_text("added later")
    prepare(workspace, course=course)
    assert notebook(workspace).is_file()


def renew(course: Course, text: str) -> Course:
    nbformat.write(source(text), course.chapters[0].notebook)
    return Course.read(course.root)


def test_the_release_form_keeps_what_grading_needs_and_no_secret(course, workspace):
    lines = prepare(workspace, course=course)
    assert lines == [f"{CHAPTER}: Using Docker: {notebook(workspace)}"]
    text = notebook(workspace).read_text()
    for secret in (SECRET, "answer", "BEGIN", "seen"):
        assert secret not in text
    found = nbformat.read(notebook(workspace), as_version=4)
    nbformat.validate(found)
    assert [cell.id for cell in found.cells] == ["intro", "plain", "do", "see"]
    do, see = (cell.metadata.nbgrader for cell in found.cells[2:])
    assert (do.solution, see.grade, see.locked, see.points) == (True, True, True, 2)
    assert see.checksum
    assert "NotImplementedError" in found.cells[2].source


def test_it_is_what_nbgrader_itself_would_release(course, monkeypatch):
    """The same notebook that ``nbgrader generate_assignment`` makes, cell for cell."""
    # nbgrader looks for `alembic` on the PATH.
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course.root)
    made = NbGraderAPI(config=config).generate_assignment(CHAPTER)
    assert made["success"], made
    theirs = nbformat.read(course.root / "release" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    assert student_version(course.chapters[0].source).cells == theirs.cells


def test_the_source_is_not_touched(course):
    original = course.chapters[0].source
    before = nbformat.writes(original)
    student_version(original)
    assert nbformat.writes(original) == before


def test_pictures_come_along_and_hidden_files_do_not(course, workspace):
    prepare(workspace, course=course)
    names = {str(path.relative_to(workspace / CHAPTER)) for path in (workspace / CHAPTER).rglob("*")}
    assert names == {f"{CHAPTER}.ipynb", "figures", "figures/box.svg"}


def test_twice_changes_nothing(course, workspace):
    prepare(workspace, course=course)
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    assert prepare(workspace, course=course) == []
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before


def test_a_release_is_made_once_and_again_when_what_it_is_made_of_changes(course, workspace, monkeypatch):
    made: list[str] = []
    text = workspaces._text

    def make(chapter: Chapter) -> str:
        made.append(chapter.id)
        return text(chapter)

    monkeypatch.setattr(workspaces, "_text", make)
    prepare(workspace, course=course)
    prepare(workspace, course=course)
    assert made == [CHAPTER]
    # The same text from other sources, here another nbgrader, is nothing new for the student.
    monkeypatch.setattr(workspaces, "version", lambda name: "99")
    assert prepare(workspace, course=course) == prepare(workspace, course=course) == []
    assert made == [CHAPTER] * 2
    nbformat.write(source("Welcome back"), course.chapter(CHAPTER).notebook)
    course = Course.read(course.root)
    [line] = prepare(workspace, course=course)
    assert "a newer version is now next to yours" in line
    assert prepare(workspace, course=course) == []
    assert made == [CHAPTER] * 3


def test_work_stays_and_a_newer_release_is_put_beside(course, workspace):
    prepare(workspace, course=course)
    notebook(workspace).write_text(notebook(workspace).read_text().replace("1 + 1", "my work"))
    mine = notebook(workspace).read_bytes()
    assert prepare(workspace, course=course) == []
    course = renew(course, "Second edition")
    (line,) = prepare(workspace, course=course)
    assert f"{CHAPTER}.new.ipynb" in line
    assert notebook(workspace).read_bytes() == mine
    assert "Second edition" in notebook(workspace, ".new").read_text()
    assert prepare(workspace, course=course) == []
    beside = notebook(workspace, ".new").read_bytes()
    prepare(workspace, course=renew(course, "Third edition"))
    assert notebook(workspace, ".new").read_bytes() == beside
    assert "Third edition" in notebook(workspace, ".new-2").read_text()


def test_files_of_the_students_are_not_replaced(course, workspace):
    prepare(workspace, course=course)
    figure = workspace / CHAPTER / "figures/box.svg"
    figure.write_text("mine")
    prepare(workspace, course=renew(course, "Second edition"))
    assert figure.read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b'{"cells": [', "is cut off"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"[1, 2]", "JSON, but not a notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "cells": 3}', "it has no cells"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_notebook_is_kept_aside_and_said(course, workspace, content, words):
    prepare(workspace, course=course)
    notebook(workspace).write_bytes(content)
    aside, given = prepare(workspace, course=course)
    assert words in aside
    assert str(notebook(workspace)) in given
    nbformat.read(notebook(workspace), as_version=4)
    (kept,) = (workspace / CHAPTER).glob(f"{CHAPTER}.damaged-*.ipynb")
    assert kept.read_bytes() == content
    assert kept.name in aside


def test_an_old_format_is_no_damage(course, workspace):
    prepare(workspace, course=course)
    old = '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}'
    notebook(workspace).write_text(old)
    assert prepare(workspace, course=course) == []
    assert notebook(workspace).read_text() == old


def test_a_removed_notebook_is_given_again(course, workspace):
    prepare(workspace, course=course)
    notebook(workspace).unlink()
    assert prepare(workspace, course=course) == [f"{CHAPTER}: Using Docker: {notebook(workspace)}"]


def test_a_broken_chapter_takes_no_other_one_away(course, workspace):
    later = course.root / "source/ch04-x"
    later.mkdir()
    (later / "ch04-x.ipynb").write_text("{")
    lines = prepare(workspace, course=Course.read(course.root))
    assert notebook(workspace).exists()
    assert lines[1].startswith("ch04-x: left out: The chapter's notebook")


def test_a_damaged_record_loses_nothing(course, workspace):
    prepare(workspace, course=course)
    mine = notebook(workspace).read_bytes()
    for content in ("", "[]", '{"given": 3}'):
        (workspace / ".dockbook/workspace.json").write_text(content)
        prepare(workspace, course=course)
        assert notebook(workspace).read_bytes() == mine


def test_a_link_is_not_written_through(course, workspace, tmp_path):
    target = tmp_path / "elsewhere.ipynb"
    (workspace / CHAPTER).mkdir(parents=True)
    notebook(workspace).symlink_to(target)
    prepare(workspace, course=course)
    assert not target.exists()
    assert not notebook(workspace).is_symlink()


def test_a_workspace_that_cannot_be_made_says_so(course, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(DockbookError, match=r"cannot be written.*--workspace"):
        prepare(blocker / "dockbook", course=course)
    with pytest.raises(DockbookError, match="cannot be written"):
        prepare(blocker, course=course)
    assert blocker.read_text() == "x"


def test_notebooks_are_ordinary_files(course, workspace):
    prepare(workspace, course=course)
    assert stat.S_IMODE(notebook(workspace).stat().st_mode) == 0o644
    assert not list(workspace.rglob("*.part"))


def test_the_students_id_is_remembered_and_guarded(course, workspace):
    assert student_of(workspace) is None
    prepare(workspace, course=course, student="ann-1")
    prepare(workspace, course=course)
    assert student_of(workspace) == "ann-1"
    assert json.loads((workspace / ".dockbook/workspace.json").read_text())["student"] == "ann-1"
    with pytest.raises(UsageError, match="is ann-1's, not bob's"):
        prepare(workspace, course=course, student="bob")


@pytest.mark.parametrize("student", ["", "../eve", "a b", "-x", "x" * 65, "a/b", "näme"])
def test_an_unusable_id_is_refused_before_anything_is_given(course, workspace, student):
    with pytest.raises(UsageError, match="cannot be used as an id"):
        prepare(workspace, course=course, student=student)
    assert not notebook(workspace).exists()


def test_a_notebook_is_found_by_number_or_name(course, workspace):
    prepare(workspace, course=course)
    assert find_notebook(workspace, "ch03") == find_notebook(workspace, f"{CHAPTER}/") == notebook(workspace)
    with pytest.raises(CourseError, match=f"choose one of: {CHAPTER}"):
        find_notebook(workspace, "ch04")


def test_where_the_workspace_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKBOOK_WORKSPACE", raising=False)
    assert default_workspace() == tmp_path / "dockbook-course"
    monkeypatch.setenv("DOCKBOOK_WORKSPACE", "/somewhere")
    assert default_workspace() == Path("/somewhere")
