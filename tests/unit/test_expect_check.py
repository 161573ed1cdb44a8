"""The ``with check(...)`` block, asked against a witness made up here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from grader.errors import Blocked, CourseError
from grader.expect import (
    Checker,
    CheckFailed,
    CouldNotLook,
    HttpReply,
    LiveWitness,
    Mine,
    Outcome,
    Reached,
    Resolved,
    Said,
    UdpReply,
    say,
)
from grader.expect.engine import EngineSubject
from grader.state import Container, FileThere, Image, ImageConfig, Log, Network, Snapshot


def container(name: str = "web", status: str = "running", **parts: Any) -> Container:
    state = {"Status": status, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **parts.pop("state", {})}
    data = {
        "Id": f"{name.encode().hex():f<64}",
        "Name": f"/{name}",
        "Path": "echo",
        "Args": ["hi"],
        "Image": "sha256:b0b",
        "State": state,
        "Config": {"Image": "busybox", **parts.pop("config", {})},
        **parts,
    }
    return Container.from_inspect(data)


BUSYBOX = Image.from_list({"Id": "sha256:b0b", "RepoTags": ["busybox:latest"]})


class FakeWitness:
    """Says what it is told to; counts how often it was asked for everything."""

    def __init__(
        self, *boxes: Container, log: Log | None = None, variables: Mapping[str, object] | None = None
    ) -> None:
        self.boxes = boxes
        self.log = log or Log()
        self.variables = variables or {}
        self.later: list[Container | None] = []
        self.marks = ["same"]
        self.first: datetime | None = None
        self.files: dict[str, FileThere] = {}
        self.snapshots = 0
        self.unread = 0
        self.replies = [HttpReply(200, "Hello world!")]
        self.datagram = UdpReply(answered=True, body="ping")
        self.names: dict[str, Resolved] = {}
        self.reached = Reached(open=True)
        self.asked: list[tuple[object, ...]] = []
        self.originals: dict[str, str] = {}
        self.student = ""
        self.private = True

    def snapshot(self) -> Snapshot:
        self.snapshots += 1
        networks = (Network.from_list({"Name": "bridge"}), Network.from_list({"Name": "back"}))
        return Snapshot(self.boxes, (BUSYBOX,), networks, unread=self.unread, originals=self.originals)

    def container(self, container_id: str) -> Container | None:
        if self.later:
            return self.later.pop(0) if len(self.later) > 1 else self.later[0]
        return next((box for box in self.boxes if box.id == container_id), None)

    def image(self, image_id: str) -> ImageConfig | None:
        return ImageConfig.from_inspect({"Id": image_id})

    def history(self, image_id: str) -> tuple[str, ...]:
        return ("RUN make",)

    def logs(self, container_id: str) -> Log:
        return self.log

    def last_output(self, container_id: str) -> str:
        return self.marks.pop(0) if len(self.marks) > 1 else self.marks[0]

    def first_output(self, container_id: str) -> datetime | None:
        return self.first

    def file(self, container_id: str, path: str) -> FileThere | None:
        return self.files.get(path)

    def image_file(self, image_id: str, path: str) -> FileThere | None:
        return self.files.get(path)

    def info(self) -> Mapping[str, Any]:
        return {"KernelVersion": "6.1", "RegistryConfig": {"Mirrors": ["http://hub/"]}}

    def probe_http(
        self, container_id: str, port: int, path: str, hosts: Sequence[str] = ("127.0.0.1",)
    ) -> HttpReply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def host_http(self, host_ip: str, host_port: int, path: str) -> HttpReply:
        return self.probe_http("", host_port, path)

    def probe_udp(
        self,
        container_id: str,
        port: int,
        send: str,
        within_s: float,
        hosts: Sequence[str] = ("127.0.0.1",),
    ) -> UdpReply:
        self.asked.append((port, *hosts))
        return self.datagram

    def host_udp(self, host_ip: str, host_port: int, send: str, within_s: float) -> UdpReply:
        self.asked.append((host_port, host_ip))
        return self.datagram

    def resolve(self, container_id: str, name: str) -> Resolved:
        return self.names.get(name, Resolved(error="the name is not known"))

    def probe_tcp(self, container_id: str, host: str, port: int, within_s: float) -> Reached:
        self.asked.append((port, host))
        return self.reached

    def answer(self, name: str) -> Said:
        return say(name, self.variables)


Question = Callable[[EngineSubject], object]


def ask(witness: FakeWitness, question: Question, **options: Any) -> Outcome:
    checker = Checker(witness, patience_s=0.05)
    raised: list[CheckFailed] = []
    try:
        with checker.check("task", **options) as engine:
            question(engine)
    except CheckFailed as failed:
        raised.append(failed)
    outcome = checker.outcomes["task"]
    assert [(failed.task, failed.outcome) for failed in raised] == [("task", outcome)] * (
        outcome.status != "passed"
    )
    return outcome


def only_finding(witness: FakeWitness, question: Question) -> str:
    outcome = ask(witness, question)
    assert outcome.status == "failed"
    assert len(outcome.findings) == 1, outcome.findings
    return str(outcome.findings[0])


# The block


@pytest.mark.parametrize("boxes", [(container(),), ()], ids=["done", "not done"])
def test_a_task_for_a_private_engine_is_not_reached_on_another(boxes: tuple[Container, ...]) -> None:
    """Neither a pass nor a fault of the student's, whatever is there; and nothing is looked at."""
    witness = FakeWitness(*boxes)
    witness.private = False
    found = ask(witness, lambda e: e.container("web").is_running(), private=True)
    assert found == Outcome.not_reached("needs the course's private engine: `dockbook lab --boot sandbox`")
    assert witness.snapshots == 0
    assert ask(witness, lambda e: None, private=True).status == "not_reached"
    # The task before it may have failed as well: what helps is another engine.
    checker = Checker(witness)
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
    for witness, status in ((FakeWitness(container()), "passed"), (FakeWitness(), "failed")):
        assert ask(witness, lambda e: e.container("web").is_running(), private=True).status == status


