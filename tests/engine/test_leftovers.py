"""Nothing of a sandbox outlives its owner: not after exit, crash or ``kill -9``, all by itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.engine import differ
from tests.engine.users import User, ordinary_user, shared_python

HERE = Path(__file__).resolve()
TREE = str(HERE.parents[2])
EIGHT = 8
BOOT_S = 150
"""For eight engines at once on two cores, with everything else that a machine may be doing."""


PLACES = {"XDG_RUNTIME_DIR": "run", "TMPDIR": "tmp", "DOCKBOOK_STATE": "state"}


@pytest.fixture
def own_places(monkeypatch: pytest.MonkeyPatch, someone: User | None) -> Iterator[Path]:
    """Folders that no other engine of this machine uses; short, for the sockets' sake."""
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        for variable, name in PLACES.items():
            place = Path(folder, name)
            place.mkdir(mode=0o700)
            if someone is not None:
                os.chown(place, someone.uid, someone.gid)
            monkeypatch.setenv(variable, str(place))
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)
    tempfile.tempdir = None


@pytest.fixture
def before(engine_image: None, own_places: Path) -> Iterator[differ.Host]:
    """The machine before; all that the test starts stays under its eyes."""
    (own_places / "run/dockbook").mkdir(mode=0o700)
    os.chown(own_places / "run/dockbook", (own_places / "run").stat().st_uid, -1)
    with differ.adopting_orphans():
        yield differ.look()


@pytest.fixture
def someone(request: pytest.FixtureRequest) -> User | None:
    """Who owns the engines: whoever runs the tests; where a test asks for it, an ordinary user."""
    if getattr(request, "param", "caller") == "caller":
        return None
    user = ordinary_user()
    user.ensure_image()
    return user


def start_owners(count: int, how: str, user: User | None = None) -> list[subprocess.Popen[str]]:
    """Owners that all boot at once."""
    python = sys.executable if user is None else shared_python()
    argv: Sequence[str] = [python, str(HERE.parent / "owner.py"), how]
    env = {**os.environ, "PYTHONPATH": TREE}
    env.pop("DOCKER_HOST", None)
    if user is not None:
        places = {name: os.environ[name] for name in PLACES}
        argv, env = user.command(argv), user.environment() | places | {"PYTHONPATH": TREE}
    owners = [
        subprocess.Popen(
            argv,
            env=env,
            cwd="/",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    differ.KEPT.update(owner.pid for owner in owners)
    return owners


def line_of(stream: IO[str] | None) -> str:
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
def owners_of(count: int, how: str, user: User | None = None) -> Iterator[list[subprocess.Popen[str]]]:
    owners = start_owners(count, how, user)
    try:
        yield owners
    finally:
        for owner in owners:
            if owner.poll() is None:
                owner.kill()
                owner.wait()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("someone", ["caller", "ordinary user"], indirect=True)
def test_eight_at_once_all_work_and_leave_nothing(before: differ.Host, someone: User | None) -> None:
    with owners_of(EIGHT, "close", someone) as owners:
        all_ready(owners)
        assert end(owners) == [0] * EIGHT
        assert differ.left_since(before) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("someone", ["caller", "ordinary user"], indirect=True)
def test_eight_whose_owners_are_killed_leave_nothing(before: differ.Host, someone: User | None) -> None:
    with owners_of(EIGHT, "wait", someone) as owners:
        all_ready(owners)
        during = differ.look().since(before)
        assert sum("dockerd" in entry for entry in during) >= EIGHT
        assert end(owners, signal.SIGKILL) == [-signal.SIGKILL] * EIGHT
        assert differ.left_since(before) == []


@pytest.mark.parametrize("moment_s", [0.02, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_killed_while_booting(before: differ.Host, moment_s: float) -> None:
    with owners_of(2, "wait") as owners:
        # The interpreter alone takes a while: the moments count from the first process below the owners.
        deadline = time.monotonic() + 30
        while len(differ.descendants()) <= len(owners) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moment_s)
        end(owners, signal.SIGKILL)
        assert differ.left_since(before) == []


@pytest.mark.parametrize("how", ["exit", "crash"])
def test_an_owner_that_ends_without_closing(before: differ.Host, how: str) -> None:
    with owners_of(1, how) as owners:
        all_ready(owners)
        assert end(owners) == [0 if how == "exit" else 1]
        assert differ.left_since(before) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_owner_that_is_asked_to_end(before: differ.Host, number: signal.Signals) -> None:
    with owners_of(1, "wait") as owners:
        all_ready(owners)
        end(owners, number)
        assert differ.left_since(before) == []


def keepers() -> list[int]:
    return [
        pid
        for pid in differ.descendants()
        if Path(f"/proc/{pid}/comm").read_text().startswith("dockbook-keeper"[:15])
    ]


def test_a_killed_keeper_takes_the_sandbox_along(before: differ.Host) -> None:
    """Its owner lives on, and tidies what the keeper cannot any more."""
    from grader.engine.auto import open_engine

    others = set(keepers())
    engine = open_engine("sandbox")
    [keeper] = set(keepers()) - others
    os.kill(keeper, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while engine.alive():
        assert time.monotonic() < deadline, "the owner did not notice"
        time.sleep(0.05)
    engine.close()
    assert differ.left_since(before) == []


def test_owner_and_keeper_killed_at_once(before: differ.Host) -> None:
    """Nobody is left to remove a folder: all else goes, and the folder with the next engine's start."""
    from grader.engine.auto import open_engine

    others = set(keepers())
    with owners_of(1, "wait") as owners:
        all_ready(owners)
        [keeper] = set(keepers()) - others
        os.kill(keeper, signal.SIGKILL)
        end(owners, signal.SIGKILL)
        left = differ.left_since(before, wait_s=10)
        assert [entry for entry in left if not entry.startswith("files:")] == []
        open_engine("sandbox").close()
        assert differ.left_since(before) == []


def test_the_kernels_of_a_killed_sandbox_are_gone_too(before: differ.Host) -> None:
    from grader.engine.auto import open_engine

    with open_engine("sandbox") as engine:
        kernel = engine.start_kernel()
        assert any("ipykernel" in entry for entry in differ.look().since(before))
        assert kernel.alive()
    assert differ.left_since(before) == []
