"""What passes between ZeroMQ and a kernel: messages of any honest shape, and none without an end."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import closing, suppress

import pytest
import zmq

from grader.grading.judge.wire import MESSAGE_BYTES, MESSAGE_FRAMES, Endless, Meter, Wire

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
PONG = b"\x04\x05\x04PONG"
READY = b"\x04\x06\x05READY"


def frame(size, more=False):
    if size < 256:
        return bytes([int(more), size]) + bytes(size)
    return bytes([2 | more]) + size.to_bytes(8, "big") + bytes(size)


def look(*pieces, at_once=1 << 16):
    meter, data = Meter(), b"".join(pieces)
    for start in range(0, len(data), at_once):
        meter.look(data[start : start + at_once])


@pytest.mark.parametrize("at_once", [1, 7, 1 << 16])
def test_messages_within_the_bounds_pass_however_they_are_cut(at_once):
    small = [frame(n % 300, more=n % 7 != 6) for n in range(700)]
    look(GREETING, READY, *small, at_once=at_once)


def test_many_messages_pass_that_are_large_one_by_one():
    look(GREETING, READY, *[frame(MESSAGE_BYTES), PONG] * 3)


@pytest.mark.parametrize(
    "endless",
    [
        frame(MESSAGE_BYTES + 1),
        frame(MESSAGE_BYTES // 2, more=True) * 3,
        frame(0, more=True) * (MESSAGE_FRAMES + 1),
        b"\x02" + b"\xff" * 8,
        (frame(MESSAGE_BYTES // 2, more=True) + PONG) * 3,
        (frame(0, more=True) + PONG) * (MESSAGE_FRAMES + 1),
        b"\x06" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20),
    ],
)
def test_what_has_no_end_does_not(endless):
    with pytest.raises(Endless):
        look(GREETING, READY, endless)


@pytest.mark.parametrize("version", [b"\x00", b"\x01", b"\x02", b"\x04"])
def test_no_other_framing_passes(version):
    """An older version's frames would be read otherwise by ZeroMQ than by who counts them."""
    with pytest.raises(Endless):
        look(GREETING[:10] + version + GREETING[11:])
    with pytest.raises(Endless):
        look(b"\x01\x00" + GREETING)


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("w")


@pytest.fixture
def there(folder):
    return str(folder / "k")


def test_what_zeromq_says_comes_through_both_ways(folder, there):
    rng = random.Random(7)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as kernel, context.socket(zmq.DEALER) as ours:
        kernel.bind(f"ipc://{there}-1")
        with closing(Wire(folder, there, [1])) as wire:
            ours.connect(f"ipc://{wire.address}-1")
            for size in [0, 1, 255, 256, 65_535, 3_000_000, *(rng.randrange(100_000) for _ in range(20))]:
                sent = [rng.randbytes(size), b"end"]
                ours.send_multipart(sent)
                assert kernel.poll(20_000)
                who, *heard = kernel.recv_multipart()
                assert heard == sent
                kernel.send_multipart([who, *heard])
                assert ours.poll(20_000)
                assert ours.recv_multipart() == sent
    assert sorted(path.name for path in folder.iterdir()) in (["k-1"], [])


def test_a_message_without_an_end_costs_the_connection_and_the_next_one_works(folder, there):
    def kernel(listener):
        for endless in (True, False):
            with suppress(OSError), listener.accept()[0] as wire:
                wire.sendall(GREETING + READY)
                while endless:
                    wire.sendall(frame(60_000, more=True))
                wire.sendall(frame(3))

    def hear(wire):
        heard = 0
        with socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(20)
            ours.connect(f"{wire.address}-1")
            while data := ours.recv(1 << 16):
                heard += len(data)
        return heard

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{there}-1")
        listener.listen()
        thread = threading.Thread(target=kernel, args=[listener])
        thread.start()
        with closing(Wire(folder, there, [1])) as wire:
            assert hear(wire) <= len(GREETING + READY) + MESSAGE_BYTES + 10_000
            assert hear(wire) == len(GREETING + READY + frame(3))
        thread.join(20)


def test_no_link_in_the_sockets_place_is_followed(folder, there):
    with socket.socket(socket.AF_UNIX) as elsewhere:
        elsewhere.bind(str(folder / "host"))
        elsewhere.listen()
        elsewhere.settimeout(0.3)
        (folder / "k-1").symlink_to(folder / "host")
        with closing(Wire(folder, there, [1])) as wire, socket.socket(socket.AF_UNIX) as ours:
            ours.connect(f"{wire.address}-1")
            assert ours.recv(10) == b""
        with pytest.raises(TimeoutError):
            elsewhere.accept()
