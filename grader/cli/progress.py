"""How the command line shows progress: a bar on a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

Report = Callable[[float, str], None]

_PLAIN_INTERVAL_S = 10.0
_PLAIN_STEP = 0.05
_WIDE = 60
"""Terminals with at least this many columns have room for a bar."""


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """A callback for long work: ``report(fraction, text)`` with a fraction from 0 to 1.

    Nothing appears before the first call, so work that turns out to be done already stays silent.
    """
    if sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _plain(title)


def time_left(seconds: float, done: int, todo: int) -> str:
    """How long ``todo`` more will take, when ``done`` took ``seconds``; empty while it cannot be known."""
    if done <= 0 or todo <= 0:
        return ""
    rest = seconds / done * todo
    return f", about {rest:.0f} s left" if rest < 90 else f", about {rest / 60:.0f} min left"


def _plain(title: str) -> Report:
    last_fraction = -1.0
    last_time = 0.0

    def report(fraction: float, text: str) -> None:
        nonlocal last_fraction, last_time
        fraction = min(max(fraction, 0.0), 1.0)
        now = monotonic()
        # A log is read later: a line for each real step forward, and a sign of life.
        ahead = fraction - last_fraction
        if ahead >= _PLAIN_STEP or (ahead > 0 and fraction == 1) or now - last_time >= _PLAIN_INTERVAL_S:
            last_fraction, last_time = fraction, now
            print(f"{title}: {fraction:4.0%} {text}", file=sys.stderr, flush=True)

    return report


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.table import Column

    console = Console(stderr=True)
    # One line, whatever the width: the words are what is cut. Where there is little room, they come first.
    columns: list[ProgressColumn] = [TextColumn("{task.description}")]
    if console.width >= _WIDE:
        columns += [BarColumn(bar_width=console.width // 5), TaskProgressColumn(), TimeElapsedColumn()]
    else:
        columns += [TaskProgressColumn()]
    words = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns.append(TextColumn("{task.fields[text]}", table_column=words))
    bar = Progress(*columns, console=console, expand=True)
    task: TaskID | None = None

    def report(fraction: float, text: str) -> None:
        nonlocal task
        if task is None:
            task = bar.add_task(title, total=1.0, text="")
            bar.start()
        bar.update(task, completed=min(max(fraction, 0), 1), text=escape(text))

    try:
        yield report
    finally:
        bar.stop()
