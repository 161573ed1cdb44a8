"""``dockbook submit``: a chapter's work as one zip to hand in, and a receipt for it.

The zip has ``STUDENT/CHAPTER/...``, as nbgrader's ``submitted`` folder has it; its name has student, chapter
and time, which ``nbgrader zip_collect`` reads (grader.grading.collect).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.course import Chapter
from grader.errors import CourseError, DockbookError, UsageError
from grader.expect.words import count, visible
from grader.files import write_new
from grader.workspace.folder import as_given, claim, require_workspace, unwritable
from grader.workspace.pack import as_zip, gather
from grader.workspace.record import PRIVATE, student_of
from grader.workspace.stored_notebook import Stored, read_stored, trouble_in

FOLDER = "submissions"
"""The default folder for zips and receipts in the workspace."""
RECEIPTS = Path(PRIVATE, "receipts")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Receipt:
    """What was packed, when (``time``: UTC, ISO 8601), the student's id. ``sha256`` is the zip's, ``work``
    that of the files in it. ``passed`` and ``points`` are what the notebook shows, not the grade."""

    chapter: str
    title: str
    student: str
    time: str
    file: str
    size: int
    sha256: str
    work: str
    passed: int
    tasks: int
    points: float
    max_points: float
    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def as_text(self) -> str:
        """The receipt to read and to keep."""
        rows = (
            ("chapter", f"{self.chapter} ({self.title})"),
            ("student", self.student),
            ("time", f"{self.time} (UTC)"),
            ("file", f"{self.file} ({self.size:,} bytes)"),
            ("SHA-256", self.sha256),
            ("checks", f"{self.passed} of {count(self.tasks, 'task')} passed in your notebook,"),
            ("", f"{self.points:g} of {self.max_points:g} points. This is not your grade: grading runs your"),
            ("", "notebook again, with more checks than you can see."),
            *(("files" if not n else "", visible(name)) for n, name in enumerate(self.files)),
            *(("left out" if not n else "", name) for n, name in enumerate(self.left_out)),
        )
        lines = [f"{f'{name}:' if name else '':<10}{value}" for name, value in rows]
        return "\n".join(["Receipt for a submission", "", *lines]) + "\n"


@dataclass(frozen=True)
class Submitted:
    """``zip`` and ``receipt_file`` are the files that were written; ``warnings`` what to look at before
    sending."""

    zip: Path
    receipt_file: Path
    receipt: Receipt
    warnings: tuple[str, ...]


def submit(
    workspace: Path, chapter: Chapter, *, student: str | None = None, output: Path | None = None
) -> Submitted:
    """Pack the chapter's folder into ``output`` (default: ``submissions`` in the workspace), with a receipt.

    Nothing in the workspace is changed, and no file overwritten. ``student``: the id, if the workspace has
    none yet. Raises UsageError when there is no id, when nothing was done in the notebook, or when it is too
    large; CourseError when the notebook is missing, damaged or a link; DockbookError when a file cannot be
    read or written.
    """
    require_workspace(workspace)
    folder = workspace / chapter.id
    data = _notebook(folder, chapter)
    stored = read_stored(data)
    name = _student(workspace, student)
    if as_given(workspace, chapter.id, data, stored.sources) and not stored.run:
        raise UsageError(
            f"{chapter.notebook.name} is as it was handed out: nothing in it was changed or run.",
            next_step="if you did work in it, save it in JupyterLab (Ctrl-S), then submit again.",
        )
    try:
        limits = chapter.limits
        packed = gather(
            folder, chapter.id, notebook_bytes=limits.notebook_bytes, files_bytes=limits.files_bytes
        )
    except OSError as error:
        raise DockbookError(
            f"{error.filename or folder} cannot be read: {error.strerror or error}.",
            next_step="give yourself permission to read it, or move it out of the folder.",
        ) from error
    if packed.files.get(chapter.notebook.name) != data:
        raise DockbookError(
            f"{chapter.notebook.name} was saved while it was being packed.", next_step="submit again."
        )
    zipped = as_zip(packed.files, f"{name}/{chapter.id}")
    now = datetime.now(UTC).replace(microsecond=0)
    target = (output or workspace / FOLDER).absolute()

    def receipt_for(file: str) -> Receipt:
        return Receipt(
            chapter=chapter.id,
            title=chapter.title,
            student=name,
            time=now.isoformat().replace("+00:00", "Z"),
            file=file,
            size=len(zipped),
            sha256=hashlib.sha256(zipped).hexdigest(),
            work=packed.work,
            passed=stored.passed,
            tasks=len(stored.tasks),
            points=stored.points,
            max_points=stored.max_points,
            files=tuple(sorted(packed.files)),
            left_out=tuple(packed.left_out),
        )

    zip_path, receipt_path, receipt = _write(
        target, f"{name}_{chapter.id}_{now:{_TIME}}", zipped, receipt_for
    )
    _remember(workspace, receipt)
    return Submitted(zip_path, receipt_path, receipt, tuple(_warnings(stored, student)))


def receipts(workspace: Path, chapter: str) -> list[Receipt]:
    """The receipts of a chapter, oldest first; what cannot be read is passed over."""
    found = []
    folder = workspace / RECEIPTS
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            receipt = Receipt(**{**data, "files": tuple(data["files"]), "left_out": tuple(data["left_out"])})
            datetime.fromisoformat(receipt.time)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if receipt.chapter == chapter:
            found.append(receipt)
    return sorted(found, key=lambda one: one.time)


def _notebook(folder: Path, chapter: Chapter) -> bytes:
    path = folder / chapter.notebook.name
    for place in (folder, path):
        if place.is_symlink():
            raise CourseError(
                f"{place} is a link, which is not followed.", next_step="put what it leads to in its place."
            )
    if not path.is_file():
        raise CourseError(f"There is no {path}.", next_step="`dockbook lab` puts the chapters there.")
    if path.stat().st_size > chapter.limits.notebook_bytes:
        raise UsageError(
            f"{path.name} is {path.stat().st_size:,} bytes; "
            f"at most {chapter.limits.notebook_bytes:,} are taken.",
            next_step="clear the outputs of the cells that print so much, and save.",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.", next_step="chmod u+r it.") from error
    if found := trouble_in(data):
        raise CourseError(
            f"{path} is damaged: {found}.",
            next_step="`dockbook lab` sets it aside, gives you a clean one and names any earlier state.",
        )
    return data


def _student(workspace: Path, given: str | None) -> str:
    if given is not None:
        try:
            claim(workspace, given)
        except OSError as error:
            raise unwritable(workspace, error) from error
    name = student_of(workspace)
    if not name:
        raise UsageError(
            f"The workspace {workspace} has no student id.",
            next_step="add --as ID, with your student id in this course.",
        )
    return name


def _warnings(stored: Stored, given: str | None) -> list[str]:
    found = []
    if stored.run < stored.code:
        found.append(f"{stored.code - stored.run} of {count(stored.code, 'code cell')} were never run")
    unchecked = [task.task for task in stored.tasks if not task.run]
    if unchecked:
        found.append(f"checks never run: {', '.join(unchecked)}")
    open_ = [task.task for task in stored.tasks if task.run and not task.passed]
    if open_:
        found.append(f"checks that do not pass yet: {', '.join(open_)}")
    if given is not None and stored.run:
        found.append(
            "values that a task asks for depend on your id: if you worked without one so far, run the "
            "notebook again in `dockbook lab`, check, save and submit again"
        )
    return found


def _write(
    target: Path, stem: str, zipped: bytes, receipt_for: Callable[[str], Receipt]
) -> tuple[Path, Path, Receipt]:
    """Both files under names that nothing has: a second submission in one second gets a number."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}-{number}"
            path, beside = target / f"{name}.zip", target / f"{name}.receipt.txt"
            receipt = receipt_for(path.name)
            if not beside.exists() and write_new(path, zipped):
                write_new(beside, receipt.as_text().encode())
                return path, beside, receipt
            number += 1
    except OSError as error:
        raise DockbookError(
            f"{target} cannot be written: {error.strerror or error}.",
            next_step="name another folder: --output.",
        ) from error


def _remember(workspace: Path, receipt: Receipt) -> None:
    """For `dockbook status`, which finds it wherever the zip went."""
    try:
        folder = workspace / RECEIPTS
        folder.mkdir(parents=True, exist_ok=True)
        stem, number = receipt.file.removesuffix(".zip"), 1
        while not write_new(folder / f"{stem}.{number}.json", json.dumps(asdict(receipt)).encode()):
            number += 1  # the same second, into another folder
    except OSError as error:
        raise unwritable(workspace, error) from error
