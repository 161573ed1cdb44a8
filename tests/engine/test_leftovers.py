"""Nothing of a sandbox outlives its owner, many at once and as another user; more in ``test_backends.py``."""

from __future__ import annotations

import signal

import pytest
from _pytest.mark import ParameterSet

from tests.engine import differ
from tests.engine.owners import all_ready, end, owners_of
from tests.users import User, as_a_shell

EIGHT = 8


def slow(who: str) -> ParameterSet:
    """Each run tries one end as the caller and the other one as an ordinary user."""
    return pytest.param(who, marks=pytest.mark.slow)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("someone", ["caller", slow("ordinary user")], indirect=True)
def test_eight_at_once_all_work_and_leave_nothing(before: differ.Host, someone: User | None) -> None:
    with owners_of(EIGHT, "close", someone) as owners:
        all_ready(owners)
        assert end(owners) == [0] * EIGHT
        assert differ.left_since(before) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("someone", [slow("caller"), "ordinary user"], indirect=True)
def test_eight_whose_owners_are_killed_leave_nothing(before: differ.Host, someone: User | None) -> None:
    with owners_of(EIGHT, "wait", someone) as owners:
        all_ready(owners)
        during = differ.look().since(before)
        assert sum("dockerd" in entry for entry in during) >= EIGHT
        killed = [as_a_shell(code) for code in end(owners, signal.SIGKILL)]
        assert killed == [128 + signal.SIGKILL] * EIGHT
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


def test_the_kernels_of_a_killed_sandbox_are_gone_too(before: differ.Host) -> None:
    from grader.engine.choose import open_engine

    with open_engine("sandbox") as engine:
        kernel = engine.start_kernel()
        assert any("ipykernel" in entry for entry in differ.look().since(before))
        assert kernel.alive()
    assert differ.left_since(before) == []
