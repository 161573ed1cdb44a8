"""What a lab does for its engine besides serving JupyterLab: it answers ``dockbook reset``, reports limits
that were reached, and restarts a dead engine if its backend can do that."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from grader import paths
from grader.engine import running_engines
from grader.engine.base import Engine
from grader.engine.owner_socket import OwnerSocket
from grader.errors import EngineError

LIMITS_EVERY_S = 3.0


def tell(line: str) -> None:
    """A line of the lab's own, for its terminal."""
    print(f"dockbook: {line}", file=sys.stderr, flush=True)


@contextmanager
def told_if_long(what: str, after_s: float = 1.0) -> Iterator[None]:
    """Says what is being done when that takes more than a moment."""
    timer = threading.Timer(after_s, tell, [what])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Supervisor:
    """Supervises one engine while its owner waits: ``wait`` instead of a sleep. A context manager.

    ``tell`` gets what the student should know; ``then`` is what to do when no engine can be started any more.
    """

    def __init__(
        self,
        engine: Engine,
        tell: Callable[[str], None] = tell,
        then: str = "end this lab with Ctrl-C and start it again",
    ) -> None:
        self._engine, self._tell, self._then = engine, tell, then
        self._door: OwnerSocket | None = None
        self._next_look = 0.0
        self._given_up = False

    def __enter__(self) -> Self:
        mine = [one for one in running_engines.running() if one.docker_host == self._engine.docker_host]
        if mine and mine[-1].owner_pid == os.getpid():
            self._door = OwnerSocket(paths.runtime_folder() / mine[-1].id, {"reset": self._reset})
        return self

    def __exit__(self, *_: object) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None

    def wait(self, seconds: float) -> None:
        """Do what is asked for meanwhile, and look after the engine."""
        if self._door is not None:
            self._door.serve(seconds)
        else:
            time.sleep(seconds)
        if not self._given_up and not self._engine.alive():
            self._given_up = not self._revive()
        elif time.monotonic() > self._next_look:
            self._next_look = time.monotonic() + LIMITS_EVERY_S
            self._tell_of_limits()

    def _tell_of_limits(self) -> None:
        with suppress(EngineError):
            for limit in self._engine.limits_reached():
                self._tell(
                    f"the engine has reached a limit, and its containers were ended: {limit}. Next: "
                    "`docker system df` shows what takes the room; remove some, or `dockbook engine reset`."
                )

    def _revive(self) -> bool:
        """Restart a dead engine; whether there is one again."""
        log = self._engine.tail(3)
        try:
            again, why = self._engine.restart(), ""
        except EngineError as error:
            again, why = False, f" It did not start again: {error}"
        if again:
            # Its folder may be a new one.
            self.__exit__()
            self.__enter__()
            self._tell(
                "the engine ended and was started again at the same address, with only the course's images: "
                f"your containers, images and networks are gone, your notebooks are not. Its log ended: {log}"
            )
        else:
            self._tell(f"the engine has ended: save your notebooks, {self._then}. Its log ends: {log}{why}")
        return again

    def _reset(self) -> None:
        self._engine.reset()
        self._tell("the engine was reset by another command.")
