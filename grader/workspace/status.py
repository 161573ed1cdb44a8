"""``dockbook status``: the progress of each chapter in a workspace. Reads files, asks no engine, changes
nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.course import Chapter, Course
from grader.errors import DockbookError
from grader.workspace.folder import as_given, chapters_in, require_workspace
from grader.workspace.kept_copies import kept_copies
from grader.workspace.pack import gather
from grader.workspace.stored_notebook import Stored, read_stored, trouble
from grader.workspace.submit import receipts

State = Literal["missing", "damaged", "not started", "in progress"]


@dataclass(frozen=True)
class ChapterStatus:
    """``problem`` says why it is damaged. ``passed`` and ``points`` are what the notebook's stored outputs
    show.

    ``submitted`` is the time of the last receipt (UTC, ISO 8601), ``changed`` whether the work differs from
    what was submitted then. ``kept_copies`` are the copies that resets kept, ``other_notebooks`` what
    else waits in the folder: newer versions, damaged ones.
    """

    chapter: str
    title: str
    state: State
    problem: str = ""
    passed: int = 0
    tasks: int = 0
    points: float = 0.0
    max_points: float = 0.0
    submitted: str = ""
    changed: bool = False
    kept_copies: tuple[str, ...] = ()
    other_notebooks: tuple[str, ...] = ()


def workspace_status(workspace: Path, course: Course) -> list[ChapterStatus]:
    """Each chapter of the course or of the workspace, in order. Raises UsageError without a workspace."""
    require_workspace(workspace)
    return [_status(workspace, chapter) for chapter in chapters_in(workspace, course)]


def _status(workspace: Path, chapter: Chapter) -> ChapterStatus:
    folder = workspace / chapter.id
    state, problem, stored = _look(workspace, chapter)
    sent = receipts(workspace, chapter.id)
    others = [*folder.glob(f"{chapter.id}.new*.ipynb"), *folder.glob(f"{chapter.id}.damaged-*")]
    return ChapterStatus(
        chapter=chapter.id,
        title=chapter.title,
        state=state,
        problem=problem,
        passed=stored.passed if stored else 0,
        tasks=len(stored.tasks) if stored else 0,
        points=stored.points if stored else 0.0,
        max_points=stored.max_points if stored else 0.0,
        submitted=sent[-1].time if sent else "",
        changed=bool(sent) and sent[-1].work != _work(folder, chapter),
        kept_copies=tuple(path.name for path in kept_copies(workspace, chapter.id)),
        other_notebooks=tuple(sorted(path.name for path in others)),
    )


def _look(workspace: Path, chapter: Chapter) -> tuple[State, str, Stored | None]:
    path = workspace / chapter.id / chapter.notebook.name
    # lexists: a link to nothing is there, and damaged.
    if not os.path.lexists(path):
        strange = os.path.lexists(path.parent) and not path.parent.is_dir()
        return ("damaged", "something else has the folder's name", None) if strange else ("missing", "", None)
    try:
        problem = trouble(path)
        if problem:
            return "damaged", problem, None
        data = path.read_bytes()
    except OSError as error:
        return "damaged", f"it cannot be read: {error.strerror or error}", None
    stored = read_stored(data)
    untouched = not stored.run and as_given(workspace, chapter.id, data, stored.sources)
    return "not started" if untouched else "in progress", "", stored


def _work(folder: Path, chapter: Chapter) -> str:
    """The digest that a receipt of now would have; empty if it cannot be submitted."""
    limits = chapter.limits
    try:
        packed = gather(
            folder, chapter.id, notebook_bytes=limits.notebook_bytes, files_bytes=limits.files_bytes
        )
    except (OSError, DockbookError):
        return ""
    return packed.work
