"""How submissions came in: what `nbgrader zip_collect` learned from the platform, out of students' reach.

nbgrader keeps the time in ``timestamp.txt`` among the submission's own files, where a student's file of that
name would be taken for it. Here it is in ``.dockbook/received/CHAPTER.json``, and only that counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from grader.files import write_whole


@dataclass(frozen=True)
class Received:
    """What is known of how a submission came in; empty: not known.

    ``time``: as the platform, or the zip's name, has it, for nbgrader to read. ``packed_as``: the id for
    which `dockbook submit` packed the zip, which may be another than the platform's.
    """

    time: str = ""
    packed_as: str = ""


def note_received(root: Path, chapter: str, came: Mapping[str, Received]) -> None:
    """Keep what is known of those who were just collected."""
    path = _path(root, chapter)
    kept = {**_read(path), **came}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({student: asdict(kept[student]) for student in sorted(kept)}, indent=1))


def received(root: Path, chapter: str, student: str) -> Received:
    """What is known of this student's work on the chapter."""
    return _read(_path(root, chapter)).get(student, Received())


def time_received(root: Path, chapter: str, student: str) -> datetime | None:
    """When it came in (UTC, without a time zone, as in nbgrader)."""
    try:
        time: datetime | None = parse_utc(received(root, chapter, student).time or None)
    except (ValueError, OverflowError, TypeError):
        return None
    return time


def times_of_platforms_alone(coursedir: CourseDirectory) -> None:
    """Make this object of nbgrader's ask ``time_received``, and open no submission's ``timestamp.txt``."""

    def time_at(place: str) -> datetime | None:
        # nbgrader's folders are STEP/STUDENT/CHAPTER, and the time is that of the submission in each.
        return time_received(Path(coursedir.root), Path(place).name, Path(place).parent.name)

    coursedir.get_existing_timestamp = time_at


def _load_jupyter_server_extension(_server: Any) -> None:
    """Called by Jupyter Server: the formgrader reads times on its own, and an invalid one broke its
    pages for the whole class."""
    from nbgrader.apps.api import NbGraderAPI

    def get_submitted_timestamp(self: Any, assignment_id: str, student_id: str) -> datetime | None:
        return time_received(Path(self.coursedir.root), assignment_id, student_id)

    NbGraderAPI.get_submitted_timestamp = get_submitted_timestamp


def _path(root: Path, chapter: str) -> Path:
    return root / ".dockbook" / "received" / f"{chapter}.json"


def _read(path: Path) -> dict[str, Received]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(student): Received(str(facts["time"]), str(facts["packed_as"]))
            for student, facts in data.items()
        }
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
