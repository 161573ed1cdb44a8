"""The ``with check(...)`` block, asked against a inspector made up here."""

from __future__ import annotations

from typing import Any

import pytest

from grader.errors import Blocked, CourseError, ObjectFault
from grader.expect import Checker, CheckFailed, CouldNotCheck, HttpReply, LiveInspector, Outcome
from grader.expect.engine import EngineSubject
from grader.state import Container, Snapshot
from tests.unit.inspectors import FakeInspector, ask, container, only_finding

# The block


@pytest.mark.parametrize("boxes", [(container(),), ()], ids=["done", "not done"])
def test_a_task_for_a_private_engine_is_not_reached_on_another(boxes: tuple[Container, ...]) -> None:
    """Neither a pass nor a fault of the student's, whatever is there; and nothing is looked at."""
    inspector = FakeInspector(*boxes)
    inspector.private = False
    found = ask(inspector, lambda e: e.container("web").is_running(), private=True)
    assert found == Outcome.not_reached("needs the course's private engine: `dockbook lab --backend sandbox`")
    assert inspector.snapshots == 0
    assert ask(inspector, lambda e: None, private=True).status == "not_reached"
    # The task before it may have failed as well: what helps is another engine.
    checker = Checker(inspector)
    checker.outcomes["before"] = Outcome.failed()
    with (
        pytest.raises(CheckFailed, match="private engine"),
        checker.check("web", "before", private=True) as e,
    ):
        e.container("web")
    # A task that builds on it waits for it, as for any other.
    with pytest.raises(CheckFailed, match="needs 'web' first"), checker.check("later", after="web") as e:
        e.container("web")


def test_on_a_private_engine_it_is_a_task_like_any_other() -> None:
    for inspector, status in ((FakeInspector(container()), "passed"), (FakeInspector(), "failed")):
        assert ask(inspector, lambda e: e.container("web").is_running(), private=True).status == status


def test_without_the_mark_the_kind_of_engine_does_not_matter() -> None:
    inspector = FakeInspector(container())
    inspector.private = False
    assert ask(inspector, lambda e: e.container("web").is_running()) == Outcome.passed()


@pytest.mark.parametrize(
    ("environment", "held", "private"),
    [
        ({"DOCKER_HOST": "unix:///x", "DOCKBOOK_CONTROL": "/x/control.sock"}, False, True),
        ({"DOCKER_HOST": "unix:///x"}, True, True),
        ({"DOCKER_HOST": "unix:///x"}, False, False),
        ({"DOCKER_HOST": "unix:///x", "DOCKBOOK_CONTROL": ""}, False, False),
    ],
)
def test_an_engine_is_private_where_its_configuration_can_be_changed(
    environment: dict[str, str], held: bool, private: bool
) -> None:
    assert LiveInspector({}, environment=environment, held=held).private is private


def test_a_pass_is_told_and_does_not_raise() -> None:
    told: list[tuple[str, Outcome]] = []
    checker = Checker(FakeInspector(container()), tell=lambda task, outcome: told.append((task, outcome)))
    with checker.check("web") as engine:
        engine.container("web").is_running().uses_image("busybox")
    assert told == [("web", Outcome.passed())]
    assert checker.outcomes == {"web": Outcome.passed()}


def test_verbs_go_on_after_a_finding() -> None:
    outcome = ask(
        FakeInspector(container()), lambda e: e.container("web").has_tty().keeps_stdin_open().is_stopped()
    )
    assert [finding.property for finding in outcome.findings] == ["terminal", "standard input", "state"]


def test_what_is_not_there_ends_the_block() -> None:
    ran = []

    def question(engine: EngineSubject) -> None:
        engine.container("wbe").is_running()
        ran.append("more")

    words = only_finding(FakeInspector(container()), question)
    assert ran == []
    assert "there are 'web'" in words
    assert "The closest is 'web'" in words


def test_one_read_for_a_block_and_a_new_one_for_the_next() -> None:
    inspector = FakeInspector(container())
    checker = Checker(inspector)
    for expected in (1, 2):
        with checker.check("web") as engine:
            engine.container("web").is_running()
            engine.image("busybox")
        assert inspector.snapshots == expected


def test_a_task_after_one_that_failed_is_not_reached_and_its_block_does_not_run() -> None:
    checker = Checker(FakeInspector(container()))
    with pytest.raises(CheckFailed), checker.check("first") as engine:
        engine.container("none")
    ran = []
    block = checker.check("second", after="first")
    with pytest.raises(CheckFailed, match="not reached: needs 'first' first") as caught, block as engine:
        ran.append(engine.container("web"))
    assert ran == []
    assert caught.value.outcome == Outcome.not_reached("needs 'first' first")
    with (
        pytest.raises(CheckFailed, match="needs 'second' first"),
        checker.check("third", after=["second"]) as engine,
    ):
        engine.answer("x")
    assert checker.outcomes["third"].status == "not_reached"


def test_a_task_after_one_that_passed_or_is_unknown_is_checked() -> None:
    checker = Checker(FakeInspector(container()))
    with checker.check("first") as engine:
        engine.container("web")
    with checker.check("second", after=("first", "unknown")) as engine:
        engine.container("web")
    assert checker.outcomes["second"] == Outcome.passed()


def test_a_second_try_in_a_notebook_counts_and_twice_in_grading_is_a_fault() -> None:
    inspector = FakeInspector(container())
    checker = Checker(inspector)
    with pytest.raises(CheckFailed), checker.check("web") as engine:
        engine.container("none")
    with checker.check("web") as engine:
        engine.container("web")
    assert checker.outcomes["web"] == Outcome.passed()
    once = Checker(inspector, once=True)
    with once.check("web") as engine:
        engine.container("web")
    with pytest.raises(CourseError, match="Two checks are called 'web'"), once.check("web"):
        pass


