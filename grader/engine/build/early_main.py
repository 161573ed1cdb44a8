"""Body of the process that makes the engine image while pip still fetches the libraries (``early``).

By the system's Python: nothing here and below may need more than the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from grader.engine.build.engine_image import ensure_image
from grader.engine.system import linux, programs
from grader.errors import DockbookError

EVERY_S = 0.5


def main(_argument: str = "") -> None:
    """Body of the process. Prints how far it is, for the script to show; ends with 3 when it failed.

    The reason for a failure is not printed: the process that waits for the image gets it (``one_builder``).
    """
    linux.die_with_parent(signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit(0)  # no process waits for it any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, and that ends this one
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    programs.extend_path()
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
