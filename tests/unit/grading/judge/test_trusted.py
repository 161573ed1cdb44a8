"""A test cell on the trusted side: only a finished, passed check is a pass."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound

from grader.course import Task
from grader.errors import Blocked, EngineDied, EngineError
from grader.expect.answer_data import Answer
from grader.expect.finding import Outcome
from grader.expect.probes import HttpReply
from grader.grading.judge.trusted import TrustedInspector, judge
from grader.state import Snapshot


class FakeInspector(TrustedInspector):
    """No engine: an empty one, and answers."""

    def __init__(self, answers=None, error=None):
        self._answers = answers or {}
        self.error = error

    def snapshot(self):
        if self.error:
            raise self.error
        return Snapshot()


def outcome(source, earlier=None, **facts):
    task = Task("sum", 2, "test-sum", source, "sum")
    return judge(task, FakeInspector(**facts), earlier or {})


ASKS = 'with check("sum", after="greeter") as engine:\n    engine.answer("total").equals(42)'


def test_an_answer_passes_or_fails():
    assert outcome(ASKS, answers={"total": Answer("given", 42)}).status == "passed"
    failed = outcome(ASKS, answers={"total": Answer("given", 41)})
    assert failed.status == "failed"
    assert "42" not in str(failed.findings)
    assert outcome(ASKS).status == "failed"


def test_a_task_for_a_private_engine_is_graded_like_any_other():
    """A grading engine is always private, whatever the environment says."""
    asks = ASKS.replace('after="greeter"', "private=True")
    assert "private=True" in asks
    assert outcome(asks, answers={"total": Answer("given", 42)}).status == "passed"
    assert outcome(asks, answers={"total": Answer("given", 41)}).status == "failed"


def test_a_task_after_one_that_failed_is_not_reached():
    earlier = {"greeter": Outcome.failed()}
    assert outcome(ASKS, earlier, answers={"total": Answer("given", 42)}).status == "not_reached"
    assert (
        outcome(ASKS, {"greeter": Outcome.passed()}, answers={"total": Answer("given", 42)}).status
        == "passed"
    )


@pytest.mark.parametrize(
    "source",
    [
        ASKS + "\nraise ValueError('after the pass')",
        ASKS + "\nassert False",
        "with check('sum') as engine:\n    1 / 0",
        "undefined",
        "import no_such_module",
    ],
)
def test_a_test_cell_that_breaks_blocks(source):
    assert outcome(source, answers={"total": Answer("given", 42)}).status == "blocked"


def test_a_test_cell_that_says_nothing_is_failed():
    found = outcome("check")
    assert (found.status, found.reason) == ("failed", "the test cell gave no outcome")
    assert outcome("check", {"sum": Outcome.passed()}).status == "failed"


def test_what_could_not_be_looked_at_blocks():
    found = outcome("with check('sum') as engine:\n    engine.container('x')", error=Blocked("too slow"))
    assert found.status == "blocked"
    assert "too slow" in found.reason


def test_the_cells_namespace_holds_check_alone():
    source = f"assert set(globals()) == {{'check', '__builtins__', '__name__'}}, set(globals())\n{ASKS}"
    assert outcome(source, answers={"total": Answer("given", 42)}).status == "passed"


def test_a_check_that_asks_nothing_is_no_pass():
    assert outcome("with check('sum') as engine:\n    pass").status != "passed"


class ProbingEngine:
    """Gives what it is told to; remembers where it was asked."""

    def __init__(self, output):
        self.output, self.asked = output, []

    def probe(self, container_id, argv, timeout_s):
        assert argv[:3] == ["python3", "-I", "-S"]
        self.asked.append(container_id)
        if isinstance(self.output, Exception):
            raise self.output
        return 0, self.output


def probing(output, box=None):
    engine: Any = ProbingEngine(output)
    client: Any = None
    inspector: Any = TrustedInspector(engine, client, {})
    inspector.container = lambda container_id: box
    return engine, inspector


@pytest.mark.parametrize(
    ("output", "reply"),
    [
        (b'{"status": 200, "body": "hi"}\n', HttpReply(200, "hi")),
        (b'{"status": 0, "error": "refused"}', HttpReply(0, error="refused")),
        (b"nonsense\x1b[31m", HttpReply(0, error="nonsense\\x1b[31m")),
        (b"", HttpReply(0, error="exit code 0")),
        (b"[1]", HttpReply(0, error="[1]")),
    ],
)
def test_probes_are_read_as_data_from_where_they_belong(output, reply):
    engine, inspector = probing(output)
    assert inspector.probe_http("abc", 80, "/") == reply
    assert inspector.host_http("", 5000, "/") == reply
    assert engine.asked == ["abc", ""]


@pytest.mark.parametrize("error", [EngineError("does not run"), NotFound("no such container")])
def test_a_container_that_does_not_run_is_no_fault_of_ours(error):
    for box in (None, SimpleNamespace(running=False)):
        _, inspector = probing(error, box)
        assert inspector.probe_http("abc", 80, "/").error == "the container does not run"


def test_a_probe_that_fails_beside_a_running_container_blocks():
    _, inspector = probing(EngineError("no answer"), SimpleNamespace(running=True))
    with pytest.raises(Blocked, match="no answer"):
        inspector.probe_http("abc", 80, "/")


def test_an_engine_that_dies_while_it_probes_is_told_on():
    _, inspector = probing(EngineDied("gone"))
    with pytest.raises(EngineDied):
        inspector.probe_http("abc", 80, "/")