def test_without_the_mark_the_kind_of_engine_does_not_matter() -> None:
    witness = FakeWitness(container())
    witness.private = False
    assert ask(witness, lambda e: e.container("web").is_running()) == Outcome.passed()


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
    assert LiveWitness({}, environment=environment, held=held).private is private


def test_a_pass_is_told_and_does_not_raise() -> None:
    told: list[tuple[str, Outcome]] = []
    checker = Checker(FakeWitness(container()), tell=lambda task, outcome: told.append((task, outcome)))
    with checker.check("web") as engine:
        engine.container("web").is_running().uses_image("busybox")
    assert told == [("web", Outcome.passed())]
    assert checker.outcomes == {"web": Outcome.passed()}


def test_verbs_go_on_after_a_finding() -> None:
    outcome = ask(
        FakeWitness(container()), lambda e: e.container("web").has_tty().keeps_stdin_open().is_stopped()
    )
    assert [finding.property for finding in outcome.findings] == ["terminal", "standard input", "state"]


def test_what_is_not_there_ends_the_block() -> None:
    ran = []

    def question(engine: EngineSubject) -> None:
        engine.container("wbe").is_running()
        ran.append("more")

    words = only_finding(FakeWitness(container()), question)
    assert ran == []
    assert "there are 'web'" in words
    assert "The closest is 'web'" in words


def test_one_read_for_a_block_and_a_new_one_for_the_next() -> None:
    witness = FakeWitness(container())
    checker = Checker(witness)
    for expected in (1, 2):
        with checker.check("web") as engine:
            engine.container("web").is_running()
            engine.image("busybox")
        assert witness.snapshots == expected


def test_a_task_after_one_that_failed_is_not_reached_and_its_block_does_not_run() -> None:
    checker = Checker(FakeWitness(container()))
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
    checker = Checker(FakeWitness(container()))
    with checker.check("first") as engine:
        engine.container("web")
    with checker.check("second", after=("first", "unknown")) as engine:
        engine.container("web")
    assert checker.outcomes["second"] == Outcome.passed()


def test_a_second_try_in_a_notebook_counts_and_twice_in_grading_is_a_fault() -> None:
    witness = FakeWitness(container())
    checker = Checker(witness)
    with pytest.raises(CheckFailed), checker.check("web") as engine:
        engine.container("none")
    with checker.check("web") as engine:
        engine.container("web")
    assert checker.outcomes["web"] == Outcome.passed()
    once = Checker(witness, once=True)
    with once.check("web") as engine:
        engine.container("web")
    with pytest.raises(CourseError, match="Two checks are called 'web'"), once.check("web"):
        pass


