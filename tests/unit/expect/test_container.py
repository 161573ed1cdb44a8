"""What a check finds in containers, images and the network, asked against a inspector made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.expect import HttpReply, Outcome, Reached, Resolved, StudentValues, UdpReply
from grader.state import Container, Log
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding

# Over the network


def test_in_one_that_does_not_run_nothing_is_asked() -> None:
    inspector = FakeInspector(container(status="exited"))
    questions: list[Question] = [
        lambda e: e.container("web").answers_http(80),
        lambda e: e.container("web").answers_udp(53),
        lambda e: e.container("web").resolves("db"),
        lambda e: e.container("web").reaches("db", 80, within_s=0),
    ]
    for question in questions:
        assert "a container that is exited. Start it: `docker start web`" in only_finding(inspector, question)
    assert inspector.asked == []


def test_datagrams() -> None:
    inspector = FakeInspector(
        container(NetworkSettings={"Networks": {"back": {"IPAddress": "10.0.0.2"}, "x": {"IPAddress": ""}}})
    )
    assert ask(inspector, lambda e: e.container("web").answers_udp(53)) == Outcome.passed()
    assert ask(inspector, lambda e: e.container("web").answers_udp(53, host_port=5353)) == Outcome.passed()
    assert ask(inspector, lambda e: e.answers_udp(5353)) == Outcome.passed()
    places = [(53, "127.0.0.1", "10.0.0.2"), (5353, ""), (5353, "127.0.0.1")]
    assert inspector.asked == [place for place in places for _ in range(2)]
    assert len(set(inspector.sent)) == len(inspector.sent), "what is sent can be foreseen"
    wrong: list[Question] = [lambda e: e.container("web").answers_udp(53), lambda e: e.answers_udp(53)]
    for question in wrong:
        inspector.datagram = lambda sent: UdpReply(answered=True, body="<pong>")
        assert "expected what was sent, found '<pong>'" in only_finding(inspector, question)
        inspector.datagram = lambda sent: UdpReply(answered=False, error="nothing came back")
        assert "found none (nothing came back)" in only_finding(inspector, question)


@pytest.mark.parametrize(
    ("reply", "capitals", "words"),
    [
        (str.upper, True, ""),
        (lambda sent: f"{sent}\n", False, ""),
        (str, True, "expected what was sent, in capital letters, found the same in small letters"),
        (str.upper, False, "found the same in capital letters"),
        (lambda sent: f"back: {sent}", False, "found more than that"),
        (lambda sent: f"BACK: {sent.upper()}", True, "found more than that"),
    ],
)
def test_a_datagram_comes_back_as_it_should(reply: Callable[[str], str], capitals: bool, words: str) -> None:
    inspector = FakeInspector(container())
    inspector.datagram = lambda sent: UdpReply(answered=True, body=reply(sent))
    outcome = ask(inspector, lambda e: e.container("web").answers_udp(53, capitals=capitals))
    assert words in "".join(map(str, outcome.findings))
    assert (outcome.status == "passed") is (not words)


def test_a_datagram_of_another_language() -> None:
    inspector = FakeInspector(container())
    inspector.datagram = lambda sent: UdpReply(answered=True, body=f"back: {sent}")
    known = ask(inspector, lambda e: e.container("web").answers_udp(53, send="salve", expect="back: salve"))
    assert known == Outcome.passed()
    told = only_finding(inspector, lambda e: e.answers_udp(53, send="salve", expect="vale"))
    assert "expected one with 'vale', found 'back: salve'" in told


def test_names_lead_to_the_container_that_is_meant() -> None:
    def on_back(name: str, address: str, **parts: Any) -> Container:
        return container(name, NetworkSettings={"Networks": {"back": {"IPAddress": address}}}, **parts)

    inspector = FakeInspector(on_back("web", "10.0.0.2"), on_back("db", "10.0.0.3"), container("far"))
    inspector.names = {"db": Resolved(("10.0.0.3",), "dns"), "store": Resolved(("10.0.0.3",), "hosts")}
    right: list[Question] = [
        lambda e: e.container("web").resolves("db").resolves("store").resolves("store", to="db"),
        lambda e: e.container("web").reaches("db", 5432).reaches("10.0.0.3", 5432),
    ]
    for question in right:
        assert ask(inspector, question) == Outcome.passed()
    assert inspector.asked == [(5432, "10.0.0.3")] * 2
    wrong: list[tuple[Question, str]] = [
        (lambda e: e.container("web").resolves("far"), "They share no network"),
        (lambda e: e.container("web").resolves("none"), "No container is called 'none'"),
        (
            lambda e: e.container("web").resolves("store", to="far"),
            "expected the address of 'far', found 'db'",
        ),
    ]
    for question, words in wrong:
        assert words in only_finding(inspector, question)
    inspector.names["db"] = Resolved(("10.0.0.9",), "hosts")
    for question in (
        lambda e: e.container("web").resolves("db"),
        lambda e: e.container("web").reaches("db", 1, within_s=0),
    ):
        assert "found 10.0.0.9, not a container's here" in only_finding(inspector, question)
    inspector.names["db"], inspector.reached = Resolved(("10.0.0.3",)), Reached(open=False, error="refused")
    words = only_finding(inspector, lambda e: e.container("web").reaches("db", 5432, within_s=0))
    assert "connection to db:5432" in words
    assert "none (refused)" in words


def test_a_port_of_the_host_says_who_publishes_it() -> None:
    ports = {"5000/tcp": [{"HostIp": "", "HostPort": "5001"}]}
    inspector = FakeInspector(container(NetworkSettings={"Ports": ports}))
    assert ask(inspector, lambda e: e.answers_http(5001, containing="Hello")) == Outcome.passed()
    inspector.replies = [HttpReply(0, error="refused"), HttpReply(200, "Hello")]
    assert ask(inspector, lambda e: e.answers_http(5001)) == Outcome.passed(), "one that starts is waited for"
    inspector.replies = [HttpReply(200, "Bye")]
    assert "found 'Bye'" in only_finding(inspector, lambda e: e.answers_http(5001, containing="Hello"))
    inspector.replies = [HttpReply(404)]
    assert "found HTTP 404" in only_finding(inspector, lambda e: e.answers_http(5001))
    inspector.replies = [HttpReply(0, error="refused")]
    words = only_finding(inspector, lambda e: e.answers_http(5001, within_s=0))
    assert "web publishes it (0.0.0.0:5001->5000/tcp)" in words
    words = only_finding(inspector, lambda e: e.answers_http(5002, within_s=0))
    assert "No container publishes it: `-p 5002:PORT`" in words
    host = {"PortBindings": ports}
    inspector.boxes = (container(status="exited", HostConfig=host),)
    words = only_finding(inspector, lambda e: e.answers_http(5001, within_s=0))
    assert "`docker start web`" in words


def test_a_list_of_the_engines_information() -> None:
    inspector = FakeInspector()
    right: list[Question] = [
        lambda e: e.info_contains("RegistryConfig.Mirrors", "http://hub"),
        lambda e: e.info_contains("RegistryConfig", "Mirrors"),
        lambda e: e.info_contains("KernelVersion", "6.1"),
    ]
    for question in right:
        assert ask(inspector, question) == Outcome.passed()
    words = only_finding(inspector, lambda e: e.info_contains("RegistryConfig.Mirrors", "http://other"))
    assert "expected 'http://other', found 'http://hub/'" in words
    assert "found none" in only_finding(inspector, lambda e: e.info_contains("Labels", "a=b"))


def test_the_students_own_values() -> None:
    inspector = FakeInspector(container(), variables={"port": StudentValues("ada").port("web")})
    question: Question = lambda e: e.answer("port").equals(e.mine.port("web"))  # noqa: E731 - asked twice
    assert only_finding(inspector, question)
    inspector.student = "ada"
    assert ask(inspector, question) == Outcome.passed()


# Names that were given to other images


def test_a_name_proves_nothing_where_the_originals_are_known() -> None:
    other = "sha256:0dd" + "0" * 61
    inspector = FakeInspector(container())  # from "busybox", with the id sha256:b0b, which has that name
    question: Question = lambda e: e.container("web").uses_image("busybox")  # noqa: E731 - asked again
    assert ask(inspector, question) == Outcome.passed()
    inspector.originals = {"busybox:latest": "sha256:b0b"}
    assert ask(inspector, question) == Outcome.passed()
    assert ask(inspector, lambda e: e.image("busybox")) == Outcome.passed()
    inspector.originals = {"busybox:latest": other}
    assert "The name busybox now belongs to another image" in only_finding(inspector, question)
    assert "found another" in only_finding(inspector, lambda e: e.image("busybox"))
    assert "still here" in only_finding(inspector, lambda e: e.has_no_image("busybox"))
    count: Question = lambda e: e.containers(image="busybox").number(1)  # noqa: E731
    assert "found 0 containers" in only_finding(inspector, count)
    inspector.boxes = (container(Image=other),)
    assert ask(inspector, question) == Outcome.passed(), "the original, under whatever name it was started"
    assert ask(inspector, lambda e: e.container("web").uses_image("debian")).status == "failed"


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
    assert words in only_finding(FakeInspector(box), lambda e: getattr(e.container(box.name), question)())


def test_a_line_in_one_word_is_told_apart() -> None:
    box = container(Path="/bin/echo Hello world", Args=[])
    assert "passed as one word" in only_finding(
        FakeInspector(box), lambda e: e.container("web").ran("/bin/echo", "Hello world")
    )


def test_output_that_can_no_longer_be_read() -> None:
    inspector = FakeInspector(container(), log=Log(unreadable="the log driver keeps nothing"))
    assert "the log driver keeps nothing" in only_finding(
        inspector, lambda e: e.container("web").printed("hi")
    )


def test_nothing_at_all_has_its_words() -> None:
    words = only_finding(FakeInspector(), lambda e: e.container("web"))
    assert "no container at all" in words
    assert "--rm" in words
    assert "docker network create front" in only_finding(FakeInspector(), lambda e: e.network("front"))


def test_the_students_names_stay_on_one_line() -> None:
    words = only_finding(FakeInspector(container("\x1b[2J\nweb")), lambda e: e.container("other"))
    assert r"\x1b[2J\nweb" in words
    assert words.isprintable()


def test_the_engines_information() -> None:
    seen: list[Any] = []
    names = ("KernelVersion", "RegistryConfig.Mirrors", "RegistryConfig.Nothing.Deeper")
    ask(FakeInspector(), lambda e: seen.extend(e.info(name) for name in names))
    assert seen == ["6.1", ["http://hub/"], None]
