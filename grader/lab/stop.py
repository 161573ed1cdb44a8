"""Ending cleanly on request."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop(Exception):
    """The lab was asked to end: by Ctrl-C, a terminal that closed, a service manager."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise Stop for the first signal that asks for the end; later ones are ignored."""

    def stop(_signum: int, _frame: FrameType | None) -> None:
        for one in signals:  # asked once is enough: what follows is short and must not be cut
            signal.signal(one, signal.SIG_IGN)
        raise Stop

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, stop) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
