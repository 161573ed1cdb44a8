"""The inspector in a notebook: which machine it asks from, and how long it waits."""

from __future__ import annotations

import pytest

from grader.expect import LiveInspector


def test_the_live_inspector_asks_from_this_machine(web: int) -> None:
    inspector = LiveInspector({}, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert inspector.host_http("0.0.0.0", web, "/").status == 200
    remote = LiveInspector({}, environment={"DOCKER_HOST": "tcp://engine.example:2376"})
    assert remote.host_address("127.0.0.1") == "engine.example"


@pytest.mark.parametrize(
    ("said", "seconds"), [({}, 5), ({"DOCKBOOK_LOOK_S": "30"}, 30), ({"DOCKBOOK_LOOK_S": "x"}, 5)]
)
def test_a_slow_engine_is_looked_at_with_patience(said: dict[str, str], seconds: float) -> None:
    """The environment of a virtual machine's engine says so; `docker` has no such limit."""
    assert LiveInspector({}, environment=said)._deadline_s == seconds
