"""Processes that own an engine, started, ended and killed by tests: ``owner.py``, several at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from grader.engine.base import BackendName
from tests.engine import differ
from tests.shared_tree import shared_python, shared_tree
from tests.users import User

HERE = Path(__file__).resolve()
TREE = str(HERE.parents[2])
PLACES = {"XDG_RUNTIME_DIR": "run", "TMPDIR": "tmp", "DOCKBOOK_STATE": "state"}


def start_owners(
    count: int, how: str, user: User | None = None, backend: BackendName = "sandbox"
) -> list[subprocess.Popen[str]]:
    """Owners that all start theirs at once."""
    owners = [_start(how, user, backend) for _ in range(count)]
    differ.KEPT.update(owner.pid for owner in owners)
    return owners


def _start(how: str, user: User | None, backend: BackendName) -> subprocess.Popen[str]:
    program = ["-m", "tests.engine.owner", how, backend]
    streams: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    if user is not None:
        env = {name: os.environ[name] for name in PLACES} | {"PYTHONPATH": shared_tree()}
        return user.start(user.command([shared_python(), *program], env=env), **streams)
    env = {**os.environ, "PYTHONPATH": TREE}
    env.pop("DOCKER_HOST", None)
    return subprocess.Popen([sys.executable, *program], env=env, cwd="/", text=True, **streams)


def line_of(stream: IO[str] | None) -> str:
    """The next line, empty at the end."""
    assert stream is not None
    return stream.readline()


def all_ready(owners: list[subprocess.Popen[str]]) -> None:
    """Each one's published port has answered."""
    for owner in owners:
        line = line_of(owner.stdout)
        assert line, owner.communicate(timeout=30)[1][-2000:]
        assert "It works" in json.loads(line)["answer"]


def end(owners: list[subprocess.Popen[str]], number: int | None = None) -> list[int]:
    """Send a signal to all at once, or let them end; their exit codes."""
    for owner in owners:
        if number is not None:
            owner.send_signal(number)
    codes = []
    for owner in owners:
        codes.append(owner.wait(timeout=60))
        for stream in (owner.stdout, owner.stderr):
            assert stream is not None
            stream.close()
        differ.KEPT.discard(owner.pid)
    return codes


@contextlib.contextmanager
def owners_of(
    count: int, how: str, user: User | None = None, backend: BackendName = "sandbox"
) -> Iterator[list[subprocess.Popen[str]]]:
    """As ``start_owners``; whatever still runs is killed on the way out."""
    owners = start_owners(count, how, user, backend)
    try:
        yield owners
    finally:
        for owner in owners:
            if owner.poll() is None:
                owner.kill()
                owner.wait()
