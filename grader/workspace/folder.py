"""The student's copy of the course. What is in it belongs to the student: nothing is ever overwritten.

A chapter is given out in its release form: solutions and hidden tests taken out, outputs cleared, nbgrader's
metadata kept (Validate and grading need it). A newer release is put next to the student's notebook; a
notebook that can no longer be read, or something else in a chapter's place, is moved aside.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader import variables, worked_answers
from grader.chapter_faults import require_sound
from grader.errors import CourseError, DockbookError, UsageError
from grader.files import write_new, write_whole
from grader.handouts import given_files
from grader.workspace.kept_copies import KEPT, keep
from grader.workspace.record import RECORD, read_record, write_record
from grader.workspace.stored_notebook import read_stored, trouble

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from grader.course import Chapter, Course

_STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


def default_workspace() -> Path:
    """``DOCKBOOK_WORKSPACE``, else ``dockbook-course`` in the home folder.

    Not ``dockbook``: the command in the README puts the clone there.
    """
    return Path(os.environ.get(variables.WORKSPACE) or Path.home() / "dockbook-course")


def student_version(source: NotebookNode) -> NotebookNode:
    """The release form of an instructor's notebook, as ``nbgrader generate_assignment`` makes it.

    The given notebook is not changed. Raises CourseError when its nbgrader metadata is not usable.
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
        except Exception as error:  # nbgrader's and its validator's own kinds
            raise CourseError(
                f"The chapter cannot be released: {step.__name__}: {error}",
                next_step="correct its source notebook.",
            ) from error
    return notebook


def prepare(workspace: Path, *, student: str | None = None, course: Course | None = None) -> list[str]:
    """Make or complete the workspace; lines that tell the student what was done.

    Raises UsageError for an unusable id, another student's workspace or a folder that holds something else,
    DockbookError when it cannot write.
    """
    from grader.course import Course as AnyCourse

    course = course or AnyCourse.find()
    try:
        _require_usable(workspace, course)
        workspace.mkdir(parents=True, exist_ok=True)
        record = read_record(workspace)
        _claim(record, student, workspace)
        lines = [line for chapter in course.written for line in _give_or_say(chapter, workspace, record)]
        write_record(workspace, record)
    except OSError as error:
        raise unwritable(workspace, error) from error
    return lines


def _require_usable(workspace: Path, course: Course) -> None:
    """Raises UsageError for a folder of the course's own, and for one with other files in it.

    Chapters that were unpacked there before the first lab, an exam say, are what a workspace is for.
    """
    step = "choose an empty folder, or one that does not exist yet, with --workspace."
    place, root = workspace.resolve(), course.root.resolve()
    if place.is_relative_to(root) or root.is_relative_to(place):
        raise UsageError(
            f"{workspace} cannot be your workspace: the course itself is there ({root}).", next_step=step
        )
    if (workspace / RECORD).exists() or not workspace.is_dir():
        return
    known = {KEPT, *(chapter.id for chapter in course.chapters)}
    others = sorted(
        path.name
        for path in workspace.iterdir()
        if not (path.name.startswith(".") or path.name in known or (path / f"{path.name}.ipynb").is_file())
    )
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise UsageError(
            f"{workspace} holds other files ({others[0]}{more}), so the chapters do not go there.",
            next_step=step,
        )


def unwritable(workspace: Path, error: OSError) -> DockbookError:
    """What to raise when the workspace cannot be written."""
    return DockbookError(
        f"The workspace {workspace} cannot be written: {error.strerror or error}.",
        next_step="free space or change permissions there, or choose another folder with --workspace.",
    )


def require_workspace(workspace: Path) -> Path:
    """This folder. Raises UsageError if it is not a folder."""
    if not workspace.is_dir():
        raise UsageError(f"There is no workspace at {workspace}.", next_step="make one with `dockbook lab`.")
    return workspace


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


def chapters_in(workspace: Path, course: Course) -> list[Chapter]:
    """The course's written chapters, then others in the workspace: an exam, handed out separately.

    Of those others only the student's notebook is known: no source, and the usual limits.
    """
    from grader.course import Chapter as AnyChapter
    from grader.course import Limits

    known = {chapter.id for chapter in course.chapters}
    others = sorted(path.name for path in workspace.iterdir() if (path / f"{path.name}.ipynb").is_file())
    added = [AnyChapter(name, name, workspace / name, Limits()) for name in others if name not in known]
    return [*course.written, *added]


def chapter_in(workspace: Path, course: Course, name: str) -> Chapter:
    """The chapter called ``name`` of the course or of the workspace. Raises CourseError."""
    wanted = name.strip().rstrip("/")
    for chapter in chapters_in(workspace, course):
        if wanted in (chapter.id, chapter.id.split("-")[0]):
            return chapter
    return course.chapter(name)


def claim(workspace: Path, student: str) -> None:
    """Note the workspace's owner. Raises UsageError for an unusable id or another student's workspace,
    OSError."""
    record = read_record(workspace)
    _claim(record, student, workspace)
    write_record(workspace, record)


def as_given(workspace: Path, chapter: str, data: bytes, sources: str) -> bool:
    """Whether a notebook (its bytes, and the digest of its sources) says what was handed out last."""
    record = read_record(workspace)
    if known := record["sources"].get(chapter):
        return bool(known == sources)
    return bool(record["given"].get(chapter) == hashlib.sha256(data).hexdigest())


