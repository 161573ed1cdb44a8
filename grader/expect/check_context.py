"""What one ``with check(...)`` block has seen and found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from grader.expect.finding import Finding
from grader.expect.inspector import Inspector
from grader.expect.words import count
from grader.state import Container, Snapshot, unsettled

_STEP_S = 0.05
_LOOKS, _STRETCH = 10, 4
"""A wait has this many looks, however slow the machine is, within this many times its usual patience."""


class EndOfBlock(BaseException):
    """Leaves a check's block early; the block's end swallows it. Not an Exception: no cell may catch it."""


class CheckContext:
    """One look at the engine and the findings so far. ``because``: why the task is not reached, if so."""

    def __init__(self, inspector: Inspector, *, because: str = "", patience_s: float = 1.5) -> None:
        self.inspector = inspector
        self.because = because
        self.patience_s = patience_s
        self.findings: list[Finding] = []
        self.unknowable: list[str] = []
        self.meant: set[str] = set()
        """Names of containers that are asked for, so that no other container is taken for one of them."""
        self.asked = False
        self._snapshot: Snapshot | None = None
        self._touched: dict[str, Container] = {}

    def reach(self) -> None:
        """Called by each question first: a block whose task is not reached ends here."""
        self.asked = True
        if self.because:
            raise EndOfBlock

    @property
    def snapshot(self) -> Snapshot:
        """The one read of this block."""
        self.reach()
        if self._snapshot is None:
            self._snapshot = self.inspector.snapshot()
            if self._snapshot.unread:
                self.find(
                    "the engine",
                    "number of containers",
                    "few enough to inspect each",
                    f"{count(self._snapshot.unread, 'container')} too many",
                    "Remove what you do not need: `docker container prune` removes the stopped ones.",
                )
        return self._snapshot

    def find(self, subject: str, prop: str, expected: str, found: str, hint: str = "") -> None:
        """Note something that differs, and continue. Found twice (by a visible and a hidden check), it counts
        once."""
        finding = Finding(subject, prop, expected, found, hint)
        if finding not in self.findings:
            self.findings.append(finding)

    def end(self, subject: str, prop: str, expected: str, found: str, hint: str = "") -> NoReturn:
        """Note something without which nothing else makes sense, and leave the block."""
        self.find(subject, prop, expected, found, hint)
        raise EndOfBlock

    def touch(self, container: Container) -> None:
        """Remember a container that the task is about, as it was seen last."""
        self._touched[container.id] = container

    def again(self, container: Container) -> Container:
        """Look at it once more; what has gone stays as it was (the block's end will notice)."""
        now = self.inspector.container(container.id) or container
        self.touch(now)
        return now

    def wait(self, until: Callable[[], bool], within_s: float | None = None) -> bool:
        """Ask until it holds, or the patience is over: a command may need a last moment.

        How long a look takes tells how fast this machine is now: emulated or busy, it has more time.
        """
        patience, began, looks = self.patience_s if within_s is None else within_s, time.monotonic(), 0
        while not until():
            looks += 1
            spent = time.monotonic() - began
            if spent >= patience and (looks >= _LOOKS or spent >= _STRETCH * patience):
                return False
            time.sleep(_STEP_S)
        return True

    def settle(self) -> None:
        """Look again at what the task is about: what keeps changing cannot be graded."""
        for seen in self._touched.values():
            now = self.inspector.container(seen.id)
            # One change may be a command that just ended. Two in a row is something that keeps changing.
            if not unsettled(seen, now):
                continue
            time.sleep(2 * _STEP_S)
            changes = unsettled(now or seen, self.inspector.container(seen.id) if now else None)
            if not changes:
                continue
            self.find(
                f"container {seen.name}",
                "state during the check",
                "one that does not change",
                "; ".join(changes),
                "Something still changes it: a restart policy, a loop or a thread of yours. Stop that first.",
            )
