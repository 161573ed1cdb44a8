"""Chooses and opens an engine. Says in one line what was chosen and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.engine.base import BACKENDS, Backend, Engine
from grader.errors import EngineUnavailable, UsageError

if TYPE_CHECKING:
    from grader.engine.image.recipe import Suite


@dataclass(frozen=True)
class Choice:
    """Which backend, and why; ``str()`` is the line that a person reads."""

    backend: Backend
    why: str

    def __str__(self) -> str:
        return f"Engine: {self.backend} ({self.why})"


def choose(wanted: str = "auto") -> Choice:
    """The backend for this machine: as asked, else DOCKER_HOST, else ``sandbox``, else ``nested``,
    else ``vm``.

    Raises UsageError for a name that is none, EngineUnavailable when nothing can work here, with every
    reason.
    """
    if wanted != "auto":
        for backend in BACKENDS:
            if backend == wanted:
                return Choice(backend, "asked for")
        raise UsageError(
            f"There is no backend named {wanted!r}.", next_step=f"one of: auto, {', '.join(BACKENDS)}"
        )
    if os.environ.get("DOCKER_HOST"):
        return Choice("host", f"DOCKER_HOST is {os.environ['DOCKER_HOST']}")
    from grader.engine import nested, sandbox
    from grader.engine.image import qemu

    reasons = {"sandbox": sandbox.probe()}
    if reasons["sandbox"] is None:
        return Choice("sandbox", "user namespaces work here: private, without root")
    reasons["nested"] = nested.probe()
    if reasons["nested"] is None:
        return Choice("nested", f"no sandbox here: {reasons['sandbox']}; your Docker answers")
    reasons["vm"] = qemu.probe()
    if reasons["vm"] is None:
        return Choice("vm", f"a virtual machine; no sandbox here: {reasons['sandbox']}")
    tried = "; ".join(f"{backend}: {reason}" for backend, reason in reasons.items())
    raise EngineUnavailable(
        f"No engine can be started here. {tried}",
        next_step="`dockbook doctor` says what each kind of engine lacks here.",
    )


def open_engine(backend: str = "auto", *, suite: str = "trixie", **options: Any) -> Engine:
    """Open an engine; a context manager. ``options`` go to the backend (see ``Sandbox``, ``HostEngine``).

    The engine image must be there (``ensure_image``): this builds none. Raises EngineError and UsageError.
    """
    choice = choose(backend)
    if choice.backend == "host":
        from grader.engine.host import HostEngine

        return HostEngine(**options)
    if choice.backend == "sandbox":
        from grader.engine.image.engine_image import find_image
        from grader.engine.sandbox import Sandbox

        return Sandbox(find_image(_suite(suite)), **options)
    if choice.backend == "nested":
        from grader.engine import nested
        from grader.engine.image import nested_image

        return nested.Nested(nested_image.find_image(nested.find_docker(), _suite(suite)), **options)
    if choice.backend == "vm":
        from grader.engine import vm
        from grader.engine.image import qemu, vm_image
        from grader.engine.image.engine_image import find_image

        return vm.VM(vm_image.find(find_image(_suite(suite)), qemu.accelerator()), **options)
    raise EngineUnavailable(
        f"There is no {choice.backend} backend yet.", next_step="use --backend sandbox or --backend host."
    )


def _suite(name: str) -> Suite:
    from grader.engine.image.recipe import SUITES

    for suite in SUITES:
        if suite == name:
            return suite
    raise UsageError(f"There is no suite {name!r}.", next_step=f"one of: {', '.join(SUITES)}")
