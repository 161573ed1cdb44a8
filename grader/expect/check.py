"""``check``: the same words on the student's machine and in trusted grading."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Literal

from grader.errors import Blocked, CourseError, NoAnswer, ObjectFault
from grader.expect.check_context import CheckContext, EndOfBlock
from grader.expect.engine import EngineSubject
from grader.expect.finding import Finding, Outcome
from grader.expect.inspector import Inspector
from grader.expect.show import CheckFailed, CouldNotCheck
from grader.expect.words import quote, visible

Tell = Callable[[str, Outcome], None]

NEEDS_PRIVATE = "needs the course's private engine: `dockbook lab --backend sandbox`"


class Checker:
    """Provides ``check`` and keeps the outcomes.

    ``outcomes`` is the truth: a task without an entry was never checked to its end, and has not passed.
    ``tell`` gets every outcome before a block raises. ``once``: a second check of one task is a fault of the
    course (trusted grading); in a notebook a cell may run again. ``patience_s``: seconds that a verb waits
    for something that may be about to happen.
    """

    def __init__(
        self, inspector: Inspector, tell: Tell | None = None, *, once: bool = False, patience_s: float = 1.5
    ) -> None:
        self.inspector = inspector
        self.outcomes: dict[str, Outcome] = {}
        self._tell = tell
        self._once = once
        self._patience_s = patience_s
        self._inside = ""

    def check(self, task: str, after: str | Iterable[str] | None = None, *, private: bool = False) -> Block:
        """A ``with`` block of questions about one task; it ends in silence or in CheckFailed.

        ``after``: tasks that must have passed. One that is known and has not: this one is not reached.
        ``private``: the task needs the engine's own configuration, which is the student's to change on a
        private engine alone; on another one it is not reached. Raises CourseError for a task without a name,
        checked twice, or after itself.

        Example::

            with check("web", after="greeter") as engine:
                engine.container("web").is_running()
        """
        named: object = task  # a test cell is not type-checked
        if not isinstance(named, str) or not named.strip():
            raise CourseError(f"A check needs a task's name, not {quote(named)}.", next_step='check("name").')
        earlier = () if after is None else (after,) if isinstance(after, str) else tuple(after)
        if task in earlier:
            raise CourseError(f"The task {quote(task)} comes after itself.", next_step="fix `after=`.")
        return Block(self, task, earlier, private=private)

    def enter(self, task: str, after: tuple[str, ...], *, private: bool = False) -> CheckContext:
        """For Block: begin a task."""
        if self._inside:
            raise CourseError(
                f"The check {quote(task)} begins inside the check {quote(self._inside)}.",
                next_step="give each task a block of its own.",
            )
        if self._once and task in self.outcomes:
            raise CourseError(
                f"Two checks are called {quote(task)}.", next_step="give each task one block of its own."
            )
        self.outcomes.pop(task, None)
        self._inside = task
        needs = [name for name in after if name in self.outcomes and self.outcomes[name].status != "passed"]
        because = f"needs {' and '.join(map(quote, needs))} first" if needs else ""
        if private and not self.inspector.private:
            because = NEEDS_PRIVATE
        return CheckContext(self.inspector, because=because, patience_s=self._patience_s)

    def leave(self) -> None:
        """For Block: the task's block is over, with any outcome."""
        self._inside = ""

    def settle(self, task: str, outcome: Outcome) -> None:
        """For Block: note the outcome and tell it."""
        self.outcomes[task] = outcome
        if self._tell is not None:
            self._tell(task, outcome)


class Block:
    """The context manager that ``check`` gives."""

    def __init__(self, checker: Checker, task: str, after: tuple[str, ...], *, private: bool) -> None:
        self._checker = checker
        self._task = task
        self._after = after
        self._private = private
        self._context: CheckContext | None = None

    def __enter__(self) -> EngineSubject:
        self._context = self._checker.enter(self._task, self._after, private=self._private)
        return EngineSubject(self._context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False] | None:
        context = self._context
        assert context is not None
        self._checker.leave()
        if error is not None and not isinstance(error, (EndOfBlock, Blocked)):
            if isinstance(error, Exception):
                # A mistake in the test cell, not in the student's work: never a zero.
                fault = f"the check itself failed: {type(error).__name__}: {visible(str(error), 200)}"
                self._checker.settle(self._task, Outcome.blocked(fault))
            return False
        try:
            if isinstance(error, Blocked):
                raise error
            outcome = self._judge(context)
        except ObjectFault as fault:
            # The engine answered, and says what is wrong with the student's object.
            found = Finding(fault.subject, "state", "one that can be inspected", fault.why)
            outcome = Outcome.failed(*context.findings, found)
        except Blocked as blocked:
            silent = isinstance(blocked, NoAnswer)
            self._checker.settle(self._task, Outcome.blocked(str(blocked), silent=silent))
            raise CouldNotCheck(blocked.what, next_step=blocked.next_step) from blocked.__cause__
        self._checker.settle(self._task, outcome)
        if outcome.status != "passed":
            raise CheckFailed(self._task, outcome) from None
        return None

    def _judge(self, context: CheckContext) -> Outcome:
        if context.because:
            return Outcome.not_reached(context.because)
        if not context.asked:
            # Nothing was found because nothing was checked: that is not a pass.
            raise Blocked("The test cell checks nothing.", next_step="take a fresh copy of the test cell.")
        context.settle()
        if context.findings:
            return Outcome.failed(*context.findings)
        if context.unknowable:
            names = ", ".join(quote(name) for name in context.unknowable)
            return Outcome.not_reached(f"asks for {names}: run the check in the notebook")
        return Outcome.passed()
