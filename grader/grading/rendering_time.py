"""A limit of processor time for what libraries do with one piece of a student's text.

The time of a regular expression can grow with the square of a text's length, or worse. Python's looks for
signals while it searches, so a timer can end it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable


class TookTooLong(BaseException):
    """Not an Exception: libraries catch those, and would go on."""


class TimeLimit:
    """Processor seconds for all pieces of a page, and for each of them. For a process's main thread."""

    def __init__(self, piece_s: float, page_s: float) -> None:
        self._piece_s, self._left_s = piece_s, page_s

    def run(self, draw: Callable[[], str]) -> str | None:
        """What ``draw`` gives; None when that took too long, or the page's time is used up."""
        if self._left_s <= 0:
            return None
        began = time.process_time()
        before = signal.signal(signal.SIGPROF, _stop)
        try:
            # Again each tenth of a second: something may have caught the first one.
            signal.setitimer(signal.ITIMER_PROF, min(self._piece_s, self._left_s), 0.1)
            drawn = draw()
        except TookTooLong:
            return None
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
            self._left_s -= time.process_time() - began
        return drawn


def _stop(_number: int, _frame: object) -> None:
    raise TookTooLong
