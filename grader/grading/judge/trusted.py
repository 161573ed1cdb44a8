"""Test cells on the trusted side: the instructor's source, executed here, asking a quiet engine."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from grader.course import Task
from grader.engine.base import Engine
from grader.errors import Blocked, EngineDied, EngineError, NoAnswer
from grader.expect.answer_data import Answer
from grader.expect.check import Checker
from grader.expect.finding import Outcome
from grader.expect.inspector import EngineInspector, Inspector
from grader.expect.show import CheckFailed
from grader.expect.words import visible
from grader.state import Snapshot, familiar
from grader.state.debian import PackageSource, checksums

LOOK_S = 30
"""Seconds for one read of the engine: hundreds of containers take a while when other submissions run in
parallel."""

_PACKAGE = """\
set -e; cd /srv/dockbook/hub/debian; set -- "$1"_*.deb
dpkg-deb -f "$1" Version; dpkg-deb --ctrl-tarfile "$1" | tar -xO ./md5sums
"""


def originals(engine: Engine) -> dict[str, str]:
    """The id of each image that the engine has, by name. Asked before the first student cell."""
    with closing(engine.client(timeout=LOOK_S)) as client:
        images = Snapshot.read(client, LOOK_S).images
    return {familiar(tag): image.id for image in images for tag in image.tags}


class TrustedInspector(EngineInspector):
    """Answers from the engine over its API, never through the student's kernel.

    ``answers`` are what the student's variables held, fetched as JSON before the check: untrusted data.
    ``images`` are the originals: a course image's name that has moved to another image counts as missing (a
    `docker tag` is not a way to run what a task asks for). ``student``: the id for ``engine.mine``.
    """

    def __init__(
        self,
        engine: Engine,
        client: DockerClient,
        answers: Mapping[str, Answer],
        *,
        student: str = "",
        images: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(lambda: client, student=student, deadline_s=LOOK_S)
        self._engine = engine
        self._answers = answers
        self._images = images or {}
        self._packages: dict[str, PackageSource | None] = {}

    @property
    def private(self) -> bool:
        """Always: a grading engine is made for one submission."""
        return True

    def snapshot(self) -> Snapshot:
        """Everything the engine holds, with the course's own images known by their ids."""
        return replace(super().snapshot(), originals=self._images)

    def package(self, name: str) -> PackageSource | None:
        """As the engine's own package source has it: read by the engine image's dpkg, out of its hub."""
        if name not in self._packages:
            code, output = self._engine.probe("", ["sh", "-c", _PACKAGE, "sh", name])
            version, _, sums = output.decode("utf-8", "replace").partition("\n")
            self._packages[name] = PackageSource(version, checksums(sums)) if code == 0 else None
        return self._packages[name]

    def answer(self, name: str) -> Answer:
        """What the kernel said; a kernel that said nothing gave no answer."""
        return self._answers.get(name, Answer("missing"))

    def run_in(self, container_id: str, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """The engine image's own programs in the container's network namespace; 125 when it does not run."""
        try:
            return self._engine.probe(container_id, argv, limit_s)
        except EngineDied:
            raise
        except (EngineError, DockerException, RequestException) as error:
            box = self.container(container_id)
            if box is None or not box.running:
                return 125, b"the container does not run"
            raise Blocked(f"The container's network could not be reached: {error}") from error

    def run_on_host(self, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """In the engine's own network namespace, where published ports answer."""
        return self._engine.probe("", argv, limit_s)


def look(
    task: Task,
    engine: Engine,
    answers: Mapping[str, Answer],
    outcomes: Mapping[str, Outcome],
    *,
    student: str = "",
    images: Mapping[str, str] | None = None,
) -> Outcome:
    """Execute a task's test cell against a quiet engine; ``outcomes`` are those of the tests before it.

    Fails closed: a cell that ends without an outcome is failed, one that breaks is blocked. Raises
    EngineError when the engine cannot be held still.
    """
    with engine.quiet():
        client = engine.client(timeout=LOOK_S)
        try:
            inspector = TrustedInspector(engine, client, answers, student=student, images=images)
            return judge(task, inspector, outcomes)
        finally:
            client.close()


def judge(task: Task, inspector: Inspector, outcomes: Mapping[str, Outcome]) -> Outcome:
    """The outcome of one test cell with one inspector."""
    checker = Checker(inspector, once=True)
    checker.outcomes.update({name: outcome for name, outcome in outcomes.items() if name != task.id})
    namespace = {"check": checker.check, "__builtins__": builtins, "__name__": "test"}
    try:
        exec(compile(task.test_source, f"<test {task.id}>", "exec"), namespace)  # noqa: S102 - the instructor's
    except CheckFailed:
        pass
    except Blocked as error:
        settled = checker.outcomes.get(task.id)
        silent = isinstance(error, NoAnswer) or (settled is not None and settled.silent)
        return Outcome.blocked(error.what, silent=silent)
    except Exception as error:  # noqa: BLE001 - whatever breaks in a test cell is never the student's zero
        return Outcome.blocked(f"the test cell failed: {type(error).__name__}: {visible(str(error), 200)}")
    outcome = checker.outcomes.get(task.id)
    return outcome if outcome is not None else Outcome("failed", reason="the test cell gave no outcome")