def test_checks_that_cannot_be_meant() -> None:
    checker = Checker(FakeInspector())
    name: Any
    for name in ("", " ", None, 3):
        with pytest.raises(CourseError, match="needs a task's name"):
            checker.check(name)
    with pytest.raises(CourseError, match="after itself"):
        checker.check("web", after="web")
    with checker.check("outer") as engine:
        engine.info("KernelVersion")
        with pytest.raises(CourseError, match="inside the check 'outer'"), checker.check("inner"):
            pass
    assert "inner" not in checker.outcomes


def test_no_engine_is_blocked_in_words() -> None:
    class Dead(FakeInspector):
        def snapshot(self) -> Snapshot:
            raise Blocked("No engine answers at X.", next_step="run `dockbook doctor`.")

    checker = Checker(Dead())
    with pytest.raises(CouldNotCheck) as caught, checker.check("web") as engine:
        engine.container("web")
    assert caught.value._render_traceback_() == ["No engine answers at X.", "Next: run `dockbook doctor`."]
    assert checker.outcomes["web"] == Outcome.blocked("No engine answers at X. Next: run `dockbook doctor`.")
    assert not isinstance(caught.value, AssertionError)


def test_what_the_engine_says_of_the_students_object_is_a_finding() -> None:
    class Looped(FakeInspector):
        def snapshot(self) -> Snapshot:
            raise ObjectFault("container web", "too many levels of symbolic links")

    told = only_finding(Looped(), lambda e: e.container("web").is_running())
    assert "container web: state: expected one that can be inspected" in told
    assert "too many levels of symbolic links" in told


def test_a_mistake_in_the_check_is_blocked_and_shows_itself() -> None:
    checker = Checker(FakeInspector(container()))
    with pytest.raises(AttributeError), checker.check("web") as engine:
        engine.container("web").is_jogging()  # type: ignore[attr-defined]
    assert checker.outcomes["web"].status == "blocked"
    with pytest.raises(KeyboardInterrupt), checker.check("other"):
        raise KeyboardInterrupt
    assert "other" not in checker.outcomes


def test_a_check_that_asks_nothing_is_no_pass() -> None:
    checker = Checker(FakeInspector(container()))
    with pytest.raises(CouldNotCheck, match="checks nothing"), checker.check("web"):
        pass
    assert checker.outcomes["web"].status == "blocked"


def test_a_flood_of_containers_is_a_finding() -> None:
    inspector = FakeInspector(container())
    inspector.unread = 3
    assert "3 containers too many" in only_finding(inspector, lambda e: e.container("web"))


# Time


def test_what_just_ended_is_seen_to_end() -> None:
    inspector = FakeInspector(container())
    inspector.later = [container(), container(status="exited"), container(status="exited")]
    assert ask(inspector, lambda e: e.container("web").exited()) == Outcome.passed()


def test_one_change_is_an_end_and_two_are_unsettled() -> None:
    inspector = FakeInspector(container())
    ended = container(status="exited")
    inspector.later = [ended, ended]
    assert ask(inspector, lambda e: e.container("web").is_running()) == Outcome.passed()
    inspector.later = [ended, container(state={"StartedAt": "2026-01-01T00:00:09Z"})]
    words = only_finding(inspector, lambda e: e.container("web").is_running())
    assert "state during the check" in words
    assert "it was exited, then running" in words
    inspector.later = [None]
    assert "then it was removed" in only_finding(inspector, lambda e: e.container("web").is_running())


def test_a_growing_log_is_seen_to_grow() -> None:
    inspector = FakeInspector(container())
    inspector.marks = ["1", "1", "2"]
    assert ask(inspector, lambda e: e.container("web").prints_again(1)) == Outcome.passed()
    assert "nothing new in 0.1 s" in only_finding(inspector, lambda e: e.container("web").prints_again(0.1))


def test_who_ends_while_the_log_is_watched_has_ended() -> None:
    ended = container(status="exited")
    inspector = FakeInspector(container())
    inspector.marks, inspector.later = ["1"], [ended, ended]
    words = only_finding(inspector, lambda e: e.container("web").is_running().prints_again(0.1))
    assert "state: expected running, found exited" in words


def test_a_server_that_just_starts_is_waited_for() -> None:
    inspector = FakeInspector(container())
    inspector.replies = [HttpReply(0, error="refused"), HttpReply(200, "Hello world!")]
    assert (
        ask(inspector, lambda e: e.container("web").answers_http(5000, containing="Hello"))
        == Outcome.passed()
    )
    inspector.replies = [HttpReply(404, "")]
    assert "found HTTP 404" in only_finding(inspector, lambda e: e.container("web").answers_http(5000))
    inspector.replies = [HttpReply(200, "Other")]
    assert "'Other'" in only_finding(
        inspector, lambda e: e.container("web").answers_http(5000, containing="Hello")
    )
    inspector.replies = [HttpReply(0, error="refused")]
    words = only_finding(inspector, lambda e: e.container("web").answers_http(5000, within_s=0.1))
    assert "no answer (refused)" in words


def test_a_finding_is_told_once() -> None:
    inspector = FakeInspector(container(status="exited"))
    outcome = ask(inspector, lambda e: (e.container("web").is_running(), e.container("web").is_running()))
    assert len(outcome.findings) == 1
