"""An engine to act on and to ask about, for tests of checks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from docker import DockerClient

from grader.expect import Checker, CheckFailed, LiveInspector, Outcome
from grader.expect.engine import EngineSubject

Question = Callable[[EngineSubject], object]


class Course:
    """An engine with a client to act with and a checker to ask with."""

    def __init__(self, docker_host: str, client: DockerClient) -> None:
        self.client = client
        self.answers: dict[str, object] = {}
        self.inspector = LiveInspector(self.answers, environment={"DOCKER_HOST": docker_host})

    def run(
        self, name: str, command: list[str] | str | None = None, image: str = "busybox", **options: Any
    ) -> Any:
        options.setdefault("init", True)  # so that `stop` does not have to wait for a shell as pid 1
        return self.client.containers.run(image, command, name=name, detach=True, **options)

    def ended(self, name: str, command: list[str] | str, **options: Any) -> Any:
        box = self.run(name, command, **options)
        box.wait(timeout=20)
        return box

    def ask(self, question: Question) -> Outcome:
        checker = Checker(self.inspector, patience_s=0.5)
        with contextlib.suppress(CheckFailed), checker.check("task") as engine:
            question(engine)
        return checker.outcomes["task"]

    def passes(self, *questions: Question) -> None:
        for question in questions:
            outcome = self.ask(question)
            assert outcome == Outcome.passed(), outcome

    def fails(self, *expected: tuple[Question, str]) -> None:
        for question, words in expected:
            outcome = self.ask(question)
            assert outcome.status == "failed", words
            assert len(outcome.findings) == 1, outcome.findings
            assert words in str(outcome.findings[0]), outcome.findings[0]
