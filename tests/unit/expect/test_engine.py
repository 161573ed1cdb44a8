"""What a check finds on the engine as a whole: what is not there, the host's ports, its information."""

from __future__ import annotations

from typing import Any

from grader.expect import HttpReply, Outcome, StudentValues
from tests.unit.inspectors import FakeInspector, Question, ask, container, only_finding


def test_nothing_at_all_has_its_words() -> None:
    words = only_finding(FakeInspector(), lambda e: e.container("web"))
    assert "no container at all" in words
    assert "--rm" in words
    assert "docker network create front" in only_finding(FakeInspector(), lambda e: e.network("front"))


def test_the_students_names_stay_on_one_line() -> None:
    words = only_finding(FakeInspector(container("\x1b[2J\nweb")), lambda e: e.container("other"))
    assert r"\x1b[2J\nweb" in words
    assert words.isprintable()


def test_a_name_that_came_after_the_image() -> None:
    late = container("quirky_gould", status="created", config={"Cmd": ["--name", "web", "sleep", "9"]})
    told = only_finding(FakeInspector(late), lambda e: e.container("web"))
    assert "`--name web` before the image" in told
    assert "docker rm -f quirky_gould" in told


def test_no_container_that_is_asked_for_gives_its_name_away() -> None:
    inspector = FakeInspector(container("adb"))
    assert "`docker rename adb ada`" in only_finding(inspector, lambda e: e.container("ada"))
    assert "`--name ada`" in only_finding(inspector, lambda e: (e.container("adb"), e.container("ada")))


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


def test_which_program_answers() -> None:
    inspector = FakeInspector(container())
    inspector.replies = [HttpReply(200, "Hello", server="SimpleHTTP/0.6")]
    assert ask(inspector, lambda e: e.answers_http(80, server="SimpleHTTP")) == Outcome.passed()
    assert "found 'SimpleHTTP/0.6'" in only_finding(inspector, lambda e: e.answers_http(80, server="nginx"))


def test_the_engines_information() -> None:
    seen: list[Any] = []
    names = ("KernelVersion", "RegistryConfig.Mirrors", "RegistryConfig.Nothing.Deeper")
    ask(FakeInspector(), lambda e: seen.extend(e.info(name) for name in names))
    assert seen == ["6.1", ["http://hub/"], None]


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
