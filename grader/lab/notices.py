"""What happened to the engine between two cells, told where a student in a browser reads it: above the next
cell's output. ``dockbook session`` writes, each notebook's kernel reads. Standard library only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

VARIABLE = "DOCKBOOK_NOTICES"
"""The file of notices, one a line; it only grows."""


def note(file: Path, line: str) -> None:
    """Add a notice. A full disk takes it: then it is in the log alone."""
    with contextlib.suppress(OSError), file.open("a") as handle:
        handle.write(" ".join(line.split()) + "\n")


def reader(file: Path) -> Callable[[], list[str]]:
    """A function that gives the notices since its last call; those that are there now are old."""
    seen = _size(file)

    def news() -> list[str]:
        nonlocal seen
        if _size(file) <= seen:
            return []
        try:
            with file.open("rb") as handle:
                handle.seek(seen)
                # A line that is being written has no end yet, and is next time's.
                text = handle.read().rpartition(b"\n")[0]
        except OSError:
            return []
        seen += len(text) + 1 if text else 0
        return text.decode(errors="replace").splitlines()

    return news


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
