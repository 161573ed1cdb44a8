"""Memory that nobody has open: what waits in sockets and rings, and System V's objects."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.inside import in_flight
from grader.engine.inside.in_flight import TOO_MUCH, Waiting
from grader.engine.system import linux

MB = 1 << 20
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    ends = socket.socketpair(type=request.param)
    yield ends
    for end in ends:
        end.close()


def send_file(to: socket.socket, size: int, data: bytes = b"x") -> None:
    """A file in memory that nobody but the socket has afterwards."""
    file = os.memfd_create("file")
    os.truncate(file, size)
    os.pwrite(file, bytes(size), 0)
    socket.send_fds(to, [data], [file])
    os.close(file)


def found(end: socket.socket) -> list[Waiting]:
    number = str(end.fileno())
    one = in_flight.waiting(os.getpid(), number, str(Path(f"/proc/self/fd/{number}").readlink()))
    return [] if one is None else [one]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_what_waits_is_counted_and_stays_there(pair: Pair) -> None:
    for _ in range(3):
        send_file(pair[0], 2 * MB)
    before = open_files()
    assert in_flight.size(found(pair[1])) == 6 * MB
    assert in_flight.size(found(pair[1])) == 6 * MB
    assert open_files() == before
    data, files, _, _ = socket.recv_fds(pair[1], 1, 1)
    assert (data, os.fstat(files[0]).st_size) == (b"x", 2 * MB)
    os.close(files[0])
    assert in_flight.size(found(pair[1])) == 4 * MB


def test_a_socket_that_waits_in_a_socket_is_looked_into(pair: Pair) -> None:
    inner = socket.socketpair()
    send_file(inner[0], 3 * MB)
    socket.send_fds(pair[0], [b"x"], [inner[1].fileno()])
    for end in inner:
        end.close()
    # The file, and the data beside it.
    assert 3 * MB <= in_flight.size(found(pair[1])) < 3 * MB + (64 << 10)


def test_one_file_in_two_sockets_counts_once() -> None:
    first, second = socket.socketpair(), socket.socketpair()
    file = os.memfd_create("file")
    os.pwrite(file, bytes(MB), 0)
    for ends in (first, second):
        socket.send_fds(ends[0], [b"x"], [file])
    os.close(file)
    assert in_flight.size([*found(first[1]), *found(second[1])]) == MB
    for end in (*first, *second):
        end.close()


def test_a_socket_where_nothing_waits_is_no_holder(pair: Pair) -> None:
    pair[0].send(b"words alone")
    assert found(pair[1]) == []


def test_a_socket_that_was_closed_meanwhile_holds_nothing(pair: Pair) -> None:
    send_file(pair[0], MB)
    holders = found(pair[1])
    pair[1].close()
    assert in_flight.size(holders) == 0


def test_a_connection_that_nobody_accepted_is_too_much(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
        send_file(client, MB)
        holders = found(listener)
        assert holders
        assert in_flight.size(holders) == TOO_MUCH


def test_what_shows_itself_only_once_is_too_much() -> None:
    ends = socket.socketpair(type=socket.SOCK_DGRAM)
    send_file(ends[0], MB, data=b"")
    holders = found(ends[1])
    in_flight.size(holders)  # from here on Linux passes it over
    assert in_flight.size(holders) == TOO_MUCH
    for end in ends:
        end.close()


def test_more_than_anybody_needs_is_too_much(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MOST", 2)
    before = open_files()
    for _ in range(3):
        send_file(pair[0], MB)
    assert in_flight.size(found(pair[1])) == TOO_MUCH
    assert open_files() == before


def test_sockets_in_sockets_without_end_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "DEPTH", 1)
    ends = socket.socketpair()
    send_file(ends[0], MB)
    for _ in range(3):
        outer = socket.socketpair()
        socket.send_fds(outer[0], [b"x"], [ends[1].fileno()])
        for end in ends:
            end.close()
        ends = outer
    assert in_flight.size(found(ends[1])) == TOO_MUCH
    for end in ends:
        end.close()


def test_files_of_a_ring_cannot_be_counted() -> None:
    library = ctypes.CDLL(None, use_errno=True)
    ring = library.syscall(425, 2, ctypes.create_string_buffer(120))  # io_uring_setup(2)
    if ring < 0:
        pytest.skip(f"this system lets nobody have a ring: {os.strerror(ctypes.get_errno())}")
    assert in_flight.waiting(os.getpid(), str(ring), "anon_inode:[io_uring]") is None
    file = os.memfd_create("file")
    assert library.syscall(427, ring, 2, (ctypes.c_int * 1)(file), 1) == 0  # IORING_REGISTER_FILES
    os.close(file)
    holder = in_flight.waiting(os.getpid(), str(ring), "anon_inode:[io_uring]")
    assert holder is not None
    assert in_flight.size([holder]) == TOO_MUCH
    os.close(ring)


def test_shared_memory_counts_whether_somebody_is_attached_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "setns", lambda *_: None)  # an ordinary user's own namespace
    library = ctypes.CDLL(None)
    library.shmat.restype = ctypes.c_void_p
    before = in_flight.system_v_bytes(os.getpid())
    number = library.shmget(0, 2 * MB, 0o1600)
    address = library.shmat(number, None, 0)
    try:
        ctypes.memset(address, 1, 2 * MB)
        assert in_flight.system_v_bytes(os.getpid()) == before + 2 * MB
        library.shmdt(ctypes.c_void_p(address))
        assert in_flight.system_v_bytes(os.getpid()) == before + 2 * MB
    finally:
        library.shmctl(number, 0, None)
