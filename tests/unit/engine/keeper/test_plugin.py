"""The plugin protocol's server: what dockerd sends is answered, whatever else comes is refused."""

from __future__ import annotations

import base64
import contextlib
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.engine.keeper.authz import Gate
from grader.engine.keeper.plugin import Limits, PluginServer

TOKEN = "0123456789abcdef"


class Loop:
    """A server in a selector's loop, turned by the tests."""

    def __init__(self, folder: Path, limits: Limits | None = None, gate: Any = None) -> None:
        self.path = folder / "plugin.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.server = PluginServer(gate or Gate(TOKEN), listener, limits)
        self.server.register(self.selector)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.path))
        client.setblocking(False)
        return client

    def turn(self) -> None:
        for key, mask in self.selector.select(0.005):
            key.data(mask)

    def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not done():
            assert time.monotonic() < deadline, "the server did not get there"
            self.turn()

    def exchange(self, client: socket.socket, data: bytes, answers: int = 1) -> list[tuple[int, Any]]:
        """Send all of ``data``, read this many answers."""
        received = bytearray()
        left = data

        def step() -> bool:
            nonlocal left
            if left:
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    left = left[client.send(left) :]
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                received.extend(client.recv(1 << 16))
            return len(parse(bytes(received))) >= answers

        self.until(step)
        return parse(bytes(received))


def parse(data: bytes) -> list[tuple[int, Any]]:
    found = []
    while b"\r\n\r\n" in data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(data) < length:
            break
        found.append((int(head.split()[1]), json.loads(data[:length])))
        data = data[length:]
    return found


def call(name: str, body: bytes = b"{}") -> bytes:
    return b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (name.encode(), len(body), body)


def authz(method: str, uri: str, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    encoded = None if body is None else base64.b64encode(json.dumps(body).encode()).decode()
    asked = {"RequestMethod": method, "RequestUri": uri, "RequestBody": encoded, "RequestHeaders": headers}
    return call("AuthZPlugin.AuthZReq", json.dumps(asked).encode())


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(tmp_path)
    yield loop
    loop.server.close()
    assert not loop.selector.get_map()


def test_the_protocol(loop: Loop) -> None:
    client = loop.connect()
    assert loop.exchange(client, call("Plugin.Activate")) == [(200, {"Implements": ["authz"]})]
    assert loop.exchange(client, authz("GET", "/v1.45/containers/json")) == [(200, {"Allow": True})]
    [(status, answer)] = loop.exchange(client, authz("POST", "/v1.45/swarm/init"))
    assert (status, answer["Allow"]) == (200, False)
    assert "Swarm" in answer["Msg"]
    body = {"Image": "x", "HostConfig": {"Privileged": True}}
    kind = {"Content-Type": "application/json"}
    [(_, answer)] = loop.exchange(client, authz("POST", "/containers/create", body, kind))
    assert not answer["Allow"]
    trusted = kind | {"X-Dockbook-Token": TOKEN}
    assert loop.exchange(client, authz("POST", "/containers/create", body, trusted)) == [
        (200, {"Allow": True})
    ]
    assert loop.exchange(client, call("AuthZPlugin.AuthZRes", b"not looked at")) == [(200, {"Allow": True})]


def test_requests_in_one_piece_and_byte_by_byte(loop: Loop) -> None:
    client = loop.connect()
    one, two = authz("GET", "/info"), authz("GET", "/swarm")
    got = loop.exchange(client, (one + two) * 20, answers=40)
    assert [answer["Allow"] for _, answer in got] == [True, False] * 20
    for byte in one[:-1]:
        client.send(bytes([byte]))
        loop.turn()
    assert loop.exchange(client, one[-1:]) == [(200, {"Allow": True})]


def test_a_client_that_does_not_read_is_not_read_from_either(loop: Loop) -> None:
    client = loop.connect()
    sent = 0
    data = authz("GET", "/plugins") * 1000
    for _ in range(300):
        try:
            sent += client.send(data)
        except BlockingIOError:
            loop.turn()
    [connection] = loop.server._connections
    assert len(connection.received) <= (256 << 10) + len(data)
    assert len(connection.unsent) < 1 << 20
    other = loop.connect()
    assert loop.exchange(other, authz("GET", "/info")) == [(200, {"Allow": True})]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /AuthZPlugin.AuthZReq HTTP/1.1\r\n" + b"x: y\r\n" * 5000,
    ],
    ids=lambda data: str(data[:70]),
)
def test_what_is_not_the_protocol_ends_the_connection(loop: Loop, data: bytes) -> None:
    client = loop.connect()
    [(status, answer)] = loop.exchange(client, data)
    assert status == 400
    assert "Allow" not in answer
    loop.until(lambda: not loop.server._connections)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"RequestMethod": 1, "RequestUri": []}', b"\xff", b"[" * 100_000],
)
def test_a_request_that_cannot_be_read_is_refused(loop: Loop, body: bytes) -> None:
    [(status, answer)] = loop.exchange(loop.connect(), call("AuthZPlugin.AuthZReq", body))
    assert (status, answer["Allow"]) == (200, False)


