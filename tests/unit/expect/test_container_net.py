"""What a check finds over a container's network: pages, datagrams, names, connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.expect import HttpReply, Outcome, Reached, Resolved, UdpReply
from grader.state import Container
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding


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


def test_whichever_published_port_answers() -> None:
    ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}], "53/udp": [{"HostPort": "53"}]}
    inspector = FakeInspector(container(NetworkSettings={"Ports": ports}))
    assert ask(inspector, lambda e: e.container("web").serves(containing="Hello")) == Outcome.passed()
    inspector.replies = [HttpReply(0, error="refused")]
    told = only_finding(inspector, lambda e: e.container("web").serves(containing="Hello", within_s=0))
    assert "no answer at '127.0.0.1:8081->8000/tcp'" in told
    inspector.replies = [HttpReply(200, "Salve")]
    told = only_finding(inspector, lambda e: e.container("web").serves(containing="Hello", within_s=0))
    assert "found HTTP 200 'Salve'" in told
    none = FakeInspector(container())
    assert "with `-p` or `-P`" in only_finding(none, lambda e: e.container("web").serves())
