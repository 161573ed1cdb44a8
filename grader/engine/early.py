"""The engine image made by the system's Python, while pip still fetches the libraries of ours.

On a first run ``./dockbook`` starts this in the background and goes on to be the command itself, whose child
it then is. The command waits for it as for any other builder, and ends it when it ends itself. Nothing here
and below may need more than Python's standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from grader.engine import linux, programs
from grader.errors import DockbookError

VARIABLE = "DOCKBOOK_IMAGE_BUILDER"
"""The process id of the one that the script started."""
EVERY_S = 0.5
END_S = 90
SOON_S = 1
"""A wait that is longer is said."""


def main(_argument: str = "") -> None:
    """Body of the process. Prints how far it is, for the script to show; ends with 3 when it failed.

    Why it failed is not printed: whoever waits for the image is told (``builders.one_builder``).
    """
    linux.die_with_parent(signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit(0)  # nobody waits for it any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, and that ends this one
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    programs.extend_path()
    from grader.engine.build import ensure_image

    last = 0.0

    def show(fraction: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last > EVERY_S:
            last = time.monotonic()
            print(f"{fraction:.0%} {text}", flush=True)

    try:
        ensure_image(progress=show)
    except DockbookError:
        print("stopped", flush=True)
        sys.exit(3)
    print("ready", flush=True)


def _terminate(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


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
    pid = os.environ.get(VARIABLE, "")
    return int(pid) if pid.isdigit() else 0


@contextmanager
def awaited() -> Iterator[tuple[int, ...]]:
    """The script's builder, ended at the end of the block; as ids for ``builders.one_builder``.

    One that has ended is named, too, though the script's shell may have collected it: it may have failed.
    """
    pid, named = started(), _named()
    os.environ.pop(VARIABLE, None)
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
            print("dockbook: waiting until the unfinished engine image is cleared away", file=sys.stderr)
        time.sleep(0.05)
