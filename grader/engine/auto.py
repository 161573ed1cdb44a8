"""Chooses and opens an engine. Says in one line what was chosen and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from grader.engine.base import BOOTS, Boot, Engine
from grader.errors import EngineUnavailable, UsageError


@dataclass(frozen=True)
class Choice:
    """Which boot, and why; ``str()`` is the line that a person reads."""

    boot: Boot
    why: str

    def __str__(self) -> str:
        return f"Engine: {self.boot} ({self.why})"


def choose(wanted: str = "auto") -> Choice:
    """The boot for this machine: as asked, else DOCKER_HOST, else ``sandbox``.

    Raises UsageError for a name that is none, EngineUnavailable when nothing can work here, with every
    reason.
    """
    if wanted != "auto":
        for boot in BOOTS:
            if boot == wanted:
                return Choice(boot, "asked for")
        raise UsageError(f"There is no boot named {wanted!r}.", next_step=f"one of: auto, {', '.join(BOOTS)}")
    if os.environ.get("DOCKER_HOST"):
        return Choice("host", f"DOCKER_HOST is {os.environ['DOCKER_HOST']}")
    from grader.engine.sandbox import probe

    reason = probe()
    if reason is None:
        return Choice("sandbox", "user namespaces work here: private, disposable, without root")
    raise EngineUnavailable(
        f"No engine can be started here. sandbox: {reason}",
        next_step="`dockbook doctor` says what each boot lacks; --boot host uses a Docker that you have.",
    )


def open_engine(boot: str = "auto", *, suite: str = "trixie", **options: Any) -> Engine:
    """Open an engine; a context manager. ``options`` go to the boot (see ``Sandbox``, ``HostEngine``).

    The engine image must be there (``ensure_image``): this builds none. Raises EngineError and UsageError.
    """
    choice = choose(boot)
    if choice.boot == "host":
        from grader.engine.host import HostEngine

        return HostEngine(**options)
    if choice.boot == "sandbox":
        from grader.engine.image import find_image
        from grader.engine.recipe import SUITES
        from grader.engine.sandbox import Sandbox

        for name in SUITES:
            if name == suite:
                return Sandbox(find_image(name), **options)
        raise UsageError(f"There is no suite {suite!r}.", next_step=f"one of: {', '.join(SUITES)}")
    raise EngineUnavailable(
        f"The {choice.boot} boot is not there yet.", next_step="use --boot sandbox or --boot host."
    )
