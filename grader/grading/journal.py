"""The journal of a chapter's grading: which verdict each student has, and whether it is all written.

Lines of JSON that are only ever added, so that a process can be killed at any moment: a torn last line is
passed over, and what it would have said is done again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from typing import Any

from grader.course import Chapter, Course
from grader.grading.lock import folder_of


class Journal:
    """``course/.dockbook/journal/CHAPTER.jsonl``. Reads it whole when it is opened."""

    def __init__(self, course: Course, chapter: Chapter) -> None:
        self.path = folder_of(course) / "journal" / f"{chapter.id}.jsonl"
        self._judged: dict[str, str] = {}
        self._written: dict[str, str] = {}
        self._regrade: dict[str, Any] | None = None
        self._done_again: set[str] = set()
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        self._torn = bool(data) and not data.endswith(b"\n")
        self.unreadable = 0
        """Lines passed over, but for a torn last one: it is being written, or its process was killed."""
        for at, line in enumerate(lines := data.splitlines()):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                self.unreadable += not (self._torn and at == len(lines) - 1)

    def judged(self, student: str) -> str:
        """The key of the student's last verdict, or empty."""
        return self._judged.get(student, "")

    def students(self) -> set[str]:
        """Who has a verdict."""
        return set(self._judged)

    def keys(self) -> set[str]:
        """The keys of all students' last verdicts."""
        return set(self._judged.values())

    def written(self, student: str) -> str:
        """The key of the verdict that gradebook, folders and feedback were written from, or empty."""
        return self._written.get(student, "")

    def note_judged(self, student: str, key: str) -> None:
        """A verdict on this student is kept under ``key``."""
        self._add({"judged": student, "key": key})

    def note_written(self, student: str, key: str) -> None:
        """Everything that follows from the verdict ``key`` is written."""
        self._add({"written": student, "key": key})

    # A regrading that was killed continues where it stopped.

    def begin_regrade(self, students: Collection[str], tasks: Collection[str]) -> set[str]:
        """Start a regrading, or continue the same one that never ended; the students already done in it."""
        wanted = {"students": sorted(students), "tasks": sorted(tasks)}
        if self._regrade != wanted:
            self._add({"regrade": wanted})
        return set(self._done_again)

    def note_again(self, student: str) -> None:
        """The student was graded again in the current regrading."""
        self._add({"again": student})

    def end_regrade(self) -> None:
        """The regrading is complete."""
        self._add({"regraded": True})

    def _take(self, entry: dict[str, Any]) -> None:
        if "judged" in entry:
            self._judged[str(entry["judged"])] = str(entry["key"])
        elif "written" in entry:
            self._written[str(entry["written"])] = str(entry["key"])
        elif "again" in entry:
            self._done_again.add(str(entry["again"]))
        elif "regrade" in entry:
            self._regrade, self._done_again = entry["regrade"], set()
        elif "regraded" in entry:
            self._regrade, self._done_again = None, set()

    def _add(self, entry: dict[str, Any]) -> None:
        self._take(entry)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**entry, "at": round(time.time(), 3)}) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # One write: another process (nbgrader's own autograde) may add lines too.
            os.write(handle, (b"\n" if self._torn else b"") + text.encode("utf-8", "surrogateescape"))
            os.fsync(handle)
        finally:
            os.close(handle)
        self._torn = False
