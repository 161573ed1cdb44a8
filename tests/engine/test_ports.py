"""What a container publishes answers on the machine's own loopback, TCP and UDP, while it runs."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from grader.engine.base import Engine
from grader.engine.ports import HOST, Ports, Published
from grader.engine.sandbox import Sandbox

ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 5000))
while True:
    data, sender = server.recvfrom(2048)
    server.sendto(data.upper(), sender)
"""


@pytest.fixture
def sandbox(engine: Engine) -> Sandbox:
    assert isinstance(engine, Sandbox)
    return engine


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ports(sandbox: Sandbox, said: list[str]) -> Iterator[Ports]:
    with Ports(sandbox, said.append) as opened:
        yield opened


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def eventually(question: Callable[[], bool], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return False


def body(port: int) -> bytes:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/", timeout=5) as reply:
            content: bytes = reply.read()
            return content
    except (urllib.error.URLError, OSError):
        return b""


def test_a_web_page_while_the_container_runs(sandbox: Sandbox, ports: Ports, said: list[str]) -> None:
    port = free_port()
    container = sandbox.client().containers.run("training/webapp", detach=True, ports={"5000/tcp": port})
    assert eventually(lambda: body(port) == b"Hello world!")
    container.remove(force=True)
    assert eventually(lambda: body(port) == b"")
    assert said == []


def test_more_than_a_buffer_both_ways(sandbox: Sandbox, ports: Ports) -> None:
    port = free_port()
    sandbox.client().containers.run(
        "busybox", ["nc", "-ll", "-p", "7", "-e", "cat"], detach=True, ports={"7": port}
    )
    data = bytes(range(256)) * 4096

    def echoed() -> bool:
        received = b""
        try:
            with socket.create_connection((HOST, port), timeout=5) as line:
                line.sendall(data[:100_000])
                while len(received) < 100_000:
                    chunk = line.recv(65536)
                    if not chunk:
                        return False
                    received += chunk
        except OSError:
            return False
        return received == data[:100_000]

    assert eventually(echoed)


def test_a_datagram_goes_out_and_comes_back(sandbox: Sandbox, ports: Ports) -> None:
    port = free_port(socket.SOCK_DGRAM)
    sandbox.client().containers.run(
        "training/webapp", ["python", "-c", ECHO], detach=True, ports={"5000/udp": port}
    )

    def echoed() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(0.5)
            try:
                line.sendto(b"hello", (HOST, port))
                return line.recv(100) == b"HELLO"
            except OSError:
                return False

    assert eventually(echoed)


def test_a_port_that_somebody_else_has_is_said(sandbox: Sandbox, ports: Ports, said: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        sandbox.client().containers.run("training/webapp", detach=True, ports={"5000/tcp": port})
        assert eventually(lambda: bool(said))
    assert str(Published(port, "tcp")) in said[0]
    assert "already in use" in said[0]