def test_checks_that_cannot_be_meant() -> None:
    checker = Checker(FakeWitness())
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
    class Dead(FakeWitness):
        def snapshot(self) -> Snapshot:
            raise Blocked("No engine answers at X.", next_step="run `dockbook doctor`.")

    checker = Checker(Dead())
    with pytest.raises(CouldNotLook) as caught, checker.check("web") as engine:
        engine.container("web")
    assert caught.value._render_traceback_() == ["No engine answers at X.", "Next: run `dockbook doctor`."]
    assert checker.outcomes["web"] == Outcome.blocked("No engine answers at X. Next: run `dockbook doctor`.")
    assert not isinstance(caught.value, AssertionError)


def test_a_mistake_in_the_check_is_blocked_and_shows_itself() -> None:
    checker = Checker(FakeWitness(container()))
    with pytest.raises(AttributeError), checker.check("web") as engine:
        engine.container("web").is_jogging()  # type: ignore[attr-defined]
    assert checker.outcomes["web"].status == "blocked"
    with pytest.raises(KeyboardInterrupt), checker.check("other"):
        raise KeyboardInterrupt
    assert "other" not in checker.outcomes


def test_a_check_that_asks_nothing_is_no_pass() -> None:
    checker = Checker(FakeWitness(container()))
    with pytest.raises(CouldNotLook, match="asks nothing"), checker.check("web"):
        pass
    assert checker.outcomes["web"].status == "blocked"


def test_a_flood_of_containers_is_a_finding() -> None:
    witness = FakeWitness(container())
    witness.unread = 3
    assert "3 containers too many" in only_finding(witness, lambda e: e.container("web"))


# Time


def test_what_just_ended_is_seen_to_end() -> None:
    witness = FakeWitness(container())
    witness.later = [container(), container(status="exited"), container(status="exited")]
    assert ask(witness, lambda e: e.container("web").exited()) == Outcome.passed()


def test_one_change_is_an_end_and_two_are_unsettled() -> None:
    witness = FakeWitness(container())
    ended = container(status="exited")
    witness.later = [ended, ended]
    assert ask(witness, lambda e: e.container("web").is_running()) == Outcome.passed()
    witness.later = [ended, container(state={"StartedAt": "2026-01-01T00:00:09Z"})]
    words = only_finding(witness, lambda e: e.container("web").is_running())
    assert "state while we looked" in words
    assert "it was exited, then running" in words
    witness.later = [None]
    assert "then it was removed" in only_finding(witness, lambda e: e.container("web").is_running())


def test_a_growing_log_is_seen_to_grow() -> None:
    witness = FakeWitness(container())
    witness.marks = ["1", "1", "2"]
    assert ask(witness, lambda e: e.container("web").prints_again(1)) == Outcome.passed()
    assert "nothing new in 0.1 s" in only_finding(witness, lambda e: e.container("web").prints_again(0.1))


def test_who_ends_while_the_log_is_watched_has_ended() -> None:
    ended = container(status="exited")
    witness = FakeWitness(container())
    witness.marks, witness.later = ["1"], [ended, ended]
    words = only_finding(witness, lambda e: e.container("web").is_running().prints_again(0.1))
    assert "state: expected running, found exited" in words


def test_a_server_that_just_starts_is_waited_for() -> None:
    witness = FakeWitness(container())
    witness.replies = [HttpReply(0, error="refused"), HttpReply(200, "Hello world!")]
    assert (
        ask(witness, lambda e: e.container("web").answers_http(5000, containing="Hello")) == Outcome.passed()
    )
    witness.replies = [HttpReply(404, "")]
    assert "found HTTP 404" in only_finding(witness, lambda e: e.container("web").answers_http(5000))
    witness.replies = [HttpReply(200, "Other")]
    assert "'Other'" in only_finding(
        witness, lambda e: e.container("web").answers_http(5000, containing="Hello")
    )
    witness.replies = [HttpReply(0, error="refused")]
    words = only_finding(witness, lambda e: e.container("web").answers_http(5000, within_s=0.1))
    assert "no answer (refused)" in words


# Over the network


