"""Many connections over one stream: two ends in two threads, with real sockets at both."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from grader.engine.inside import mux
from grader.engine.inside.mux import Broken, Mux


class End(threading.Thread):
    """One side and its loop; ``opened`` collects the sockets that the other side asked for."""

    def __init__(self, wire: socket.socket, first: int) -> None:
        super().__init__(daemon=True)
        wire.setblocking(False)
        self.wire = wire
        self.selector = selectors.DefaultSelector()
        self.opened: dict[str, socket.socket] = {}
        self.logged = b""
        self.broken = ""
        self.mux = Mux(self.selector, wire.fileno(), self.opener, first, self.log)
        self.todo: list[Callable[[], None]] = []
        self.bell, self.rope = os.pipe()
        self.selector.register(self.bell, selectors.EVENT_READ, self.ring)
        self.over = False

    def opener(self, target: str) -> socket.socket | None:
        if target == "nothing":
            return None
        if target == "refused":
            raise ConnectionRefusedError
        kind = socket.SOCK_DGRAM if target.startswith("udp:") else socket.SOCK_STREAM
        here, self.opened[target] = socket.socketpair(socket.AF_UNIX, kind)
        return here

    def log(self, data: bytes) -> None:
        self.logged += data

    def open(self, target: str) -> socket.socket:
        kind = socket.SOCK_DGRAM if target.startswith("udp:") else socket.SOCK_STREAM
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        ours.settimeout(10)
        self.do(lambda: self.mux.open(target, theirs))
        return ours

    def do(self, what: Callable[[], None]) -> None:
        """In the loop's own thread: an end has one."""
        self.todo.append(what)
        os.write(self.rope, b"x")

    def ring(self, _: int) -> None:
        os.read(self.bell, 1)
        while self.todo:
            self.todo.pop(0)()

    def run(self) -> None:
        try:
            while not self.over:
                for key, mask in self.selector.select():
                    key.data(mask)
        except Broken as error:
            self.broken = str(error)

    def end(self) -> None:
        self.over = True
        os.write(self.rope, b"x")
        self.join(5)


@pytest.fixture
def ends() -> Iterator[tuple[End, End]]:
    one, two = socket.socketpair()
    near, far = End(one, 1), End(two, 2)
    near.start()
    far.start()
    yield near, far
    for end in (near, far):
        end.end()
        end.wire.close()


def far_socket(end: End, target: str) -> socket.socket:
    deadline = time.monotonic() + 5
    while target not in end.opened:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    end.opened[target].settimeout(10)
    return end.opened[target]


def everything(handle: socket.socket) -> bytes:
    data = b""
    while chunk := handle.recv(65536):
        data += chunk
    return data


def test_both_directions_and_each_ends_by_itself(ends):
    near, far = ends
    here = near.open("api")
    here.sendall(b"question")
    there = far_socket(far, "api")
    assert there.recv(100) == b"question"
    here.shutdown(socket.SHUT_WR)
    assert there.recv(100) == b""
    there.sendall(b"a long answer, after the end of the question")
    there.close()
    assert everything(here) == b"a long answer, after the end of the question"


def test_both_sides_open_and_keep_their_connections_apart(ends):
    near, far = ends
    pairs = [(near.open(f"n{i}"), far, f"n{i}") for i in range(20)]
    pairs += [(far.open(f"f{i}"), near, f"f{i}") for i in range(20)]
    for here, _, name in pairs:
        here.sendall(name.encode())
    for here, other, name in pairs:
        there = far_socket(other, name)
        assert there.recv(100) == name.encode()
        there.sendall(name.upper().encode())
        assert here.recv(100) == name.upper().encode()


@pytest.mark.parametrize("target", ["nothing", "refused"])
def test_what_cannot_be_had_is_closed(ends, target):
    with contextlib.suppress(ConnectionResetError):
        assert ends[0].open(target).recv(100) == b""


def test_much_data_arrives_whole_while_others_talk(ends):
    near, far = ends
    blob = os.urandom(1 << 20) * 8
    here = near.open("much")
    sender = threading.Thread(target=lambda: (here.sendall(blob), here.shutdown(socket.SHUT_WR)))
    sender.start()
    there = far_socket(far, "much")
    small = near.open("small")
    small.sendall(b"hi")
    assert far_socket(far, "small").recv(10) == b"hi"
    assert everything(there) == blob
    sender.join(10)


def test_a_slow_reader_holds_up_only_itself_and_costs_little_memory(ends):
    near, far = ends
    stuck = near.open("stuck")
    stuck.setblocking(False)
    sent = 0
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            sent += stuck.send(b"x" * 65536)
        except BlockingIOError:
            time.sleep(0.01)
    # Two sockets' buffers and one window are all that takes it in.
    assert sent < mux.WINDOW + (4 << 20)
    assert len(near.mux._out) < mux.FULL
    other = near.open("other")
    other.sendall(b"hi")
    assert far_socket(far, "other").recv(10) == b"hi"
    there = far_socket(far, "stuck")
    received = 0
    while received < sent:
        received += len(there.recv(1 << 20))
    assert received == sent


def test_datagrams_keep_their_bounds(ends):
    near, far = ends
    here = near.open("udp:53")
    here.send(b"one")
    there = far_socket(far, "udp:53")
    for size in (1, 1400, 60000):
        here.send(b"x" * size)
    there.send(b"answer")
    assert here.recv(100) == b"answer"
    assert [len(there.recv(65536)) for _ in range(4)] == [3, 1, 1400, 60000]


def test_the_log_comes_through(ends):
    near, far = ends
    far.do(lambda: far.mux.log(b"a line\n"))
    deadline = time.monotonic() + 5
    while near.logged != b"a line\n" and time.monotonic() < deadline:
        time.sleep(0.002)
    assert near.logged == b"a line\n"


def test_hanging_up_closes_all(ends):
    near, far = ends
    here = near.open("api")
    there = far_socket(far, "api")
    near.do(near.mux.hang_up)
    with contextlib.suppress(ConnectionResetError):
        assert there.recv(10) == b""
    with contextlib.suppress(ConnectionResetError):
        assert here.recv(10) == b""


def test_the_other_sides_end_is_said():
    one, two = socket.socketpair()
    end = End(one, 1)
    end.start()
    two.close()
    end.join(5)
    assert end.broken == "the other side is gone"
    one.close()


def test_garbage_ends_it():
    one, two = socket.socketpair()
    end = End(one, 1)
    end.start()
    here = end.open("api")
    two.sendall(mux.HEAD.pack(9, 1, 0))
    end.join(5)
    assert "a frame of kind 9" in end.broken
    here.close()
    one.close()
    two.close()
