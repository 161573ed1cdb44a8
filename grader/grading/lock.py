"""One grader at a time on a course. A second one is told who is grading."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from grader.course import Course
from grader.errors import GradingBusy
from grader.expect.words import visible
from grader.files import take

A_MOMENT_S = 0.3
"""Who only looks holds the lock for a moment, and a new holder has yet to write who it is."""
_held: set[Path] = set()
"""Locks that this very process holds: asking the file would only cost a moment, for each submission."""


def folder_of(course: Course) -> Path:
    """Where grading keeps its own files: verdicts, journal, lock, scratch. Next to the gradebook."""
    return course.root / ".dockbook"


@contextlib.contextmanager
def course_lock(course: Course, doing: str) -> Iterator[None]:
    """Hold the course while this lasts. The lock goes with the process, however it ends.

    ``doing`` is what another grader is told: "grade ch03-using-docker". Raises GradingBusy when another
    process holds it.
    """
    path = _path(course)
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not take(handle, wait_s=A_MOMENT_S):
            raise _busy(course, handle)
        holder = {
            "pid": os.getpid(),
            "user": _user(),
            "host": socket.gethostname(),
            "since": time.time(),
            "doing": doing,
        }
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
    finally:
        os.close(handle)


def held_by_another(course: Course) -> GradingBusy | None:
    """Who grades in this course at the moment, if it is another process; else None."""
    path = _path(course)
    if path in _held:
        return None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if take(handle, shared=True, wait_s=A_MOMENT_S):
            return None
        return _busy(course, handle)
    finally:
        os.close(handle)


def _path(course: Course) -> Path:
    return folder_of(course).resolve() / "lock"


def _busy(course: Course, handle: int) -> GradingBusy:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        pid, since = int(holder["pid"]), time.strftime("%H:%M", time.localtime(float(holder["since"])))
        who = visible(f"{holder['user']} on {holder['host']} (process {pid}, {holder['doing']})", 300)
    except (ValueError, KeyError, TypeError):
        pid, who, since = 0, "another process", "a moment ago"
    return GradingBusy(
        f"The course {course.root} is being graded by {who} since {since}.",
        next_step="wait until it ends, or stop it there: nothing is lost, the same command continues it.",
        pid=pid,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
