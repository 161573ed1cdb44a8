"""One watcher of an engine: what it tells, how often at most, and what it does when the engine goes away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import DockerClient

from grader.lab.server import shown
from grader.lab.server.watch import Pace, State, Watch
from tests.unit.lab.server.made_up_dockerd import Dockerd, event
from tests.unit.notebook.made_up_engine import LIMIT_S

QUICK = Pace(tell_s=0.02, share=0.9, wait_s=0.02, longest_wait_s=0.05, tries=5, idle_s=0.1)


class Told:
    """What a look-out told."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def __call__(self, _watch: Watch, state: State) -> None:
        self.states.append(state)

    def until(self, true: Callable[[State], bool], what: str) -> State:
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            for state in self.states:
                if true(state):
                    return state
            time.sleep(0.01)
        pytest.fail(f"it never told {what}: {self.states[-1:]}")


@pytest.fixture
def watching(dockerd: Dockerd) -> Iterator[Callable[..., Told]]:
    started: list[Watch] = []

    def watch(pace: Pace = QUICK, taken: Callable[[], Any] = tuple) -> Told:
        told = Told()
        base = f"unix://{dockerd.path}"
        started.append(Watch(lambda: DockerClient(base_url=base, timeout=5), told, pace=pace, taken=taken))
        started[-1].start()
        return told

    yield watch
    for one in started:
        one.stop()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("dockbook-watch")]
    assert left == [], "both threads end"


def runs(state: State) -> bool:
    return bool(state["status"] == "running")


def newest(state: State) -> str:
    return f"{state['events'][0]['who']}: {state['events'][0]['what']}" if state["events"] else ""


def test_it_tells_what_the_engine_holds_and_what_happened(dockerd, watching):
    dockerd.containers = [
        {"Id": "a" * 64, "Names": ["/shop/database", "/web"], "Image": "webapp", "State": "exited"}
        | {"Status": "Exited (137) 2 seconds ago"}
    ]
    told = watching()
    first = told.until(runs, "that it runs")
    assert first["version"] == "26.1.5"
    (row,) = first["containers"]["rows"]
    assert (row["name"], row["state"], row["kind"]) == ("web", "exited (137)", "red")
    assert row["meaning"].startswith("killed: SIGKILL")
    assert first["images"]["rows"][0]["size"] == "4.2 MB"
    dockerd.happen(event("die", exitCode="137"))
    assert told.until(newest, "the event")["events"] == [
        {"at": 10**9, "who": "web", "what": "die, exit code 137", "kind": "red", "times": 1}
    ]


def test_a_thousand_events_are_few_tellings_and_a_short_list(dockerd, watching):
    told = watching(Pace(tell_s=0.2, events_per_s=100_000, idle_s=0.1))
    told.until(runs, "that it runs")
    before, begun = len(told.states), time.monotonic()
    for number in range(1000):
        dockerd.happen(event("start", name=f"box{number}"))
    told.until(lambda state: newest(state) == "box999: start", "the last one")
    most = (time.monotonic() - begun) / 0.2 + 2
    assert len(told.states) - before <= most
    assert len(told.states[-1]["events"]) == shown.MOST_EVENTS
    asked = dockerd.asked("/containers/json")
    assert asked <= most + before + 1, "nor is the engine asked more often than is told"


def test_reading_has_a_bounded_rate_too(dockerd, watching):
    told = watching(Pace(tell_s=0.02, share=0.9, events_per_s=50, idle_s=0.1))
    told.until(runs, "that it runs")
    begun = time.monotonic()
    dockerd.happen(*(event("start", name=f"box{number}") for number in range(151)))
    told.until(lambda state: newest(state) == "box150: start", "the last one")
    assert time.monotonic() - begun >= 2.5, "151 events at 50 a second"


def test_the_same_thing_again_and_again_is_one_line(dockerd, watching):
    told = watching()
    dockerd.happen(*(event("restart") for _ in range(30)))
    state = told.until(lambda state: bool(state["events"]) and state["events"][0]["times"] == 30, "30 times")
    assert len(state["events"]) == 1


def test_nothing_is_told_while_nothing_changes(dockerd, watching):
    told = watching()
    told.until(runs, "that it runs")
    asked = dockerd.asked("/containers/json")
    deadline = time.monotonic() + LIMIT_S
    while dockerd.asked("/containers/json") < asked + 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert dockerd.asked("/containers/json") >= asked + 4, "it looks, without an event"
    assert len([state for state in told.states if runs(state)]) == 1


def test_an_engine_that_is_reset_is_found_again_and_nothing_is_told_twice(dockerd, watching):
    told = watching(QUICK)
    dockerd.happen(event("create"), event("start"))
    told.until(lambda state: newest(state) == "web: start", "the start")
    old = json.dumps({"timeNano": 10**18 + 1, "time": 10**9, **event("start")}).encode()
    dockerd.die()
    lost = told.until(lambda state: state["status"] == "waiting", "that it is away")
    assert "containers" not in lost and "Trying again" in lost["words"]
    dockerd.deaf = False
    # As Docker does for `since`: the stream begins with what was told already.
    assert dockerd.opened.wait(LIMIT_S)
    dockerd.streams[-1].sendall(b"%x\r\n%s\r\n" % (len(old), old))
    dockerd.happen(event("destroy"))
    state = told.until(lambda state: newest(state) == "web: destroy", "that it is back")
    assert runs(state)
    assert [one["what"] for one in state["events"]] == ["destroy", "start", "create"]


def test_an_engine_that_stays_away_is_given_up(dockerd, watching):
    told = watching()
    told.until(runs, "that it runs")
    dockerd.die()
    gone = told.until(lambda state: state["status"] == "gone", "that it is gone")
    assert "Save your notebooks" in gone["words"]
    asked = len(dockerd.heads)
    time.sleep(0.5)
    assert len(dockerd.heads) == asked, "nobody asks any more"


def test_an_engine_that_does_not_answer_a_question_is_not_waited_for_without_end(dockerd, watching):
    told = watching()
    told.until(runs, "that it runs")
    dockerd.deaf = True  # its events stay open
    told.until(lambda state: state["status"] == "waiting", "that it does not answer")
    dockerd.deaf = False
    told.states.clear()
    told.until(runs, "that it answers again")


def test_one_that_was_never_there_is_gone_soon(tmp_path):
    told = Told()
    base = f"unix://{tmp_path}/nothing.sock"
    watch = Watch(lambda: DockerClient(base_url=base, timeout=5), told, pace=QUICK)
    watch.start()
    try:
        told.until(lambda state: state["status"] == "gone", "that it is gone")
        assert not any(runs(state) for state in told.states)
    finally:
        watch.stop()


def test_a_port_that_something_else_has_is_no_link(dockerd, watching):
    port = {"IP": "0.0.0.0", "PublicPort": 8080, "PrivatePort": 80, "Type": "tcp"}
    dockerd.containers = [{"Id": "a", "Names": ["/web"], "State": "running", "Ports": [port]}]
    taken: list[str] = []
    told = watching(taken=lambda: taken)
    first = told.until(runs, "that it runs")["containers"]["rows"][0]["ports"][0]
    assert (first["url"], first["taken"]) == ("http://127.0.0.1:8080/", False)
    taken.append("8080/tcp")
    state = told.until(lambda state: '"taken": true' in json.dumps(state), "that it is taken")
    assert state["containers"]["rows"][0]["ports"][0]["url"] == ""
