"""What the owner makes of a keeper's words when an engine has ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from grader.engine import control
from grader.engine.control import Control
from grader.engine.system import keeper_requests
from grader.engine.system.programs import last_words
from grader.errors import EngineDied, EngineError

KEEPER = """
import json, socket, sys
line = socket.socket(fileno=int(sys.argv[1])).makefile("rw")
script = json.loads(line.readline())["script"]
for request in line:
    for word in script[json.loads(request)["id"] - 1]:
        line.write(json.dumps(word) + chr(10))
    line.flush()
"""
ENDED = {"event": "ended", "tail": "QEMU was ended by signal 9"}


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Control]]:
    """Controls made in the test, closed after it; their keepers say what a script has for each request."""
    monkeypatch.setattr(
        control, "bare_python", lambda _module, _call, argument: [sys.executable, "-c", KEEPER, argument]
    )
    made: list[Control] = []
    yield made
    for one in made:
        one.close()


def test_a_request_that_met_the_end_is_the_engines_death(keeper: list[Control]) -> None:
    keeper.append(Control().start({"script": [[ENDED, {"id": 1, "error": "the machine has ended"}]]}))
    with pytest.raises(EngineDied, match="signal 9"):
        keeper[0].ask(keeper_requests.limits, 10)
    assert not keeper[0].alive()


def test_an_old_requests_answer_does_not_end_the_next_machine(keeper: list[Control]) -> None:
    """Asked while the machine died; heard when the next one was being started."""
    keeper.append(
        Control().start(
            {"script": [[ENDED], [{"id": 1, "error": "the machine has ended"}, {"id": 2, "value": True}]]}
        )
    )
    with pytest.raises(EngineDied):
        keeper[0].ask(keeper_requests.limits, 10)
    keeper[0].ended = None
    assert keeper[0].ask(keeper_requests.kernel_alive, 10, kernel=1) is True
    assert keeper[0].alive()


def test_an_error_of_a_living_engine_is_no_death(keeper: list[Control]) -> None:
    keeper.append(Control().start({"script": [[{"id": 1, "error": "no such option"}]]}))
    with pytest.raises(EngineError, match="could not configure: no such option"):
        keeper[0].ask(keeper_requests.configure, 10, options={})
    assert keeper[0].alive()


def test_an_answer_of_another_kind_goes_no_further(keeper: list[Control]) -> None:
    keeper.append(Control().start({"script": [[{"id": 1, "value": [1]}]]}))
    with pytest.raises(EngineError, match=r"limits gives list\[str\], not \[1\]"):
        keeper[0].ask(keeper_requests.limits, 10)
    assert keeper[0].alive()


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("one\ntwo\n\n", "two"),
        ("\n", "its log is empty"),
        ('sandbox: RuntimeError: no\ntime="12:00" level=info msg="loading"\n', "sandbox: RuntimeError: no"),
        (
            "vm: OSError: of the last machine\n" + "other\n" * 20 + "QEMU was ended by signal 9",
            "QEMU was ended by signal 9",
        ),
    ],
)
def test_the_last_words_are_those_of_the_engines_first_process(log: str, words: str) -> None:
    assert last_words(log) == words