def test_in_one_that_does_not_run_nothing_is_asked() -> None:
    witness = FakeWitness(container(status="exited"))
    questions: list[Question] = [
        lambda e: e.container("web").answers_http(80),
        lambda e: e.container("web").answers_udp(53),
        lambda e: e.container("web").resolves("db"),
        lambda e: e.container("web").reaches("db", 80),
    ]
    for question in questions:
        assert "a container that is exited. Start it: `docker start web`" in only_finding(witness, question)
    assert witness.asked == []


def test_datagrams() -> None:
    witness = FakeWitness(
        container(NetworkSettings={"Networks": {"back": {"IPAddress": "10.0.0.2"}, "x": {"IPAddress": ""}}})
    )
    assert ask(witness, lambda e: e.container("web").answers_udp(53)) == Outcome.passed()
    assert ask(witness, lambda e: e.container("web").answers_udp(53, host_port=5353)) == Outcome.passed()
    assert ask(witness, lambda e: e.answers_udp(5353)) == Outcome.passed()
    assert witness.asked == [(53, "127.0.0.1", "10.0.0.2"), (5353, ""), (5353, "127.0.0.1")]
    wrong: list[Question] = [lambda e: e.container("web").answers_udp(53), lambda e: e.answers_udp(53)]
    for question in wrong:
        witness.datagram = UdpReply(answered=True, body="<pong>")
        assert "expected one with 'ping', found '<pong>'" in only_finding(witness, question)
        witness.datagram = UdpReply(answered=False, error="nothing came back")
        assert "found none (nothing came back)" in only_finding(witness, question)


def test_names_lead_to_the_container_that_is_meant() -> None:
    def on_back(name: str, address: str, **parts: Any) -> Container:
        return container(name, NetworkSettings={"Networks": {"back": {"IPAddress": address}}}, **parts)

    witness = FakeWitness(on_back("web", "10.0.0.2"), on_back("db", "10.0.0.3"), container("far"))
    witness.names = {"db": Resolved(("10.0.0.3",), "dns"), "store": Resolved(("10.0.0.3",), "hosts")}
    right: list[Question] = [
        lambda e: e.container("web").resolves("db").resolves("store").resolves("store", to="db"),
        lambda e: e.container("web").reaches("db", 5432).reaches("10.0.0.3", 5432),
    ]
    for question in right:
        assert ask(witness, question) == Outcome.passed()
    assert witness.asked == [(5432, "10.0.0.3")] * 2
    wrong: list[tuple[Question, str]] = [
        (lambda e: e.container("web").resolves("far"), "They share no network"),
        (lambda e: e.container("web").resolves("none"), "No container is called 'none'"),
        (
            lambda e: e.container("web").resolves("store", to="far"),
            "expected the address of 'far', found 'db'",
        ),
    ]
    for question, words in wrong:
        assert words in only_finding(witness, question)
    witness.names["db"] = Resolved(("10.0.0.9",), "hosts")
    for question in (
        lambda e: e.container("web").resolves("db"),
        lambda e: e.container("web").reaches("db", 1),
    ):
        assert "found 10.0.0.9, nobody's here" in only_finding(witness, question)
    witness.names["db"], witness.reached = Resolved(("10.0.0.3",)), Reached(open=False, error="refused")
    words = only_finding(witness, lambda e: e.container("web").reaches("db", 5432))
    assert "connection to db:5432" in words
    assert "none (refused)" in words


def test_a_port_of_the_host_says_who_publishes_it() -> None:
    ports = {"5000/tcp": [{"HostIp": "", "HostPort": "5001"}]}
    witness = FakeWitness(container(NetworkSettings={"Ports": ports}))
    assert ask(witness, lambda e: e.answers_http(5001, containing="Hello")) == Outcome.passed()
    witness.replies = [HttpReply(0, error="refused"), HttpReply(200, "Hello")]
    assert ask(witness, lambda e: e.answers_http(5001)) == Outcome.passed(), "one that starts is waited for"
    witness.replies = [HttpReply(200, "Bye")]
    assert "found 'Bye'" in only_finding(witness, lambda e: e.answers_http(5001, containing="Hello"))
    witness.replies = [HttpReply(404)]
    assert "found HTTP 404" in only_finding(witness, lambda e: e.answers_http(5001))
    witness.replies = [HttpReply(0, error="refused")]
    words = only_finding(witness, lambda e: e.answers_http(5001, within_s=0))
    assert "web publishes it (0.0.0.0:5001->5000/tcp)" in words
    words = only_finding(witness, lambda e: e.answers_http(5002, within_s=0))
    assert "No container publishes it: `-p 5002:PORT`" in words
    host = {"PortBindings": ports}
    witness.boxes = (container(status="exited", HostConfig=host),)
    words = only_finding(witness, lambda e: e.answers_http(5001, within_s=0))
    assert "`docker start web`" in words


