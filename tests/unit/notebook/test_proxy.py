"""The socket in front of the engine's, before a made-up engine."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.notebook.proxy import Heard, Proxy, can_carry
from grader.notebook.trace import Tracer
from tests.unit.notebook.made_up_engine import LIMIT_S, OK, MadeUpEngine, everything


class Noted:
    """What a proxy hears, with the replies."""

    def __init__(self) -> None:
        self.requests: list[Heard] = []
        self.replies: list[tuple[int, float]] = []

    def __call__(self, heard: Heard) -> Callable[[int, float], None]:
        self.requests.append(heard)
        return lambda status, seconds: self.replies.append((status, seconds))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def proxy(engine: MadeUpEngine, noted: Noted) -> Iterator[Proxy]:
    one = Proxy(f"unix://{engine.path}", noted)
    yield one
    one.close()


def connected(proxy: Proxy) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(LIMIT_S)
    client.connect(proxy.address.removeprefix("unix://"))
    return client


def ask(proxy: Proxy, request: bytes) -> bytes:
    with connected(proxy) as client:
        client.sendall(request)
        return everything(client)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def threads() -> int:
    return sum(thread.name == "trace" for thread in threading.enumerate())


def test_a_request_with_a_body(engine: MadeUpEngine, proxy: Proxy, noted: Noted) -> None:
    bodies = []

    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        while len(rest) < 11:
            rest += one.recv(65536)
        bodies.append(rest)
        one.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    engine.reply = reply
    with connected(proxy) as client:
        head = (
            b"POST /v1.45/containers/create?name=web HTTP/1.1\r\nHost: docker\r\nConnection: keep-alive\r\n"
        )
        client.sendall(head + b"Content-Type: application/json\r\nContent-Length: 11\r\n\r\n")
        time.sleep(0.05)
        client.sendall(b'{"a": "bc"}')
        assert everything(client).endswith(b"{}")
    assert bodies == [b'{"a": "bc"}']
    (heard,) = noted.requests
    assert (heard.method, heard.target) == ("POST", "/v1.45/containers/create?name=web")
    assert heard.headers["content-type"] == "application/json"
    assert heard.body == b'{"a": "bc"}'
    assert [status for status, _ in noted.replies] == [201]
    (got,) = engine.heads
    assert b"Connection: close" in got and b"keep-alive" not in got, "one request on each connection"


def test_a_large_body_passes_whole_and_is_noted_in_part(
    engine: MadeUpEngine, proxy: Proxy, noted: Noted
) -> None:
    size = 3 << 20
    got: list[int] = []

    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        count = len(rest)
        while count < size:
            count += len(one.recv(65536))
        got.append(count)
        one.sendall(OK)

    engine.reply = reply
    request = b"POST /images/load HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size
    assert ask(proxy, request + b"x" * size).endswith(b"ok")
    assert got == [size]
    assert len(noted.requests[0].body) < size


def test_a_chunked_reply_arrives_piece_by_piece(engine: MadeUpEngine, proxy: Proxy, noted: Noted) -> None:
    go_on = threading.Event()

    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        one.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert go_on.wait(LIMIT_S)
        one.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    engine.reply = reply
    client = http.client.HTTPConnection("docker")
    client.sock = connected(proxy)
    client.request("GET", "/events")
    answer = client.getresponse()
    assert answer.read(3) == b"one", "before the end of the reply"
    go_on.set()
    assert answer.read() == b"two"
    client.close()
    assert noted.replies[0][0] == 200


def test_a_status_that_comes_in_pieces(engine: MadeUpEngine, proxy: Proxy, noted: Noted) -> None:
    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        for byte in b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":
            one.sendall(bytes([byte]))
            time.sleep(0.001)

    engine.reply = reply
    assert b"404" in ask(proxy, b"GET /containers/x/json HTTP/1.1\r\n\r\n")
    assert [status for status, _ in noted.replies] == [404]


def test_an_upgraded_connection_goes_both_ways_and_ends_by_halves(
    engine: MadeUpEngine, proxy: Proxy, noted: Noted
) -> None:
    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        one.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        heard = rest
        while piece := one.recv(65536):
            one.sendall(b"<" + piece + b">")
            heard += piece
        one.sendall(b"after the end: " + heard)  # as `docker run -i busybox wc` does

    engine.reply = reply
    with connected(proxy) as client:
        client.sendall(b"POST /containers/x/attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        found = b""
        while not found.endswith(b"\r\n\r\n"):
            found += client.recv(65536)
        client.sendall(b"\x00\xff\r\n\r\n")
        while not found.endswith(b">"):
            found += client.recv(65536)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"after the end: \x00\xff\r\n\r\n"
    assert b"Upgrade: tcp" in engine.heads[0] and b"Connection: close" not in engine.heads[0]
    assert [status for status, _ in noted.replies] == [101]


def test_a_client_that_goes_ends_the_engines_side(engine: MadeUpEngine, proxy: Proxy) -> None:
    ended = threading.Event()

    def reply(head: bytes, rest: bytes, one: socket.socket) -> None:
        one.sendall(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n")
        while one.recv(65536):
            pass
        # An engine goes on after one half has ended; it must learn of the end of both.
        one.settimeout(LIMIT_S)
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                one.sendall(b"output")
            except OSError:
                ended.set()
                return
            time.sleep(0.05)

    engine.reply = reply
    with connected(proxy) as client:
        client.sendall(b"POST /containers/x/attach HTTP/1.1\r\nUpgrade: tcp\r\n\r\n")
        assert client.recv(65536)
    assert ended.wait(LIMIT_S)
    until(lambda: threads() == 1, "its threads end")


def test_a_client_that_goes_while_the_engine_is_silent(engine: MadeUpEngine, proxy: Proxy) -> None:
    over = threading.Event()
    engine.reply = lambda head, rest, one: over.wait(3 * LIMIT_S)
    client = connected(proxy)
    client.sendall(b"GET /events HTTP/1.1\r\n\r\n")
    until(lambda: len(engine.heads) == 1, "the request arrives")
    client.close()
    try:
        until(lambda: threads() == 1, "nobody waits for an engine that says nothing to nobody")
    finally:
        over.set()


def test_a_client_that_keeps_its_connection_makes_a_new_one(
    engine: MadeUpEngine, proxy: Proxy, noted: Noted
) -> None:
    client = http.client.HTTPConnection("docker")
    client.connect = lambda: setattr(client, "sock", connected(proxy))  # type: ignore[method-assign]
    for _ in range(3):
        client.request("GET", "/info", headers={"Connection": "keep-alive"})
        assert client.getresponse().read() == b"ok"
    client.close()
    assert [heard.target for heard in noted.requests] == ["/info"] * 3


def test_an_engine_that_is_gone_is_told(engine: MadeUpEngine, proxy: Proxy, noted: Noted) -> None:
    engine.close()
    answer = ask(proxy, b"GET /info HTTP/1.1\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 ")
    assert json.loads(body) == {"message": "the engine does not answer: Connection refused"}
    assert len(noted.requests) == 1 and noted.replies == [], "asked, and no reply came"


def test_an_engine_that_hangs_up(engine: MadeUpEngine, proxy: Proxy, noted: Noted) -> None:
    engine.reply = lambda head, rest, one: None
    assert ask(proxy, b"GET /info HTTP/1.1\r\n\r\n") == b""
    assert noted.replies == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + b"\r\n\r\n",
        b"x" * 200_000,
        b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\nnonsense\r\n\r\n",
        b"",
    ],
)
def test_garbage_ends_its_own_connection_alone(engine: MadeUpEngine, garbage: bytes) -> None:
    tracer = Tracer(lambda: pytest.fail("nobody asks"))
    proxy = Proxy(f"unix://{engine.path}", tracer._passing)
    try:
        with connected(proxy) as client:
            try:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                everything(client)
            except OSError:
                pass  # it was hung up on before all of it was sent
        assert ask(proxy, b"GET /info HTTP/1.1\r\n\r\n").endswith(b"ok")
    finally:
        proxy.close()
    until(lambda: threads() == 0, "its threads end")


def test_an_error_of_the_listener_is_not_the_clients(engine: MadeUpEngine) -> None:
    def heard(request: Heard) -> Any:
        raise ValueError("cannot be read")

    proxy = Proxy(f"unix://{engine.path}", heard)
    assert ask(proxy, b"GET /info HTTP/1.1\r\n\r\n") == b""
    proxy.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_connections_side_by_side_and_nothing_left_open(
    engine: MadeUpEngine, proxy: Proxy, noted: Noted
) -> None:
    ask(proxy, b"GET /first HTTP/1.1\r\n\r\n")
    until(lambda: threads() == 1, "the first is over")
    gc.collect()
    before = open_files()
    answers: list[bytes] = []

    def some() -> None:
        answers.extend(ask(proxy, b"GET /info HTTP/1.1\r\n\r\n") for _ in range(10))

    clients = [threading.Thread(target=some) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(LIMIT_S)
    assert len(answers) == 200 and all(answer.endswith(b"ok") for answer in answers)
    until(lambda: len(noted.replies) == 201, "each reply is noted")
    until(lambda: threads() == 1, "each connection's threads end")
    gc.collect()
    until(lambda: open_files() <= before, "no socket is left open")


def test_a_closed_proxy_takes_no_more_and_leaves_nothing(engine: MadeUpEngine, noted: Noted) -> None:
    proxy = Proxy(f"unix://{engine.path}", noted)
    path = Path(proxy.address.removeprefix("unix://"))
    assert path.is_socket()
    proxy.close()
    proxy.close()
    assert not path.parent.exists()
    until(lambda: threads() == 0, "the thread that waited for connections ends")


def test_an_engine_over_tcp(noted: Noted) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(f"tcp://127.0.0.1:{server.getsockname()[1]}", noted)
        with connected(proxy) as client:
            client.sendall(b"GET /info HTTP/1.1\r\n\r\n")
            one, _ = server.accept()
            with one:
                assert one.recv(65536).startswith(b"GET /info")
                one.sendall(OK)
            assert everything(client).endswith(b"ok")
        proxy.close()
    assert noted.replies[0][0] == 200


@pytest.mark.parametrize(
    ("engine", "can"),
    [
        ("unix:///run/docker.sock", True),
        ("tcp://127.0.0.1:2375", True),
        ("ssh://ann@host", False),
        ("npipe:////./pipe/docker_engine", False),
        ("", False),
        (None, False),
    ],
)
def test_where_a_proxy_can_stand(engine: str | None, can: bool) -> None:
    assert can_carry(engine) is can
