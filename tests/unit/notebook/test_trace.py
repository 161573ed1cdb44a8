"""A conversation with a made-up engine: what is heard, and how a notebook shows it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import docker
import pytest
from docker import APIClient
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import Blocked
from grader.notebook.trace import MOST_CALLS, Call, Conversation, Tracer, _call
from tests.unit.notebook.made_up_engine import MadeUpEngine, everything
from tests.unit.notebook.test_command_line import JUNK


@pytest.fixture
def asking(
    engine: MadeUpEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Tracer, docker.DockerClient]]:
    """A tracer, and a client of the made-up engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.path}")
    client = docker.DockerClient(f"unix://{engine.path}", version="1.45")

    def rows(head: bytes, rest: bytes, one: socket.socket) -> None:
        body = b'{"Id": "%s"}' % (b"a" * 64) if b"POST" in head else b"[]"
        one.sendall(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n")
        one.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    engine.reply = rows
    tracer = Tracer(lambda: client)
    yield tracer, client
    client.close()
    if tracer._proxy is not None:
        tracer._proxy.close()


def test_docker_py_is_heard_once_also_through_the_proxy(
    engine: MadeUpEngine, asking: tuple[Tracer, docker.DockerClient]
) -> None:
    tracer, client = asking
    before = os.environ["DOCKER_HOST"]
    with tracer.listening() as heard:
        client.api.create_container("busybox", "true", name="web")
        assert os.environ["DOCKER_HOST"] != before
        made_here = docker.DockerClient(os.environ["DOCKER_HOST"], version="1.45")
        made_here.api.containers()
        host = os.environ["DOCKER_HOST"].removeprefix("unix://")
        with socket.socket(socket.AF_UNIX) as command:
            command.connect(host)
            command.sendall(b"GET /v1.45/containers/json?all=1 HTTP/1.1\r\n\r\n")
            everything(command)
    assert [heard.line(call) for call in heard.calls] == [
        "docker create --name web busybox true",
        "docker ps",
        "docker ps --all",
    ]
    assert [call.status for call in heard.calls] == [201, 201, 201]
    assert heard.names == {"a" * 64: "web"}
    assert os.environ["DOCKER_HOST"] == before
    assert "send" not in APIClient.__dict__
    made_here.api.containers()  # a client that was made meanwhile still works
    client.api.containers()
    made_here.close()
    assert len(heard.calls) == 3, "what comes afterwards is not heard"


def test_listening_inside_listening(asking: tuple[Tracer, docker.DockerClient]) -> None:
    tracer, client = asking
    with tracer.listening() as outer:
        client.api.containers()
        with tracer.listening() as inner:
            client.api.images()
        client.api.networks()
    assert "send" not in APIClient.__dict__
    assert [call.path for call in inner.calls][:1] == ["/images/json"]
    assert outer.calls[0].path == "/containers/json"
    assert outer.calls[-1].path == "/networks"


def test_an_error_inside_leaves_everything_as_it_was(asking: tuple[Tracer, docker.DockerClient]) -> None:
    tracer, _ = asking
    before = os.environ["DOCKER_HOST"]
    with pytest.raises(ZeroDivisionError), tracer.listening():
        raise ZeroDivisionError
    assert os.environ["DOCKER_HOST"] == before
    assert "send" not in APIClient.__dict__
    with tracer.listening():
        os.environ["DOCKER_HOST"] = "unix:///elsewhere"  # the cell's own wish
    assert os.environ["DOCKER_HOST"] == "unix:///elsewhere"


@pytest.mark.parametrize("host", [None, "ssh://ann@host", "unix:///run/docker.sock"])
def test_where_the_command_cannot_be_heard_it_is_said(
    monkeypatch: pytest.MonkeyPatch, host: str | None
) -> None:
    if host is None:
        monkeypatch.delenv("DOCKER_HOST", raising=False)
    else:
        monkeypatch.setenv("DOCKER_HOST", host)
    if host and host.startswith("unix"):
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with Tracer(lambda: pytest.fail("nobody asks")).listening() as heard:
        assert os.environ.get("DOCKER_HOST") == host
    assert "Only calls of docker-py are shown here, not those of the docker command" in repr(heard)


def test_names_are_not_worth_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def connect() -> Any:
        raise Blocked("No engine answers.", next_step="start one.")

    with Tracer(connect).listening() as heard:
        heard.calls.append(Call("GET", f"/containers/{'a' * 64}/json", {}, {}, 200, 0.1))
    assert "docker inspect aaaaaaaaaaaa" in repr(heard)


def test_a_call_that_failed_without_a_reply_is_shown(
    engine: MadeUpEngine, asking: tuple[Tracer, docker.DockerClient]
) -> None:
    tracer, client = asking
    engine.reply = lambda head, rest, one: None
    with pytest.raises(OSError, match=r"aborted|Connection"), tracer.listening() as heard:
        client.api.containers()
    assert heard.calls[0].status == 0
    assert "no reply" in heard._repr_html_()


def test_how_a_conversation_looks() -> None:
    body = json.dumps({"Image": "busybox", "Env": [], "Tty": False, "HostConfig": {"NetworkMode": "default"}})
    create = _call(
        "POST",
        "http+docker://localhost/v1.45/containers/create?name=web",
        {"Content-Type": "application/json"},
        body,
    )
    create.replied(201, 0.0123)
    logs = Call("GET", f"/containers/{'a' * 64}/logs", {"follow": "1", "stderr": "0"}, {}, 404, 0.5)
    login = _call("POST", "/auth", {"content-type": "application/json"}, b'{"password": "secret"}')
    heard = Conversation([create, logs, login], {"a" * 64: "web"})
    assert repr(heard).splitlines() == [
        "3 calls to the engine, 512 ms",
        "POST   /containers/create?name=web  201  12 ms",
        '       {"Image": "busybox"}',
        "       $ docker create --name web busybox",
        "GET    /containers/aaaaaaaaaaaa/logs?follow=1  404  500 ms",
        "       $ docker logs --follow web",
        "POST   /auth  0  0 ms",
        "       $ docker login",
    ]
    shown = heard._repr_html_()
    assert "secret" not in shown and "secret" not in repr(heard)
    page = ET.fromstring(shown.replace("<br>", "<br/>"))
    assert [len(list(row)) for row in page.iter("tr")] == [4, 4, 4, 4]
    assert page.findtext(".//caption") == "3 calls to the engine, 512 ms"


def test_a_long_conversation_is_cut() -> None:
    heard = Conversation([Call("GET", "/info", {}, {}, 200, 0.001)] * (MOST_CALLS + 5))
    assert repr(heard).endswith("... and 5 more")
    assert heard._repr_html_().count("<tr>") == MOST_CALLS + 1


@given(
    st.text(alphabet=st.characters(), max_size=80),
    JUNK | st.text(max_size=30),
    st.sampled_from(["application/json", "text/plain", ""]),
)
@settings(max_examples=200, deadline=None)
def test_whatever_passes_can_be_shown(target: str, body: Any, kind: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    try:
        call = _call("POST", f"/v1.45/containers/{target}", {"Content-Type": kind}, raw)
    except ValueError:
        return  # urlsplit's word for an address that is none: the proxy hangs up on it
    heard = Conversation([call])
    assert all(line.isprintable() for line in repr(heard).split("\n"))
    ET.fromstring(heard._repr_html_().replace("<br>", "<br/>"))


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 60_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"\xff"]
)
def test_a_body_that_is_too_deep_or_none(body: bytes) -> None:
    call = _call("POST", "/containers/create", {"content-type": "application/json"}, body)
    heard = Conversation([call])
    assert "docker create" in repr(heard)
    assert len(heard._repr_html_()) < 3000