def test_a_list_of_the_engines_information() -> None:
    witness = FakeWitness()
    right: list[Question] = [
        lambda e: e.info_contains("RegistryConfig.Mirrors", "http://hub"),
        lambda e: e.info_contains("RegistryConfig", "Mirrors"),
        lambda e: e.info_contains("KernelVersion", "6.1"),
    ]
    for question in right:
        assert ask(witness, question) == Outcome.passed()
    words = only_finding(witness, lambda e: e.info_contains("RegistryConfig.Mirrors", "http://other"))
    assert "expected 'http://other', found 'http://hub/'" in words
    assert "found none" in only_finding(witness, lambda e: e.info_contains("Labels", "a=b"))


def test_the_students_own_values() -> None:
    witness = FakeWitness(container(), variables={"port": Mine("ada").port("web")})
    question: Question = lambda e: e.answer("port").equals(e.mine.port("web"))  # noqa: E731 - asked twice
    assert only_finding(witness, question)
    witness.student = "ada"
    assert ask(witness, question) == Outcome.passed()


# Names that were given to other images


def test_a_name_proves_nothing_where_the_originals_are_known() -> None:
    other = "sha256:0dd" + "0" * 61
    witness = FakeWitness(container())  # from "busybox", with the id sha256:b0b, which has that name
    question: Question = lambda e: e.container("web").uses_image("busybox")  # noqa: E731 - asked again
    assert ask(witness, question) == Outcome.passed()
    witness.originals = {"busybox:latest": "sha256:b0b"}
    assert ask(witness, question) == Outcome.passed()
    assert ask(witness, lambda e: e.image("busybox")) == Outcome.passed()
    witness.originals = {"busybox:latest": other}
    assert "The name busybox leads to another image" in only_finding(witness, question)
    assert "found another" in only_finding(witness, lambda e: e.image("busybox"))
    assert "still here" in only_finding(witness, lambda e: e.has_no_image("busybox"))
    count: Question = lambda e: e.containers(image="busybox").number(1)  # noqa: E731
    assert "found 0 containers" in only_finding(witness, count)
    witness.boxes = (container(Image=other),)
    assert ask(witness, question) == Outcome.passed(), "the original, under whatever name it was started"
    assert ask(witness, lambda e: e.container("web").uses_image("debian")).status == "failed"


# Wrong in ways that each need their own words


@pytest.mark.parametrize(
    ("box", "question", "words"),
    [
        (container(status="exited", state={"ExitCode": 137, "OOMKilled": True}), "exited", "more memory"),
        (container(status="exited", state={"ExitCode": 127}), "exited", "typing mistake"),
        (container(status="exited", state={"ExitCode": 126}), "exited", "cannot be executed"),
        (
            container(status="created", state={"ExitCode": 127, "Error": "no such file"}),
            "exited",
            "the engine says 'no such file'.",
        ),
        (container(status="paused"), "is_running", "docker unpause web"),
        (container(status="restarting", state={"ExitCode": 1}), "is_running", "again and again"),
        (container(), "was_restarted", "docker restart web"),
    ],
)
def test_each_ending_has_its_words(box: Container, question: str, words: str) -> None:
    assert words in only_finding(FakeWitness(box), lambda e: getattr(e.container(box.name), question)())


def test_a_line_in_one_word_is_told_apart() -> None:
    box = container(Path="/bin/echo Hello world", Args=[])
    assert "in as one word" in only_finding(
        FakeWitness(box), lambda e: e.container("web").ran("/bin/echo", "Hello world")
    )


def test_output_that_can_no_longer_be_read() -> None:
    witness = FakeWitness(container(), log=Log(unreadable="the log driver keeps nothing"))
    assert "the log driver keeps nothing" in only_finding(witness, lambda e: e.container("web").printed("hi"))


