"""The backends, and one way to open an engine with each: does it work here, what does it need, a running one.

`dockbook lab`, `grade`, `engine run`, `session` and the notebook extension all come this way; what a backend
is called matters here and in ``base``, and to the doctor, `dockbook session` and `engine build`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from grader.engine.base import BACKENDS, DISK_BYTES, GRADING_BACKENDS, BackendName, Engine
from grader.errors import EngineUnavailable, UsageError

if TYPE_CHECKING:
    from grader.engine.image.engine_image import EngineImage
    from grader.engine.image.recipe import Suite

DEFAULT_SUITE = "trixie"
Progress = Callable[[str], AbstractContextManager[Callable[[float, str], None]]]
"""For a title, a context manager that gives the function to report progress to: a fraction and words."""


class Options(TypedDict, total=False):
    """What an engine may be asked for; a backend leaves aside what it cannot do.

    ``suite``: of the engine image. ``label``: how `dockbook engine status` names the engine. ``plugin``: the
    authorization plugin. ``disk_bytes``, ``memory_bytes``, ``processes``: limits for all that is in it
    together. ``keep_for``: a workspace whose engine continues from one session to the next; ``tell`` gets
    what cannot continue. ``wait``: whether to return only when the engine answers.
    """

    suite: str
    label: str
    plugin: bool
    disk_bytes: int
    memory_bytes: int
    processes: int
    keep_for: Path | None
    tell: Callable[[str], None]
    wait: bool


class Backend(ABC):
    """One way to have an engine."""

    name: BackendName
    works: str
    """Why it is taken, where it works."""
    about: str
    """What a student reads of it on the lab's start page."""
    emulated = False
    """Each engine keeps a whole processor busy."""

    @property
    def grades(self) -> bool:
        """Students' work may run on it; then its engines are made of the engine image in the cache."""
        return self.name in GRADING_BACKENDS

    @abstractmethod
    def probe(self) -> str | None:
        """Why it cannot work here, in one sentence, or None. Takes a second at most."""

    @abstractmethod
    def ensure(self, suite: str, progress: Progress, *, rebuild: bool = False) -> EngineImage | None:
        """Make sure that the images its engines need are there. Raises ImageError."""

    @abstractmethod
    def open(self, **options: Unpack[Options]) -> Engine:
        """A running engine; its image must be there. Raises EngineError."""


class _Sandbox(Backend):
    name: BackendName = "sandbox"
    works = "user namespaces work here: private, without root"
    about = "A private engine in a sandbox, for this lab alone."

    def probe(self) -> str | None:
        from grader.engine.sandbox import probe

        return probe()

    def ensure(self, suite: str, progress: Progress, *, rebuild: bool = False) -> EngineImage | None:
        from grader.engine.build.engine_image import ensure_image

        with progress("engine image") as report:
            return ensure_image(_suite(suite), report, rebuild=rebuild)

    def open(self, **options: Unpack[Options]) -> Engine:
        from grader.engine.image.engine_image import find_image
        from grader.engine.sandbox import Sandbox

        image = find_image(_suite(options.get("suite", DEFAULT_SUITE)))
        if workspace := options.get("keep_for"):
            from grader.engine.resume import open_persistent

            return open_persistent(
                image, workspace, options.get("tell", print), label=options.get("label", "")
            )
        return Sandbox(
            image,
            plugin=options.get("plugin", True),
            label=options.get("label", ""),
            disk_bytes=options.get("disk_bytes", DISK_BYTES),
            memory_bytes=options.get("memory_bytes", 0),
            processes=options.get("processes", 0),
        ).start()


class _Nested(Backend):
    name: BackendName = "nested"
    works = "your Docker answers"
    about = "A private engine in a container of your own Docker."

    def probe(self) -> str | None:
        from grader.engine.nested import probe

        return probe()

    def ensure(self, suite: str, progress: Progress, *, rebuild: bool = False) -> EngineImage | None:
        from grader.engine.build.nested_image import ensure_image
        from grader.engine.nested import find_docker

        with progress("engine image") as report:
            ensure_image(find_docker(), _suite(suite), report, rebuild=rebuild)
        return None

    def open(self, **options: Unpack[Options]) -> Engine:
        from grader.engine.image.nested_image import find_image
        from grader.engine.nested import Nested, find_docker

        image = find_image(find_docker(), _suite(options.get("suite", DEFAULT_SUITE)))
        return Nested(image, label=options.get("label", "")).start()


