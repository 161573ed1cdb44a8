"""The engine image made by the system's Python, while pip is still fetching our libraries.

On a first run ``./dockbook`` starts this in the background and then becomes the command itself, which is
then its parent. The command waits for it as for any other builder, and ends it when it ends itself. Nothing
here and below may need more than Python's standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from grader import variables

EVERY_S = 0.5
END_S = 90
SOON_S = 1
"""A longer wait is reported."""


def started() -> int:
    """The process id of the builder that the script started for this process, 0 if none is left."""
    pid = _named()
    if pid:
        with contextlib.suppress(ChildProcessError):
            # Nothing is collected here: whether it is a child of this process is all.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return pid
    return 0


def _named() -> int:
    pid = os.environ.get(variables.IMAGE_BUILDER, "")
    return int(pid) if pid.isdigit() else 0


@contextmanager
def awaited() -> Iterator[tuple[int, ...]]:
    """The script's builder, ended at the end of the block; as ids for ``builders.one_builder``.

    One that has ended is named, too, though the script's shell may have collected it: it may have failed.
    """
    pid, named = started(), _named()
    os.environ.pop(variables.IMAGE_BUILDER, None)
    try:
        yield (named,) if named else ()
    finally:
        if pid:
            stop(pid)


def stop(pid: int) -> None:
    """End the builder, and wait until it has cleared up what it had begun."""
    done, _ = os.waitpid(pid, os.WNOHANG)
    if done:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + END_S
    told = time.monotonic() + SOON_S
    while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < deadline:
        if told and time.monotonic() > told:
            told = 0.0
            print("dockbook: waiting for the unfinished engine image to be removed", file=sys.stderr)
        time.sleep(0.05)
