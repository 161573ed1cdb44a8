"""Whatever is made once has one builder at a time; those that wait for it see its progress.

Standard library only: the script ``./dockbook`` has the engine image made by the system's Python, while pip
is still fetching our libraries (``early``).
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.engine.build import tool
from grader.errors import ImageError
from grader.files import open_locked, write_whole

Progress = Callable[[float, str], None]
"""Is called with a fraction from 0 to 1 and what is being done."""
WAIT_S = 1800
"""How long one builder waits for another."""
LOOK_S = 0.2
SIGN_S = 5
"""How often it is told that nothing has changed."""


@contextmanager
def one_builder(path: Path, tell: Progress, *, ended: Collection[int] = ()) -> Iterator[Progress]:
    """Hold the lock for making ``path``; gives what to call with the progress instead of ``tell``.

    While another process has it, ``tell`` gets that one's progress. A build that fails while others wait for
    it has failed for all of them, with the same message: it is not retried at once. That also holds for
    builders that have already ended, by their process ids in ``ended``. Raises ImageError.

    Released at the end, however it ends: a lock that a traceback keeps alive would block the next try.
    """
    report = path.with_suffix(".progress")
    waited_for = set(ended)
    deadline = time.monotonic() + WAIT_S
    told, told_at = (-1.0, ""), 0.0
    while (lock := open_locked(path.with_suffix(".lock"))) is None:
        found = _read(report)
        if "pid" in found:
            waited_for.add(found["pid"])
        now = found.get("fraction", 0.0), found.get("text", "waiting for another process that builds it")
        if now != told or time.monotonic() > told_at + SIGN_S:
            told, told_at = now, time.monotonic()
            tell(*now)
        if time.monotonic() > deadline:
            raise ImageError(
                f"Another process has been building {path} for {WAIT_S / 60:.0f} minutes.",
                next_step="check whether it is still running; stop it, then run the same command again.",
            )
        time.sleep(LOOK_S)
    try:
        found = _read(report)
        if "error" in found and found.get("pid") in waited_for:
            raise ImageError(found["error"], next_step=found["next_step"])
        report.unlink(missing_ok=True)
        with tool.modes_for_all():
            yield from _reporting(report, tell)
    finally:
        os.close(lock)


def _reporting(report: Path, tell: Progress) -> Iterator[Progress]:
    """Gives what writes down each step for those who wait; in the end there is only an error to read."""

    def write(fraction: float, text: str) -> None:
        _write(report, {"fraction": fraction, "text": text})
        tell(fraction, text)

    try:
        yield write
    except ImageError as error:
        _write(report, {"error": error.what, "next_step": error.next_step})
        raise
    except BaseException:
        report.unlink(missing_ok=True)
        raise
    report.unlink(missing_ok=True)


def _write(report: Path, found: dict[str, Any]) -> None:
    """Whole or not at all. If the disk is full, the build itself reports it."""
    with contextlib.suppress(OSError):
        write_whole(report, json.dumps({"pid": os.getpid()} | found))


def _read(report: Path) -> dict[str, Any]:
    try:
        found = json.loads(report.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Shares:
    """Progress of work in parts, some of them at the same time; ``shares``: what each is of the whole."""

    def __init__(self, shares: Mapping[str, float], tell: Progress) -> None:
        self._shares, self._tell = dict(shares), tell
        self._done = dict.fromkeys(shares, 0.0)
        self._lock = threading.Lock()

    def __call__(self, part: str, fraction: float, text: str) -> None:
        """How far a part is, from 0 to 1, and what is being done for it."""
        with self._lock:
            self._done[part] = max(self._done[part], fraction)
            whole = sum(share * self._done[name] for name, share in self._shares.items())
            self._tell(whole / sum(self._shares.values()), f"{part}: {text}")

    def all_done(self, text: str) -> None:
        """The last word."""
        with self._lock:
            self._tell(1, text)
