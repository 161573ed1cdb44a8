"""The student's copy of the course. What is in it belongs to the student: nothing is ever overwritten.

A chapter is given out in its release form: solutions and hidden tests taken out, outputs cleared, nbgrader's
metadata kept (Validate and grading need it). A newer release is put beside the student's notebook; a notebook
that can no longer be read is kept aside.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import CourseError, DockbookError, UsageError

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from grader.course import Chapter, Course

_RECORD = Path(".dockbook/workspace.json")
_STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


def default_workspace() -> Path:
    """``DOCKBOOK_WORKSPACE``, else ``dockbook`` in the home folder."""
    return Path(os.environ.get("DOCKBOOK_WORKSPACE") or Path.home() / "dockbook")


def student_version(source: NotebookNode) -> NotebookNode:
    """The release form of an instructor's notebook, as ``nbgrader generate_assignment`` makes it.

    The given notebook stays as it is. Raises CourseError when its nbgrader metadata is not usable.
    """
    from nbgrader import preprocessors

    notebook = deepcopy(source)
    resources: dict[str, Any] = {}
    steps = (
        preprocessors.LockCells,
        preprocessors.ClearSolutions,
        preprocessors.ClearOutput,
        preprocessors.CheckCellMetadata,
        preprocessors.ClearHiddenTests,
        preprocessors.ClearMarkScheme,
        preprocessors.ComputeChecksums,
        preprocessors.CheckCellMetadata,
    )
    for step in steps:
        try:
            notebook, resources = step().preprocess(notebook, resources)
        except (RuntimeError, ValueError, KeyError) as error:
            raise CourseError(
                f"The chapter cannot be released: {step.__name__}: {error}",
                next_step="mend its source notebook.",
            ) from error
    return notebook


def prepare(workspace: Path, *, student: str | None = None, course: Course | None = None) -> list[str]:
    """Make or complete the workspace; lines that tell the student what was done.

    Raises UsageError for an unusable id or somebody else's workspace, DockbookError when it cannot write.
    """
    from grader.course import Course as AnyCourse

    course = course or AnyCourse.find()
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        record = _read_record(workspace)
        _claim(record, student, workspace)
        lines = [line for chapter in course.written for line in _give_or_say(chapter, workspace, record)]
        _write_record(workspace, record)
    except OSError as error:
        raise DockbookError(
            f"The workspace {workspace} cannot be written: {error.strerror or error}.",
            next_step="make room or permission there, or choose another folder with --workspace.",
        ) from error
    return lines


def find_notebook(workspace: Path, chapter: str) -> Path:
    """The student's notebook of a chapter (``ch03`` or ``ch03-using-docker``). Raises CourseError."""
    wanted = chapter.strip().rstrip("/")
    there = sorted(path.name for path in workspace.iterdir() if (path / f"{path.name}.ipynb").is_file())
    for name in there:
        if wanted in (name, name.split("-")[0]):
            return workspace / name / f"{name}.ipynb"
    raise CourseError(
        f"There is no chapter {chapter!r} in {workspace}.",
        next_step=f"choose one of: {', '.join(there)}."
        if there
        else "`dockbook lab` puts the chapters there.",
    )


def student_of(workspace: Path) -> str | None:
    """The id that the workspace was made for, if one was given."""
    found = _read_record(workspace).get("student")
    return found if isinstance(found, str) else None


# One chapter


def _give_or_say(chapter: Chapter, workspace: Path, record: dict[str, Any]) -> Iterator[str]:
    """A chapter whose source is broken does not take the others from the student."""
    try:
        yield from _give(chapter, workspace, record)
    except CourseError as error:
        yield f"{chapter.id}: left out: {error}"


def _give(chapter: Chapter, workspace: Path, record: dict[str, Any]) -> Iterator[str]:
    import nbformat

    text = nbformat.writes(student_version(chapter.source)) + "\n"
    given = hashlib.sha256(text.encode()).hexdigest()
    folder = workspace / chapter.id
    target = folder / chapter.notebook.name
    folder.mkdir(exist_ok=True)
    _give_files(chapter.folder, folder, chapter.notebook.name)

    if target.exists() or target.is_symlink():
        trouble = _trouble(target)
        if trouble:
            aside = _free(folder, f"{chapter.id}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
            target.rename(aside)
            yield f"{chapter.id}: your notebook could not be read ({trouble}); it is kept as {aside.name}"
        elif record["given"].get(chapter.id) == given:
            return
        else:
            new = _free(folder, f"{chapter.id}.new")
            _put(new, text)
            record["given"][chapter.id] = given
            yield f"{chapter.id}: there is a newer version, beside yours, which stays: {new.name}"
            return
    if _put(target, text):
        record["given"][chapter.id] = given
        yield f"{chapter.id}: {chapter.title}: {target}"


def _give_files(source: Path, folder: Path, notebook: str) -> None:
    """Pictures and other files of the chapter, where the student has none of that name."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
        target = folder / relative
        if hidden or path.name == notebook or not path.is_file() or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _trouble(path: Path) -> str:
    """Why this file is no notebook that JupyterLab can open; empty if it is one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return "it is no text"
    except json.JSONDecodeError as error:
        return (
            "it is empty"
            if path.stat().st_size == 0
            else f"it breaks off or is no JSON at line {error.lineno}"
        )
    except RecursionError:
        return "it is nested too deeply"
    except FileNotFoundError:
        return "it is a link to nothing"
    except IsADirectoryError:
        return "it is a folder"
    if not isinstance(found, dict) or not isinstance(found.get("nbformat"), int):
        return "it is JSON, but no notebook"
    if found["nbformat"] >= 4 and not isinstance(found.get("cells"), list):
        return "it has no cells"
    return ""


def _free(folder: Path, stem: str) -> Path:
    """The first name that nothing has: STEM.ipynb, STEM-2.ipynb, ..."""
    path, number = folder / f"{stem}.ipynb", 2
    while path.exists() or path.is_symlink():
        path, number = folder / f"{stem}-{number}.ipynb", number + 1
    return path


def _put(target: Path, text: str) -> bool:
    """Write a file whole or not at all, and never over another one; whether it was written."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        try:
            target.hardlink_to(part)
        except FileExistsError:
            return False
        except OSError:
            # No hard links on this file system (FAT, some network shares).
            if target.exists():
                return False
            part.rename(target)
        return True
    finally:
        part.unlink(missing_ok=True)


# What the workspace remembers


def _read_record(workspace: Path) -> dict[str, Any]:
    """The record; an empty one when there is none or it is damaged (then releases are put beside again)."""
    try:
        found = json.loads((workspace / _RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("given"), dict):
        return {"student": None, "given": {}}
    return found


def _write_record(workspace: Path, record: dict[str, Any]) -> None:
    path = workspace / _RECORD
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def _claim(record: dict[str, Any], student: str | None, workspace: Path) -> None:
    if student is None:
        return
    if not _STUDENT.match(student):
        raise UsageError(
            f"{student!r} is no usable id.",
            next_step="use 1 to 64 of letters, digits and . - _ @, beginning with a letter or digit.",
        )
    owner = record.get("student")
    if owner not in (None, student):
        raise UsageError(
            f"The workspace {workspace} is {owner}'s, not {student}'s.",
            next_step="choose another folder with --workspace.",
        )
    record["student"] = student
