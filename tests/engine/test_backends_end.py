"""Nothing of an engine outlives its owner, whatever its backend and however the owner ends."""

from __future__ import annotations

import os
import signal
import time

import pytest

from grader.engine.choose import open_engine
from tests.engine import differ
from tests.engine.backends import Machine
from tests.engine.owners import all_ready, end, owners_of
from tests.engine.typed import eventually

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def ready_s(place: Machine) -> float:
    """What a start takes here."""
    with open_engine(place.backend) as engine:
        return engine.ready_s


def test_closed_it_leaves_nothing(place: Machine, before: differ.Host) -> None:
    held = place.holds()
    opened = open_engine(place.backend)
    assert opened.client().containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
    opened.client().containers.run("httpd", detach=True, restart_policy={"Name": "always"})
    opened.close()
    opened.close()
    assert not opened.alive()
    assert differ.left_since(before, wait_s=20 * place.patience) == []
    assert place.holds() == held


def test_its_killed_owner_leaves_nothing(place: Machine, before: differ.Host) -> None:
    held = place.holds()
    with owners_of(1, "wait", backend=place.backend) as owners:
        all_ready(owners)
        assert end(owners, signal.SIGKILL) == [-signal.SIGKILL]
        assert differ.left_since(before, wait_s=20 * place.patience) == []
        assert eventually(lambda: place.holds() == held, 20 * place.patience)


@pytest.mark.parametrize(
    "share",
    [pytest.param(0.05, marks=pytest.mark.slow), 0.3, pytest.param(0.6, marks=pytest.mark.slow), 0.9, 1.2],
)
def test_its_owner_killed_while_booting(
    place: Machine, ready_s: float, before: differ.Host, share: float
) -> None:
    """At moments that are shares of what a start took before."""
    held = place.holds()
    others = len(differ.descendants())
    with owners_of(1, "wait", backend=place.backend) as owners:
        # The interpreter alone takes a while: the moments count from the first process below the owner.
        assert eventually(lambda: len(differ.descendants()) > others + 1, 60)
        time.sleep(share * ready_s)
        end(owners, signal.SIGKILL)
        assert differ.left_since(before, wait_s=20 * place.patience) == []
        assert eventually(lambda: place.holds() == held, 20 * place.patience)


def test_a_killed_keeper_takes_it_along(place: Machine, before: differ.Host) -> None:
    """Its owner lives on, and tidies what the keeper cannot any more."""
    held, others = place.holds(), differ.keepers()
    opened = open_engine(place.backend)
    [keeper] = differ.keepers() - others
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: not opened.alive()), "the owner did not notice"
    opened.close()
    assert differ.left_since(before, wait_s=20 * place.patience) == []
    assert eventually(lambda: place.holds() == held, 20 * place.patience)


def test_owner_and_keeper_killed_at_once(place: Machine, before: differ.Host) -> None:
    """Nobody is left to remove a folder: all else goes, and the folder with the next engine's start."""
    held, others = place.holds(), differ.keepers()
    with owners_of(1, "wait", backend=place.backend) as owners:
        all_ready(owners)
        [keeper] = differ.keepers() - others
        os.kill(keeper, signal.SIGKILL)
        end(owners, signal.SIGKILL)
        assert differ.left_since(before, wait_s=10 * place.patience, but_files=True) == []
        assert eventually(lambda: place.holds() == held, 20 * place.patience)
        open_engine(place.backend).close()
        assert differ.left_since(before, wait_s=20 * place.patience) == []
