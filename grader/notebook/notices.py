"""What happened to the engine between two cells, shown where a student in a browser reads it: above the next
cell's output. ``dockbook session`` writes, each notebook's kernel reads. Standard library only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path


def note(file: Path, line: str, *, standing: bool = False) -> None:
    """Add a notice; a ``standing`` one is for notebooks that are opened later, too.

    A full disk takes it: then it is in the log alone.
    """
    text = " ".join(line.split()) + "\n"
    with contextlib.suppress(OSError):
        if standing:
            _standing(file).write_text(text)
        with file.open("a") as handle:
            handle.write(text)


def standing(file: Path) -> str:
    """The notice that every notebook begins with; empty if there is none."""
    try:
        return _standing(file).read_text().strip()
    except OSError:
        return ""


def take_back(file: Path) -> None:
    """A new session: notices of the last one may be out of date."""
    with contextlib.suppress(OSError):
        _standing(file).unlink(missing_ok=True)


def _standing(file: Path) -> Path:
    return file.with_name(f"{file.name}.standing")


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
