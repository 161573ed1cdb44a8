"""Copies that the workspace keeps of a student's work: moved aside in one step, never over another."""

from __future__ import annotations

import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from grader.errors import DockbookError

KEPT = "kept"
"""The folder in the workspace that they are in."""


def keep(workspace: Path, name: str) -> Path:
    """Move WORKSPACE/NAME, whatever it is, below ``kept``; where it is now.

    The name has the local time and is unique, so two in one second get different names. The move is one
    rename: killed at any moment, the work is whole, here or there. A link is moved as a link. Raises OSError,
    and DockbookError when something that is not a folder is called ``kept``.
    """
    place = workspace / KEPT
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise DockbookError(
            f"{place} is not a folder, so nothing can be kept there.", next_step="give it another name."
        )
    place.mkdir(exist_ok=True)
    reserved = _reserve(place, f"{name}.{datetime.now().astimezone():%Y-%m-%dT%H%M%S}")
    source = workspace / name
    try:
        if stat.S_ISDIR(source.lstat().st_mode):
            # Over the empty folder that was just made: a rename that takes the name or does nothing.
            source.rename(reserved)
            return reserved
        source.rename(reserved / name)
        return reserved / name
    except OSError:
        with suppress(OSError):
            reserved.rmdir()
        raise


def kept_copies(workspace: Path, name: str) -> list[Path]:
    """The copies of this chapter, oldest first; empty folders, left by a killed command, do not count."""
    place = workspace / KEPT
    if not place.is_dir():
        return []
    return sorted(path for path in place.glob(f"{name}.*") if path.is_dir() and any(path.iterdir()))


def _reserve(place: Path, stem: str) -> Path:
    number = 1
    while True:
        path = place / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1
