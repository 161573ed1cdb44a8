"""What a check asks over the network, on real containers: by the trusted side and on a student's machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.errors import Blocked
from grader.expect import Checker, CheckFailed, LiveInspector, Outcome
from grader.expect.engine import EngineSubject
from grader.expect.inspector import Inspector
from grader.expect.probe_container import LABEL
from grader.grading.judge.trusted import TrustedInspector, originals

ECHO = """
import socket
way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
way.bind((%r, 5000))
while True:
    data, sender = way.recvfrom(1000)
    way.sendto(%s, sender)
"""
LOCAL = (
    "import http.server as h; h.HTTPServer(('127.0.0.1', 5000), h.SimpleHTTPRequestHandler).serve_forever()"
)
Ask = Callable[[Callable[[EngineSubject], object]], Outcome]


@pytest.fixture(scope="module")
def town(engine_image: None) -> Iterator[Engine]:
    """An engine with servers, names, links and mistakes."""
    with open_engine("sandbox") as engine:
        client = engine.client()

        def run(name: str, command: list[str], image: str = "busybox", **options: Any) -> None:
            client.containers.run(image, command, name=name, detach=True, init=True, **options)

        client.networks.create("back")
        web, python = "training/webapp", ["python", "-c"]
        run("echo", [*python, ECHO % ("0.0.0.0", "data")], web, ports={"5000/udp": ("127.0.0.1", 5211)})
        run("loud", [*python, ECHO % ("0.0.0.0", "data.upper()")], web, ports={"5000/udp": 5216})
        run("record", [*python, ECHO % ("0.0.0.0", "b'POLLY'")], web, ports={"5000/udp": 5217})
        run("mute", [*python, ECHO % ("127.0.0.1", "data")], web, ports={"5000/udp": 5213})
        run("web", ["python", "app.py"], web, ports={"5000/tcp": 5212}, network="back")
        run("local", [*python, LOCAL], web, ports={"5000/tcp": 5214})
        run("cli", ["sleep", "600"], network="back")
        run("plain", ["sleep", "600"])
        run("old", ["sleep", "600"], links={"echo": "talker"})
        run("liar", ["sh", "-c", "echo 10.9.9.9 web >> /etc/hosts; sleep 600"])
        client.containers.run("busybox", "true", name="ended", detach=True)
        yield engine


@pytest.fixture(params=["trusted", "live"])
def ask(request: pytest.FixtureRequest, town: Engine) -> Iterator[Ask]:
    with closing(town.client()) as client:
        inspector: Inspector = TrustedInspector(town, client, {})
        if request.param == "live":
            inspector = LiveInspector({}, environment={"DOCKER_HOST": town.docker_host})

        def ask(question: Callable[[EngineSubject], object]) -> Outcome:
            checker = Checker(inspector)
            with contextlib.suppress(CheckFailed), checker.check("task") as engine:
                question(engine)
            return checker.outcomes["task"]

        yield ask
        if isinstance(inspector, LiveInspector):
            inspector.close()


@pytest.mark.parametrize(
    "question",
    [
        lambda e: e.container("web").answers_http(5000, containing="Hello world!"),
        lambda e: e.answers_http(5212, containing="Hello world!"),
        lambda e: e.container("local").answers_http(5000),
        lambda e: e.container("echo").answers_udp(5000, send="salve", expect="salve"),
        lambda e: e.container("loud").answers_udp(5000, capitals=True),
        lambda e: e.answers_udp(5216, capitals=True),
        lambda e: e.container("echo").answers_udp(5000, host_port=5211),
        lambda e: e.answers_udp(5211, host_ip="127.0.0.1"),
        lambda e: e.container("mute").answers_udp(5000),
        lambda e: e.container("cli").resolves("web").reaches("web", 5000),
        lambda e: e.container("old").resolves("talker", to="echo").resolves("echo"),
    ],
)
def test_what_answers(ask: Ask, question: Callable[[EngineSubject], object]) -> None:
    assert ask(question) == Outcome.passed()


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda e: e.container("web").answers_http(5001, within_s=0.2), "no answer (Connection refused)"),
        (lambda e: e.container("web").answers_http(5000, containing="Salve"), "found 'Hello world!"),
        (lambda e: e.container("ended").answers_http(5000), "a container that is exited"),
        (lambda e: e.answers_http(5214, within_s=0.2), "all addresses of the container (0.0.0.0)"),
        (lambda e: e.answers_http(5215, within_s=0.2), "No container publishes it: `-p 5215:PORT`"),
        (lambda e: e.container("echo").answers_udp(5001, within_s=0.5), "none (Connection refused)"),
        (lambda e: e.container("echo").answers_udp(5000, send="ping", expect="pong"), "found 'ping'"),
        (lambda e: e.container("echo").answers_udp(5000, capitals=True), "the same in small letters"),
        (lambda e: e.answers_udp(5216), "the same in capital letters"),
        (lambda e: e.answers_udp(5217, capitals=True), "found 'POLLY'"),
        (lambda e: e.answers_udp(5213, within_s=0.5), "mute publishes it"),
        (lambda e: e.answers_udp(5212, within_s=0.5), "`-p 5212:PORT/udp`"),
        (lambda e: e.container("plain").resolves("echo"), "On the default network containers have no names"),
        (lambda e: e.container("plain").resolves("web"), "They share no network"),
        (lambda e: e.container("old").resolves("talker", to="web"), "found 'echo'"),
        (lambda e: e.container("liar").resolves("web"), "10.9.9.9, not a container's here"),
        (lambda e: e.container("cli").reaches("web", 5001, within_s=0.5), "none (Connection refused)"),
        (lambda e: e.container("cli").resolves("ended"), "Only running containers have a name"),
    ],
)
def test_what_does_not(ask: Ask, question: Callable[[EngineSubject], object], words: str) -> None:
    outcome = ask(question)
    assert outcome.status == "failed", outcome
    assert len(outcome.findings) == 1, outcome.findings
    assert words in str(outcome.findings[0])


def test_by_address_the_default_network_reaches_too(ask: Ask, town: Engine) -> None:
    networks = town.client().containers.get("local").attrs["NetworkSettings"]["Networks"]
    address = networks["bridge"]["IPAddress"]
    outcome = ask(lambda e: e.container("plain").reaches(address, 5000, within_s=0.2))
    assert "none (Connection refused)" in str(outcome.findings), "it listens on its own loopback alone"
    own = town.client().containers.get("local").attrs["Id"]
    assert ask(lambda e: e.container(own).answers_http(5000)) == Outcome.passed()


def test_looking_leaves_nothing_behind(town: Engine) -> None:
    assert town.client().containers.list(all=True, filters={"label": LABEL}) == []


def test_without_the_image_to_look_with_it_is_blocked_and_says_how(engine: Engine) -> None:
    client = engine.client()
    client.containers.run("busybox", ["sleep", "60"], name="box", detach=True)
    client.images.remove("training/webapp", force=True)
    inspector = LiveInspector({}, environment={"DOCKER_HOST": engine.docker_host})
    with closing(inspector), pytest.raises(Blocked, match="docker pull training/webapp"):  # noqa: SIM117
        with Checker(inspector).check("task") as subject:
            subject.container("box").answers_udp(53)


# Names given to other images


def test_a_tag_does_not_make_one_image_another(engine: Engine) -> None:
    client, known = engine.client(), originals(engine)
    assert {"busybox:latest", "debian:trixie", "hello-world:latest"} <= set(known)

    def ask(question: Callable[[EngineSubject], object]) -> Outcome:
        checker = Checker(TrustedInspector(engine, client, {}, images=known))
        with contextlib.suppress(CheckFailed), checker.check("task") as subject:
            question(subject)
        return checker.outcomes["task"]

    client.containers.create("debian:trixie", ["true"], name="right")
    client.containers.create("busybox", ["true"], name="small")
    assert ask(lambda e: e.container("right").uses_image("debian:trixie")) == Outcome.passed()
    client.images.get("busybox").tag("debian", "trixie")
    client.containers.create("debian:trixie", ["true"], name="wrong")
    outcome = ask(lambda e: e.container("wrong").uses_image("debian:trixie"))
    assert "now belongs to another image than the course's" in str(outcome.findings)
    assert "found another" in str(ask(lambda e: e.image("debian:trixie")).findings[0])
    # What was right stays right, and what a tag was added to is still itself.
    assert ask(lambda e: e.container("right").uses_image("debian:trixie")) == Outcome.passed()
    assert ask(lambda e: e.container("wrong").uses_image("busybox")) == Outcome.passed()
    assert ask(lambda e: e.container("small").uses_image("busybox")) == Outcome.passed()


def test_the_hub_gives_the_same_image_again_and_a_pull_leaves_its_mark(engine: Engine) -> None:
    client, known = engine.client(), originals(engine)
    client.images.remove("busybox", force=True)
    client.images.pull("busybox", "latest")
    client.images.get("busybox").tag("other")
    client.containers.create("busybox", ["true"], name="again")
    checker = Checker(TrustedInspector(engine, client, {}, images=known))
    with checker.check("pulled") as subject:
        subject.container("again").uses_image("busybox")
        subject.image("busybox").was_pulled()
    with pytest.raises(CheckFailed, match="origin"), checker.check("tagged") as subject:
        subject.image("other").was_pulled()
