"""``dockbook engine``: the command's surroundings, its exit code, signals, and the engine's end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.cli import engine, engine_options, main
from grader.engine import choose
from grader.engine.base import BACKENDS
from grader.engine.image.engine_image import CourseImage

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class FakeEngine:
    """Stands in for a running engine; notes that it was closed."""

    backend: str = "sandbox"
    ready_s: float = 0.25
    dispose_s: float | None = None

    def forward(self, tell: object) -> nullcontext[None]:
        return nullcontext()

    def env(self, base: object = None) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": "unix:///engine.sock"}

    def close(self) -> None:
        self.dispose_s = 0.125


@pytest.fixture
def fake(monkeypatch):
    opened = FakeEngine()
    options: dict[str, Any] = {}

    def open_(backend: str, **given: Any) -> tuple[FakeEngine, None]:
        options.update(backend=backend, **given)
        return opened, None

    monkeypatch.setattr(engine, "open_chosen", open_)
    return SimpleNamespace(engine=opened, options=options)


def run(*arguments: str) -> int:
    return main(["engine", "run", *arguments])


def test_run_hands_over_the_environment_and_the_exit_code(fake, tmp_path):
    seen = tmp_path / "seen"
    assert run("--backend", "sandbox", "--", "sh", "-c", f"echo $DOCKER_HOST >{seen}; exit 7") == 7
    assert seen.read_text() == "unix:///engine.sock\n"
    assert fake.engine.dispose_s is not None
    assert fake.options == {"backend": "sandbox", "suite": "trixie"}


def test_run_leaves_the_commands_own_options_alone(fake, capfd):
    assert run("echo", "--backend", "x", "--help", "--", "-v") == 0
    assert capfd.readouterr().out == "--backend x --help -- -v\n"


def test_timings_are_exactly_one_json_line(fake, capfd):
    assert run("--timings", "--", "true") == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert json.loads(captured.err) == {"backend": "sandbox", "ready_s": 0.25, "dispose_s": 0.125}


@pytest.mark.parametrize("name", ["no-such-command-here", "/etc"])
def test_a_command_that_cannot_run_is_a_usage_error_and_the_engine_goes(fake, capsys, name):
    assert run("--", name) == 2
    assert f"cannot run '{name}'" in capsys.readouterr().err
    assert fake.engine.dispose_s is not None


def test_a_command_that_dies_of_a_signal_ends_as_in_a_shell(fake):
    assert run("--", "sh", "-c", "kill -KILL $$") == 137


FORWARDING = """
import sys
from grader.cli import engine, main
from tests.unit.cli.test_engine import FakeEngine
class Noted(FakeEngine):
    def close(self):
        super().close()
        print("disposed", flush=True)
engine.open_chosen = lambda backend, **options: (Noted(), None)
engine._GRACE_S = 0.5
sys.exit(main(["engine", "run", "--", "sh", "-c", sys.argv[1]]))
"""


@pytest.mark.parametrize(
    ("script", "signum", "code", "said"),
    [
        ("echo up; exec sleep 30", signal.SIGTERM, 143, ""),
        ("echo up; exec sleep 30", signal.SIGINT, 130, ""),
        ("trap 'echo asked; exit 5' TERM; echo up; while :; do sleep 0.05; done", signal.SIGTERM, 5, "asked"),
        ("trap '' TERM; echo up; while :; do sleep 0.05; done", signal.SIGTERM, 137, ""),
        ("trap 'echo asked; exit 6' HUP; echo up; while :; do sleep 0.05; done", signal.SIGHUP, 6, "asked"),
    ],
)
def test_signals_reach_the_command_and_the_engine_goes(script, signum, code, said):
    with subprocess.Popen(
        [sys.executable, "-c", FORWARDING, script],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "up\n"
            process.send_signal(signum)
            rest = process.stdout.read().split()
            assert process.wait(20) == code
        finally:
            process.kill()  # after a time limit, its end would be waited for
    assert rest == [*said.split(), "disposed"]


def test_a_signal_just_before_the_wait_is_not_lost(fake, monkeypatch):
    """Python notes it, and runs its handler only when a wait without an end is over."""
    waits: list[float | None] = []

    def waiting(readable: Any, writable: Any, failed: Any, timeout: float | None = None) -> Any:
        waits.append(timeout)
        return real(readable, writable, failed, timeout)

    real = select.select
    monkeypatch.setattr(select, "select", waiting)
    assert run("--", "sh", "-c", "exit 7") == 7
    assert waits and all(seconds is not None and seconds <= 1 for seconds in waits)


def test_a_signal_while_the_command_is_being_started_is_not_lost(fake, monkeypatch):
    """Popen returns only after the command runs: on a busy machine, much later."""

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **options)

    real = subprocess.Popen
    monkeypatch.setattr(engine, "_GRACE_S", 0.2)
    monkeypatch.setattr(subprocess, "Popen", start)
    assert run("--", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done") in (137, 143)
    assert fake.engine.dispose_s is not None


def test_env_prints_what_a_shell_evaluates():
    lines = engine.shell_lines({"DOCKER_HOST": "unix:///x y", "PATH": "/a:/b"})
    script = "; ".join([*lines, 'echo "$DOCKER_HOST|$PATH|${DOCKER_CONTEXT-gone}"'])
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"DOCKER_CONTEXT": "x"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "unix:///x y|/a:/b|gone\n"


def test_images_are_listed(monkeypatch, capsys):
    found = SimpleNamespace(
        course_images=[CourseImage("busybox:latest", 1_900_000, "busybox-static", "tools")]
    )
    monkeypatch.setattr(engine, "ensure_image", lambda suite: found)
    assert main(["engine", "images"]) == 0
    assert capsys.readouterr().out.split()[:3] == ["busybox:latest", "1.9", "MB"]
    assert main(["engine", "images", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["size"] == 1_900_000


class FakeBackend:
    """Notes what is asked of it, and by which name."""

    def __init__(self, name: str, steps: list[object]) -> None:
        self.name, self.steps, self.grades = name, steps, name in ("sandbox", "vm")

    def ensure(self, suite: str, progress: object, *, rebuild: bool = False) -> None:
        self.steps.append(f"{suite} for {self.name}")

    def open(self, **options: object) -> None:
        assert options.pop("tell")
        self.steps.append((self.name, options))


@pytest.mark.parametrize(
    ("wanted", "docker_host", "found"),
    [
        ("host", "", "host"),
        ("auto", "unix:///x", "host"),
        ("sandbox", "unix:///x", "sandbox"),
        ("vm", "", "vm"),
    ],
)
def test_what_an_engine_is_made_of_is_there_before_it_is_opened(wanted, docker_host, found, monkeypatch):
    steps: list[object] = []
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    backends = {name: FakeBackend(name, steps) for name in BACKENDS}
    monkeypatch.setattr(choose, "_ALL", backends)
    engine_options.open_chosen(wanted, suite="forky", label="lab")
    assert steps == [f"forky for {found}", (found, {"suite": "forky", "label": "lab", "keep_for": None})]
