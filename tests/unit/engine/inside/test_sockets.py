"""What sockets hold that nobody has mapped: queues, connections that nobody accepts, rings of packets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.inside import descriptors, in_flight, sockets
from grader.engine.inside.in_flight import Waiting

MB = 1 << 20


def fill(end: socket.socket) -> int:
    """Send until nothing more fits; how many bytes did."""
    sent = 0
    end.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += end.send(bytes(1 << 15))
    return sent


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair(type=request.param)
    yield ends
    for end in ends:
        end.close()


def test_what_was_sent_and_not_read_is_held(pair: tuple[socket.socket, socket.socket]) -> None:
    numbers = [end.fileno() for end in pair]
    assert [sockets.held(os.getpid(), number) for number in numbers] == [sockets.ITSELF] * 2
    sent = fill(pair[0])
    assert sum(sockets.held(os.getpid(), number) for number in numbers) >= sent > 0
    assert descriptors.look([os.getpid()], 1000, trusted=False).size >= sent


def test_what_waits_in_a_socket_that_waits_in_a_socket_is_held() -> None:
    outer, inner = socket.socketpair(), socket.socketpair()
    sent = fill(inner[0])
    socket.send_fds(outer[0], [b"x"], [inner[0].fileno(), inner[1].fileno()])
    for end in inner:
        end.close()
    assert in_flight.size([Waiting(os.getpid(), outer[1].fileno())]) >= sent > 0
    for end in outer:
        end.close()


def test_what_waits_in_a_connection_that_nobody_accepts_is_held() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        before = sockets.held(os.getpid(), server.fileno())
        visitors = [socket.create_connection(server.getsockname()) for _ in range(3)]
        for visitor in visitors:
            visitor.close()
        assert sockets.held(os.getpid(), server.fileno()) - before == 3 * sockets.UNREAD


def test_so_is_one_to_a_unix_socket_though_its_sender_has_gone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(100)
        assert sockets.unaccepted([os.getpid()]) == 0
        sent = 0
        for _ in range(2 * sockets.SPARE):
            with socket.socket(socket.AF_UNIX) as visitor:
                visitor.connect(str(tmp_path / "s"))
                sent = fill(visitor)
        assert sockets.unaccepted([os.getpid()]) >= sockets.SPARE * sent > 0
    assert sockets.unaccepted([os.getpid()]) == 0


def with_ring(one: socket.socket) -> None:
    one.setsockopt(263, 5, struct.pack("4I", 4096, 4, 2048, 8))  # PACKET_RX_RING of packet(7)


@pytest.fixture
def packets() -> Iterator[socket.socket]:
    try:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        pytest.skip("packet sockets are root's here")
    yield one
    one.close()


def test_a_ring_of_packets_is_found_and_a_packet_socket_is_none(packets: socket.socket) -> None:
    rings = sockets.Rings()
    groups = {"kernel": [os.getpid()], "other": [os.getppid()]}
    assert rings.of(groups)["kernel"] == 0
    assert packets.getsockopt(263, 10) == 0
    with_ring(packets)
    assert rings.of(groups)["kernel"] == 1


def test_a_ring_that_was_sent_on_is_found_the_second_time(packets: socket.socket) -> None:
    rings, pair = sockets.Rings(), socket.socketpair()
    with_ring(packets)
    socket.send_fds(pair[0], [b"x"], [packets.fileno()])
    packets.close()
    groups = {"kernel": [os.getpid()]}
    assert [rings.of(groups)["kernel"] for _ in range(3)] == [0, 1, 1]
    for end in pair:
        end.close()
    assert rings.of(groups)["kernel"] == 0


def test_pipes_are_held_with_all_that_fits_in_them(tmp_path: Path) -> None:
    def held() -> int:
        return descriptors.look([os.getpid()], 1000, trusted=False).size

    before = held()
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, MB)
    assert held() - before == MB
    os.mkfifo(tmp_path / "named")
    named = os.open(tmp_path / "named", os.O_RDWR)
    assert held() - before == MB + (64 << 10)
    pair = socket.socketpair()
    waiting = [Waiting(os.getpid(), pair[1].fileno())]
    socket.send_fds(pair[0], [b"x"], [ends[0]])
    assert MB <= in_flight.size(waiting) < MB + (64 << 10)
    for end in (*ends, named, *(one.detach() for one in pair)):
        os.close(end)


def test_a_look_ends_where_more_is_open_than_can_be_looked_at() -> None:
    found = descriptors.look([os.getpid()] * 1000, 50, trusted=False)
    assert found.opened == 51
