"""Nothing of a sandbox outlives its owner: not after exit, crash or ``kill -9``, all by itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine import differ
from tests.engine.owners import all_ready, end, owners_of
from tests.engine.users import User

EIGHT = 8


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
