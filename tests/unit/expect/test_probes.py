"""The programs that ask over the network, run here against real sockets; and answers that are none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from grader.expect import HttpReply, Reached, Resolved, UdpReply, probes


def here(argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
    """As a inspector runs it: the very interpreter of these tests in place of the engine's."""
    assert argv[:4] == ["python3", "-I", "-S", "-c"]
    done = subprocess.run([sys.executable, *argv[1:]], capture_output=True, timeout=limit_s, check=False)
    return done.returncode, done.stdout or done.stderr


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """Answers each second datagram only: one may get lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            number = 0
            while True:
                try:
                    data, sender = server.recvfrom(1000)
                except OSError:
                    return
                number += 1
                if data == b"end":
                    return
                if number % 2 == 0:
                    server.sendto(b"<" + data + b">", sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.sendto(b"end", server.getsockname())
        thread.join(5)


@pytest.fixture
def closed() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_page(web: int, closed: int) -> None:
    reply = probes.http(here, ("127.0.0.1",), web, "/")
    assert reply.status == 200
    assert reply.body.startswith("Hello �xxx")
    assert len(reply.body) == probes.MAX_BODY
    assert probes.http(here, ("127.0.0.1",), web, "/other").status == 404
    assert probes.http(here, ("127.0.0.1",), closed, "/") == HttpReply(0, error="Connection refused")
    assert probes.http(here, ("127.0.0.1",), web, "/a b\r\n").status == 0
    assert probes.http(here, (), web, "/") == HttpReply(0, error="no address to ask")


def test_the_first_address_that_answers(web: int) -> None:
    assert probes.http(here, ("127.0.0.2", "127.0.0.1"), web, "/").status == 200


def test_a_datagram_that_gets_lost_is_sent_again(echo: int, closed: int) -> None:
    assert probes.udp(here, ("127.0.0.1",), echo, "ping ü", 5) == UdpReply(answered=True, body="<ping ü>")
    assert probes.udp(here, ("127.0.0.2", "127.0.0.1"), echo, "ping", 5).answered
    began = time.monotonic()
    reply = probes.udp(here, ("127.0.0.1",), closed, "ping", 0.3)
    assert reply == UdpReply(answered=False, error="Connection refused")
    assert time.monotonic() - began < 10


def test_a_silent_port_is_waited_for_no_longer_than_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        began = time.monotonic()
        reply = probes.udp(here, ("127.0.0.1",), silent.getsockname()[1], "ping", 0.3)
    assert reply == UdpReply(answered=False, error="nothing came back")
    assert time.monotonic() - began < 10


def test_a_connection(web: int, closed: int) -> None:
    assert probes.tcp(here, "127.0.0.1", web, 1) == Reached(open=True)
    assert probes.tcp(here, "127.0.0.1", closed, 0) == Reached(open=False, error="Connection refused")


HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n172.17.0.2\tdb 0123456789ab database # old\n"


def test_the_hosts_file_comes_first() -> None:
    assert probes.resolve(nobody, "DataBase", HOSTS, "") == Resolved(("172.17.0.2",), "hosts")
    assert probes.resolve(nobody, "localhost", HOSTS, "") == Resolved(("127.0.0.1",), "hosts")


@pytest.mark.parametrize("conf", ["", "nameserver 8.8.8.8\n", "nameserver\nnonsense", "nameserver ::1"])
def test_only_dockers_name_server_knows_containers(conf: str) -> None:
    found = probes.resolve(nobody, "web", HOSTS, conf)
    assert found.addresses == ()
    assert "127.0.0.11" in found.error


def nobody(argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
    raise AssertionError("nothing is to be asked")


@pytest.mark.parametrize(
    ("code", "output", "error"),
    [
        (0, b"", "exit code 0"),
        (124, b"", "it took too long"),
        (1, b"nonsense\x1b[31m\n", "nonsense\\x1b[31m"),
        (0, b"[1]", "[1]"),
        (0, b"[" * 100_000, "[" * 100),
    ],
)
def test_what_is_no_answer_is_none(code: int, output: bytes, error: str) -> None:
    def run(argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        return code, output

    assert probes.http(run, ("127.0.0.1",), 80, "/").error.startswith(error)
    assert probes.udp(run, ("127.0.0.1",), 80, "x", 1) == UdpReply(
        answered=False, error=probes.tcp(run, "127.0.0.1", 80, 1).error
    )
    assert not probes.tcp(run, "127.0.0.1", 80, 1).open
    assert probes.resolve(run, "web", "", "nameserver 127.0.0.11").addresses == ()


@pytest.mark.parametrize(
    "output",
    [b'{"status": "200", "body": 3}', b'{"answered": 1}', b'{"open": "yes"}', b'{"addresses": [1, {}]}'],
)
def test_the_types_of_an_answer_are_held(output: bytes) -> None:
    def run(argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        return 0, output

    assert probes.http(run, ("h",), 80, "/") == HttpReply(0)
    assert not probes.udp(run, ("h",), 80, "x", 1).answered
    assert not probes.tcp(run, "h", 80, 1).open
    assert probes.resolve(run, "web", "", "nameserver 127.0.0.11").addresses == ()