class _VM(Backend):
    name: BackendName = "vm"
    works = "a virtual machine"
    about = "A private engine in a small virtual machine."
    emulated = True

    def probe(self) -> str | None:
        from grader.engine.image.qemu import probe

        return probe()

    def ensure(self, suite: str, progress: Progress, *, rebuild: bool = False) -> EngineImage | None:
        from grader.engine.build.engine_image import ensure_image
        from grader.engine.build.vm import ensure_vm
        from grader.engine.image.qemu import accelerator

        with progress("engine image") as report:
            image = ensure_image(_suite(suite), report)
        with progress("virtual machine") as report:
            ensure_vm(image, accelerator(), report, rebuild=rebuild)
        return image

    def open(self, **options: Unpack[Options]) -> Engine:
        from grader.engine.image import qemu, vm_image
        from grader.engine.image.engine_image import find_image
        from grader.engine.vm import VM

        found = vm_image.find(find_image(_suite(options.get("suite", DEFAULT_SUITE))), qemu.accelerator())
        return VM(
            found,
            plugin=options.get("plugin", True),
            label=options.get("label", ""),
            disk_bytes=options.get("disk_bytes", DISK_BYTES),
            memory_bytes=options.get("memory_bytes", 0),
            processes=options.get("processes", 0),
            wait=options.get("wait", True),
        ).start()


class _Host(Backend):
    name: BackendName = "host"
    works = "asked for"
    about = "Your own Docker: what you make here stays on it."

    def probe(self) -> str | None:
        from grader.engine.endpoint import diagnose, find_docker_host

        trouble = diagnose(find_docker_host())
        return trouble.what if trouble else None

    def ensure(self, suite: str, progress: Progress, *, rebuild: bool = False) -> EngineImage | None:
        return None  # the user's own engine is there or is not

    def open(self, **options: Unpack[Options]) -> Engine:
        from grader.engine.host import HostEngine

        return HostEngine(label=options.get("label", "")).start()


_ALL: Mapping[str, Backend] = {one.name: one for one in (_Sandbox(), _Nested(), _VM(), _Host())}
_BY_ITSELF = ("sandbox", "nested", "vm")
"""What is tried when nothing was asked for, in this order."""


@dataclass(frozen=True)
class Choice:
    """Which backend, and why; ``str()`` is the line that a person reads."""

    name: BackendName
    why: str

    def __str__(self) -> str:
        return f"Engine: {self.name} ({self.why})"


def backend(name: str) -> Backend:
    """The backend of this name. Raises UsageError for an unknown name."""
    if name not in _ALL:
        raise UsageError(
            f"There is no backend named {name!r}.", next_step=f"one of: auto, {', '.join(BACKENDS)}"
        )
    return _ALL[name]


def choose(wanted: str = "auto") -> Choice:
    """The backend for this machine: as asked, else DOCKER_HOST, else the first of sandbox, nested and vm.

    Raises UsageError for an unknown name, EngineUnavailable when nothing can work here, with every
    reason.
    """
    if wanted != "auto":
        return Choice(backend(wanted).name, "asked for")
    if os.environ.get("DOCKER_HOST"):
        return Choice("host", f"DOCKER_HOST is {os.environ['DOCKER_HOST']}")
    reasons: dict[str, str] = {}
    for name in _BY_ITSELF:
        reason = _ALL[name].probe()
        if reason is None:
            instead = f"no sandbox here: {reasons['sandbox']}" if reasons else ""
            return Choice(_ALL[name].name, "; ".join(filter(None, (instead, _ALL[name].works))))
        reasons[name] = reason
    tried = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise EngineUnavailable(
        f"No engine can be started here. {tried}",
        next_step="`dockbook doctor` says what each kind of engine is missing here.",
    )


def open_engine(wanted: str = "auto", **options: Unpack[Options]) -> Engine:
    """Open an engine of the backend that is wanted, or of the one that works here; a context manager.

    Its image must be there (``Backend.ensure``): this builds nothing. Raises EngineError and
    UsageError.
    """
    return _ALL[choose(wanted).name].open(**options)


def _suite(name: str) -> Suite:
    from grader.engine.image.recipe import SUITES

    for suite in SUITES:
        if suite == name:
            return suite
    raise UsageError(f"There is no suite {name!r}.", next_step=f"one of: {', '.join(SUITES)}")
