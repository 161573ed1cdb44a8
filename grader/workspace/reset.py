"""``dockbook reset``: a clean chapter; the student's own is kept under another name."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.course import Chapter
from grader.errors import DockbookError
from grader.files import Locked, locked
from grader.workspace.folder import fill, note_given, require_workspace, unwritable
from grader.workspace.kept_copies import keep
from grader.workspace.record import PRIVATE

_PREFIX = "reset-"
_WAIT_S = 10.0


@dataclass(frozen=True)
class Reset:
    """What was done. ``kept``: where the student's own is now, None if there was none. ``leads_to``: the
    target of a link in the chapter's place; nothing there was changed."""

    notebook: Path
    kept: Path | None
    leads_to: str = ""


def reset(workspace: Path, chapter: Chapter) -> Reset:
    """Keep what is at the chapter's place, whatever it is, and put a clean copy there.

    The clean copy is made first, next to it; then two renames put it in place. Killed at any moment, the
    student's work is whole at its place or below ``kept``. Raises CourseError when the chapter cannot be
    given, UsageError when there is no workspace, DockbookError when it cannot be written.
    """
    require_workspace(workspace)
    chapter.require()
    private = workspace / PRIVATE
    try:
        private.mkdir(exist_ok=True)
        with locked(private / "reset.lock", wait_s=_WAIT_S):
            _sweep(private)
            return _reset(workspace, chapter, private)
    except Locked as error:
        raise DockbookError(
            f"Another `dockbook reset` is running in {workspace}.", next_step="try again when it has ended."
        ) from error
    except OSError as error:
        raise unwritable(workspace, error) from error


def _reset(workspace: Path, chapter: Chapter, private: Path) -> Reset:
    place = workspace / chapter.id
    stage = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=private))
    try:
        clean = stage / chapter.id
        clean.mkdir()
        text = fill(chapter, clean)
        leads_to = _leads_to(place)
        kept = keep(workspace, chapter.id) if place.exists() or place.is_symlink() else None
        try:
            clean.rename(place)
        except OSError as error:
            # A lab that was just started may have given the chapter; else it will.
            if not (place / chapter.notebook.name).is_file():
                raise DockbookError(
                    f"The clean chapter could not be put in place: {error.strerror or error}."
                    + (f" Your work is whole: {kept}." if kept else ""),
                    next_step="`dockbook lab` gives the chapter.",
                ) from error
        note_given(workspace, chapter.id, text)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Reset(place / chapter.notebook.name, kept, leads_to)


def _leads_to(place: Path) -> str:
    """A link's target as a full path; empty if this is not a link. For a link to itself, its own text."""
    if not place.is_symlink():
        return ""
    with suppress(OSError):
        return os.path.normpath(place.parent / place.readlink())
    return ""


def _sweep(private: Path) -> None:
    """Clean copies that a killed reset left. Nothing of a student's is ever in them."""
    for path in private.glob(f"{_PREFIX}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