def fill(chapter: Chapter, folder: Path) -> str:
    """Put a clean copy of the chapter into this empty folder; its text. Raises CourseError, OSError."""
    text = _text(chapter)
    _put(folder / chapter.notebook.name, text)
    _give_files(chapter.folder, folder)
    return text


def note_given(workspace: Path, chapter: str, text: str) -> None:
    """Remember that this text is what the student was given last. Raises OSError."""
    record = read_record(workspace)
    _note(record, chapter, text)
    write_record(workspace, record)


# One chapter


def _give_or_say(chapter: Chapter, workspace: Path, record: dict[str, Any]) -> Iterator[str]:
    """A chapter with a broken source does not keep the others from the student."""
    try:
        yield from _give(chapter, workspace, record)
    except CourseError as error:
        yield f"{chapter.id}: left out: {error}"


def _give(chapter: Chapter, workspace: Path, record: dict[str, Any]) -> Iterator[str]:
    made_of = _digest(chapter)
    known = record["made_of"].get(chapter.id) == made_of and chapter.id in record["given"]
    folder = workspace / chapter.id
    target = folder / chapter.notebook.name
    # A link to a folder is the student's own way to keep it elsewhere.
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        aside = keep(workspace, chapter.id)
        yield f"{chapter.id}: something that is not a folder had its name; it was moved aside to {aside}"
    folder.mkdir(exist_ok=True)
    _give_files(chapter.folder, folder)

    if target.exists() or target.is_symlink():
        try:
            found = trouble(target)
        except PermissionError:
            yield f"{chapter.id}: your notebook {target} cannot be read; it is unchanged. Next: chmod u+rw it"
            return
        if found:
            yield _move_aside(chapter.id, target, found)
        elif known:
            return
        else:
            text = _text(chapter)
            if record["given"].get(chapter.id) != hashlib.sha256(text.encode()).hexdigest():
                new = _free(folder, f"{chapter.id}.new")
                _put(new, text)
                yield f"{chapter.id}: a newer version is now next to yours, which is unchanged: {new.name}"
            _note(record, chapter.id, text)
            record["made_of"][chapter.id] = made_of
            return
    text = _text(chapter)
    if _put(target, text):
        _note(record, chapter.id, text)
        record["made_of"][chapter.id] = made_of
        yield f"{chapter.id}: {chapter.title}: {target}"


def _move_aside(chapter: str, target: Path, found: str) -> str:
    """Keep a damaged notebook under another name; what to tell the student."""
    aside = _free(target.parent, f"{chapter}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
    target.rename(aside)
    line = f"{chapter}: your notebook could not be read ({found}); it was moved aside to {aside.name}"
    earlier = target.parent / ".ipynb_checkpoints" / f"{chapter}-checkpoint.ipynb"
    with suppress(PermissionError):
        if earlier.is_file() and not trouble(earlier):
            line += f". JupyterLab has an earlier state of it, which you can copy back: {earlier}"
    return line


def _digest(chapter: Chapter) -> str:
    """What the chapter's text is made from: the same digest, the same text. Making it costs a second."""
    try:
        source = chapter.notebook.read_bytes()
    except OSError:
        return ""  # reading it says what is wrong
    parts = (source, Path(__file__).read_bytes(), version("nbgrader").encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _text(chapter: Chapter) -> str:
    """The chapter's notebook as students get it."""
    import nbformat

    require_sound(chapter)
    return str(nbformat.writes(student_version(chapter.source))) + "\n"


def _give_files(source: Path, folder: Path) -> None:
    """Pictures and other files of the chapter, where the student has none of that name."""
    for name, path in given_files(source):
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    with suppress(OSError):  # without them, the chapter is whole
        _give_answers(source / worked_answers.FILE, folder / worked_answers.HIDDEN)


def _give_answers(source: Path, target: Path) -> None:
    """The worked answers are the course's alone: as it has them now, or none. Raises OSError."""
    if not source.is_file():
        target.unlink(missing_ok=True)
    elif target.is_symlink() or not target.is_file() or target.read_bytes() != source.read_bytes():
        write_whole(target, source.read_bytes())


def _free(folder: Path, stem: str) -> Path:
    """The first name that nothing has: STEM.ipynb, STEM-2.ipynb, ..."""
    path, number = folder / f"{stem}.ipynb", 2
    while path.exists() or path.is_symlink():
        path, number = folder / f"{stem}-{number}.ipynb", number + 1
    return path


def _put(target: Path, text: str) -> bool:
    """Write a file whole, and never over another one; whether it was written."""
    return write_new(target, text.encode(), mode=0o644, sync=True)


# What the workspace remembers


def _note(record: dict[str, Any], chapter: str, text: str) -> None:
    data = text.encode()
    record["given"][chapter] = hashlib.sha256(data).hexdigest()
    # JupyterLab rewrites a notebook when it saves it: the text of its cells shows whether it was changed.
    record["sources"][chapter] = read_stored(data).sources


def _claim(record: dict[str, Any], student: str | None, workspace: Path) -> None:
    if student is None:
        return
    if not _STUDENT.match(student):
        raise UsageError(
            f"{student!r} cannot be used as an id.",
            next_step="use 1 to 64 of letters, digits and . - _ @, beginning with a letter or digit.",
        )
    owner = record.get("student")
    if owner not in (None, student):
        raise UsageError(
            f"The workspace {workspace} is {owner}'s, not {student}'s.",
            next_step="choose another folder with --workspace.",
        )
    record["student"] = student
