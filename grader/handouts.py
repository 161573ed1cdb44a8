"""Which of the files next to a chapter's notebook may go to students: into a workspace, a kernel, a page."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from grader import worked_answers
from grader.course import Chapter, ignored

EDITORS_COPIES = (
    *("*~", "*.bak", "*.old", "*.orig", "*.rej", "*.save", "*.tmp", "*.part"),
    *("*.sw?", "#*#", "*.ipynb?*", "*.~*"),
)
"""What an editor, a version control or a sync client leaves. ``nbgrader_config.py`` names them, too."""
MARKS = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME")
_MARKS = tuple(mark.encode(code) for mark in MARKS for code in ("utf-8", "utf-16-le", "utf-16-be"))


def given_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative name and path of each file below a chapter's folder that students may have, sorted.

    No notebook and no copy of one, whatever it is called; nothing hidden; no worked answers; nothing that an
    editor left; and nothing with the marks of a solution or a hidden test in it.
    """
    found: list[tuple[str, Path]] = []
    for base, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not _left_behind(name))
        for name in names:
            path = Path(base, name)
            if not _left_behind(name) and ".ipynb" not in name.lower() and path.is_file():
                found.append((path.relative_to(folder).as_posix(), path))
    yield from ((name, path) for name, path in sorted(found) if not _marked(path))


def released_files(chapter: Chapter) -> Iterator[tuple[str, Path]]:
    """The same for the released files; for the source if nothing was released."""
    released = chapter.released
    yield from given_files(released if released is not None and released.is_dir() else chapter.folder)


def may_be_given(path: Path) -> bool:
    """Whether one file of a chapter's may go to students."""
    return ".ipynb" not in path.name.lower() and not _left_behind(path.name) and not _marked(path)


def _left_behind(name: str) -> bool:
    return (
        name.startswith((".", "__pycache__"))
        or name == worked_answers.FILE
        or ignored(name)
        or any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in EDITORS_COPIES)
    )


def _marked(path: Path) -> bool:
    data = path.read_bytes()
    return any(mark in data for mark in _MARKS)
