"""What the engine of every backend offers. Code above this layer knows only these names."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from grader import variables
from grader.environment import tidy
from grader.errors import EngineUnavailable

if TYPE_CHECKING:
    from docker import DockerClient


BackendName = Literal["sandbox", "nested", "vm", "host"]
OF_DOCKER = ("BUILDKIT_", "BUILDX_", "COMPOSE_", "DOCKER_")
"""Prefixes of the variables that configure the docker command and its plugins."""
DISK_BYTES = 2 << 30
"""What an engine may take on a disk or of memory for its files, unless it is told otherwise."""
BACKENDS: tuple[BackendName, ...] = ("sandbox", "nested", "vm", "host")
GRADING_BACKENDS: tuple[BackendName, ...] = ("sandbox", "vm")
"""Students' work may run on these; their engine image is in the cache."""


REAL_LIMITS = "Limits (-m, --cpus) and docker stats are real."


def limits_line(controllers: Collection[str], why: str) -> str:
    """What a person reads of an engine's limits. ``why`` it has none, for the end of a sentence."""
    if {"memory", "pids", "cpu"} <= set(controllers):
        return REAL_LIMITS
    if "memory" in controllers:
        return "Limits of memory (-m) and docker stats are real, --cpus is refused: no cpu controller here."
    because = f" ({why})" if why else ""
    instead = "-m limits nothing, --cpus is refused, docker stats shows zeros"
    return f"Containers have no control groups here{because}: {instead}."


@contextmanager
def undone_by(undo: Callable[[], object]) -> Iterator[None]:
    """For the steps of a start: when one fails, what was begun is undone."""
    try:
        yield
    except BaseException:
        undo()
        raise


class Published(NamedTuple):
    """One published port: the number on the engine's host, and ``tcp`` or ``udp``."""

    port: int
    kind: str

    def __str__(self) -> str:
        return f"{self.port}/{self.kind}"


class Kernel(Protocol):
    """A student's kernel in an engine. ``connection_file`` is for ``jupyter_client``, on this side."""

    connection_file: Path

    def alive(self) -> bool:
        """Whether its process still runs. Raises EngineDied if the engine does not."""

    def interrupt(self) -> None:
        """SIGINT, as the stop button sends."""

    def pause(self) -> None:
        """Stop all its processes where they are."""

    def resume(self) -> None:
        """Let them continue."""

    def kill(self) -> None:
        """End it and all that it started, at once; safe to call twice."""


class Engine(ABC):
    """A running Docker Engine. A context manager: leaving it disposes of what it made.

    ``docker_host`` is what ``DOCKER_HOST`` must be on this machine; ``ready_s`` the seconds from the
    start to the first answer to ``_ping`` with the course's images present; ``dispose_s`` is set by
    ``close()``.
    """

    backend: BackendName
    private = True
    """Not the user's own Docker: everything made on it belongs to the course."""
    docker_host: str
    ready_s: float
    dispose_s: float | None = None
    detail: str = ""
    """How it was made, where there is more than one way; for the line that a person reads."""
    limits: str = ""
    """Whether containers can be limited and measured, and why not: a sentence for that line, too."""
    persistence_note: str = ""
    """Whether what is made on it is there the next time: a sentence for the same line."""

    @abstractmethod
    def start(self) -> Self:
        """Start it, and wait until it answers: what a new object stands for is not there before.

        Raises EngineError; what a failed start has begun is gone then.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def client(self, *, timeout: float = 30) -> DockerClient:
        """A docker-py client of the trusted side: it is let in even while the API is closed to others."""

    @abstractmethod
    def tail(self, lines: int = 40) -> str:
        """The last lines of the engine's log, for messages."""

    def wait(self) -> None:
        """Until it answers, where it was opened without waiting. Raises EngineDied if it did not come up."""
        return

    @abstractmethod
    def alive(self) -> bool:
        """Whether the engine's processes still run."""

    @abstractmethod
    def reset(self) -> None:
        """Bring the engine back to its first state: only the course's images."""

    def restart(self) -> bool:
        """Bring an engine that died back at its address, in its first state; whether this backend can."""
        return False

    @abstractmethod
    def configure(self, options: Mapping[str, object]) -> None:
        """Apply ``daemon.json`` options. Raises EngineError with the daemon's reason if it refuses them."""

    @abstractmethod
    def close(self) -> None:
        """Dispose of the engine; safe to call twice."""

    def forward(
        self, tell: Callable[[str], None], note: Callable[[Collection[Published]], None] | None = None
    ) -> AbstractContextManager[object]:
        """While it is open, what containers publish answers on 127.0.0.1 of this machine.

        ``tell`` gets a line for each port that is not available here, ``note`` those ports whenever they
        change. The user's own engine does it by itself.
        """
        return nullcontext()

    def network_prefix(self) -> list[str]:
        """What comes before a command so that, to it, published ports answer on 127.0.0.1.

        Nothing where they do so anyway, or through ``forward``.
        """
        return []

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment for a command that talks to this engine: DOCKER_HOST set, contexts and TLS out.

        A clean one (``grader.environment``). On a private engine, it has no other settings that the user
        made for their own Docker, such as another platform or builder.
        """
        env = tidy(os.environ if base is None else base).variables
        if env.get("DOCKER_HOST") != self.docker_host:
            env.pop(variables.CONTROL, None)  # the control socket of another engine
        env.pop(variables.LOOK_S, None)
        for name in ("DOCKER_CONTEXT", *variables.DOCKER_TLS, "DOCKER_API_VERSION"):
            env.pop(name, None)
        if self.private:
            env = {name: value for name, value in env.items() if not name.startswith(OF_DOCKER)}
        env["DOCKER_HOST"] = self.docker_host
        return env

    def missing_images(self, names: Collection[str]) -> list[str]:
        """Which of the course's images, as ``NAME:TAG``, it lacks: none, where it starts with them."""
        return []

    # What only a private engine can do; a host engine says so.

    def start_kernel(self, files: Path | None = None, *, student: str = "") -> Kernel:
        """Start a student's kernel inside: uid 1000, no capabilities, its own pid namespace.

        ``files``: a folder copied to the kernel's working directory. ``student``: the id that
        the student's own values are made from, ``DOCKBOOK_STUDENT`` in the kernel.
        """
        raise EngineUnavailable(
            f"A {self.backend} engine cannot run a student's kernel, so it cannot grade.",
            next_step="use --backend sandbox.",
        )

    def limits_reached(self) -> list[str]:
        """The limits reached since the last call, and the result: "disk (1024 MB): it is full"."""
        return []

    @contextmanager
    def quiet(self, deadline_s: float = 5) -> Iterator[None]:
        """Stop the student's processes and close the API to all but the trusted side, for one look."""
        yield

    def probe(self, container_id: str, argv: Sequence[str], timeout_s: float = 5) -> tuple[int, bytes]:
        """Run trusted code in a container's network namespace; its exit code and output (up to 64 kB)."""
        raise EngineUnavailable(
            f"The {self.backend} backend offers no probes.", next_step="use --backend sandbox."
        )
