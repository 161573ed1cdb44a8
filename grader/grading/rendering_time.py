"""A limit of processor time and length for what libraries make of one piece of a student's text.

The time of a regular expression can grow with the square of a text's length, or worse. Python's looks for
signals while it searches, so a timer can end it. Coloured code is thirty times as long as code, and the whole
page is read once more.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable


class TookTooLong(BaseException):
    """Not an Exception: libraries catch those, and would go on."""


class TimeLimit:
    """Processor seconds for each piece of a page and for all, and characters of HTML for all pieces.

    For a process's main thread.
    """

    def __init__(self, piece_s: float, page_s: float, page_chars: int) -> None:
        self._piece_s, self._left_s, self._left_chars = piece_s, page_s, page_chars

    def run(self, draw: Callable[[], str]) -> str | None:
        """What ``draw`` gives; None when that took or is too long, or the page's share is used up."""
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
        if len(drawn) > self._left_chars:
            return None
        self._left_chars -= len(drawn)
        return drawn


def _stop(_number: int, _frame: object) -> None:
    raise TookTooLong