def test_a_body_that_is_not_base64_is_refused(loop: Loop) -> None:
    asked = {"RequestMethod": "POST", "RequestUri": "/containers/x/exec", "RequestBody": "!"}
    [(_, answer)] = loop.exchange(loop.connect(), call("AuthZPlugin.AuthZReq", json.dumps(asked).encode()))
    assert not answer["Allow"]


def test_a_gate_that_breaks_refuses(tmp_path: Path) -> None:
    class Broken:
        def decide(self, *_: object) -> None:
            raise RuntimeError

    loop = Loop(tmp_path, gate=Broken())
    [(_, answer)] = loop.exchange(loop.connect(), authz("GET", "/info"))
    assert not answer["Allow"]
    loop.server.close()


def test_an_unknown_call_is_not_found(loop: Loop) -> None:
    [(status, _)] = loop.exchange(loop.connect(), call("NetworkDriver.GetCapabilities"))
    assert status == 404


def test_too_long_a_request_is_skipped_and_refused_and_the_next_is_served(tmp_path: Path) -> None:
    loop = Loop(tmp_path, Limits(body=1000))
    client = loop.connect()
    long = call("AuthZPlugin.AuthZReq", b"x" * 3_000_000)
    got = loop.exchange(client, long + authz("GET", "/info"), answers=2)
    assert [answer["Allow"] for _, answer in got] == [False, True]
    assert loop.exchange(client, call("AuthZPlugin.AuthZRes", b"x" * 3_000_000)) == [(200, {"Allow": True})]
    loop.server.close()


def test_memory_for_bodies_is_bounded_over_all_connections(tmp_path: Path) -> None:
    loop = Loop(tmp_path, Limits(body=1000, bodies=1500))
    first = loop.connect()
    first.send(call("AuthZPlugin.AuthZReq", b"x" * 900)[:-1])
    loop.until(lambda: loop.server.reserved == 900)
    second = loop.connect()
    [(_, answer)] = loop.exchange(second, call("AuthZPlugin.AuthZReq", b"x" * 900))
    assert "length" in answer["Msg"]
    first.close()
    loop.until(lambda: loop.server.reserved == 0)
    assert loop.exchange(second, authz("GET", "/info")) == [(200, {"Allow": True})]
    loop.server.close()


def test_connections_beyond_the_limit_wait_for_their_turn(tmp_path: Path) -> None:
    loop = Loop(tmp_path, Limits(connections=2))
    first, second, third = loop.connect(), loop.connect(), loop.connect()
    third.send(authz("GET", "/info"))
    for client in (first, second):
        assert loop.exchange(client, authz("GET", "/info")) == [(200, {"Allow": True})]
    for _ in range(5):
        loop.turn()
    with pytest.raises(BlockingIOError):
        third.recv(100)
    first.close()
    assert loop.exchange(third, b"") == [(200, {"Allow": True})]
    loop.server.close()


def test_it_answers_two_thousand_calls_a_second(loop: Loop) -> None:
    """Counted in processor time of this process, client included."""
    client = loop.connect()
    body = {
        "Image": "busybox",
        "Cmd": ["sh"],
        "HostConfig": {"Binds": ["data:/data"], "NetworkMode": "default"},
    }
    request = authz("POST", "/v1.45/containers/create", body, {"Content-Type": "application/json"})
    started = time.process_time()
    for _ in range(20):
        assert len(loop.exchange(client, request * 50, answers=50)) == 50
    assert 1000 / (time.process_time() - started) >= 2000


def test_the_import_is_light() -> None:
    """A keeper loads it at every start: none of the standard library's heavy parts."""
    code = "import sys; import grader.engine.keeper.plugin, grader.engine.keeper.authz; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[4])},
    )
    assert "grader.engine.keeper.plugin" in run.stdout.split()
    assert not {"http", "email", "ssl", "hashlib", "asyncio", "logging", "urllib", "docker"} & set(
        run.stdout.split()
    )