def test_nothing_at_all_has_its_words() -> None:
    words = only_finding(FakeWitness(), lambda e: e.container("web"))
    assert "no container at all" in words
    assert "--rm" in words
    assert "docker network create front" in only_finding(FakeWitness(), lambda e: e.network("front"))


def test_the_students_names_stay_on_one_line() -> None:
    words = only_finding(FakeWitness(container("\x1b[2J\nweb")), lambda e: e.container("other"))
    assert r"\x1b[2J\nweb" in words
    assert words.isprintable()


def test_the_engines_information() -> None:
    seen: list[Any] = []
    names = ("KernelVersion", "RegistryConfig.Mirrors", "RegistryConfig.Nothing.Deeper")
    ask(FakeWitness(), lambda e: seen.extend(e.info(name) for name in names))
    assert seen == ["6.1", ["http://hub/"], None]


# Answers


class Always:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        (42, lambda a: a.equals(42)),
        (42.0, lambda a: a.equals(42)),
        (" Hello\n", lambda a: a.equals("Hello")),
        (["a", 1], lambda a: a.equals(["a", 1]).has_items(1, "a")),
        ("b", lambda a: a.is_one_of("a", "b")),
        ("Hello world", lambda a: a.contains("world")),
        (["a", "b"], lambda a: a.contains("b")),
        (3.14, lambda a: a.is_close(3.1416, 0.01)),
        ("web", lambda a: a.container().is_running()),
        (False, lambda a: a.equals(False)),
    ],
)
def test_right_answers(answer: object, question: Callable[[Any], object]) -> None:
    witness = FakeWitness(container(), variables={"x": answer})
    assert ask(witness, lambda e: question(e.answer("x"))) == Outcome.passed()


@pytest.mark.parametrize(
    ("answer", "question", "words"),
    [
        (True, lambda a: a.equals(1), "found true"),
        ("4242", lambda a: a.equals(4242), "should be a number, not text"),
        (Always(), lambda a: a.equals(4242), "found an Always"),
        ([Always()], lambda a: a.equals([4242]), "found an Always"),
        (float("nan"), lambda a: a.equals(4242), "found nan"),
        (b"4242", lambda a: a.equals("4242"), "`.decode()`"),
        (None, lambda a: a.equals(4242), "in place of None"),
        ("x", lambda a: a.is_one_of("a", 4242), "found 'x'"),
        (["a", "a"], lambda a: a.has_items("a", 4242), 'found ["a", "a"]'),
        (["a", "b", "c"], lambda a: a.has_items("a", "b"), "found"),
        ("ab", lambda a: a.has_items("a"), "should be a list, not text"),
        (3, lambda a: a.contains("4242"), "should be text"),
        ("abc", lambda a: a.contains("4242"), "found 'abc'"),
        (4243, lambda a: a.is_close(4242, 0.5), "found 4243"),
        (10**400, lambda a: a.is_close(4242, 0.5), "found 1000"),
        (True, lambda a: a.is_close(1, 1), "should be a number"),
        ("db", lambda a: a.container(), "Containers here: 'web'"),
    ],
)
def test_wrong_answers_do_not_tell_the_right_one(
    answer: object, question: Callable[[Any], object], words: str
) -> None:
    witness = FakeWitness(container(), variables={"x": answer})
    told = only_finding(witness, lambda e: question(e.answer("x")))
    assert words in told
    assert "4242" not in told or "4242" in str(answer)


def test_a_right_answer_is_told_where_the_course_says_so() -> None:
    witness = FakeWitness(variables={"x": 1})
    assert "expected 42" in only_finding(witness, lambda e: e.answer("x").equals(42, reveal=True))
    assert "expected" not in only_finding(witness, lambda e: e.answer("x").equals(42))


def test_an_answer_that_cannot_be_known_here_is_not_reached() -> None:
    class Outside(FakeWitness):
        def answer(self, name: str) -> Said:
            return Said("unavailable")

    outcome = ask(Outside(container()), lambda e: e.answer("x").equals(1))
    assert outcome == Outcome.not_reached("asks for 'x': run the check in the notebook")
    # What can be seen without it still counts.
    failed = ask(Outside(container()), lambda e: (e.container("web").is_stopped(), e.answer("x")))
    assert failed.status == "failed"
