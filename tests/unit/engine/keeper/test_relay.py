"""Datagrams through the relay of published ports, where a keeper carries them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from grader.engine.keeper.relay import Relay


class Town:
    """A relay with one UDP port, a client, and the ends that it dialled inside."""

    def __init__(self, stack: ExitStack) -> None:
        self.enter = stack.enter_context
        self.inside: list[socket.socket] = []
        control, _theirs = (self.enter(one) for one in socket.socketpair())
        self.relay = Relay(control, self.dial)
        self.server = self.enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.server.bind(("127.0.0.1", 0))
        self.client = self.enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.client.settimeout(0.3)

    def dial(self, kind: str, port: int) -> socket.socket:
        ours, theirs = (self.enter(one) for one in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        ours.setblocking(False)
        self.inside.append(theirs)
        return ours

    def send(self, data: bytes) -> None:
        self.client.sendto(data, self.server.getsockname())
        self.relay.datagram("7/udp", self.server, 7)

    def turn(self) -> int:
        """One turn of the relay's loop; how much there was to do."""
        ready = self.relay.selector.select(0)
        for key, mask in ready:
            if callable(key.data):
                key.data(key.fileobj, mask)
        return len(ready)


@pytest.fixture
def town() -> Iterator[Town]:
    with ExitStack() as stack:
        yield Town(stack)


def test_a_datagram_and_its_answer(town: Town) -> None:
    town.send(b"ping")
    assert town.inside[0].recv(100) == b"ping"
    town.inside[0].send(b"pong")
    town.turn()
    assert town.client.recv(100) == b"pong"


def test_where_nobody_listens_inside_there_is_no_answer_and_the_next_one_asks_anew(town: Town) -> None:
    """A keeper hangs up then. Its end of file was taken for an empty datagram, again and again."""
    town.send(b"ping")
    assert town.inside[0].recv(100) == b"ping"
    town.inside[0].close()
    town.turn()
    assert town.turn() == 0
    with pytest.raises(TimeoutError):
        town.client.recv(100)
    town.send(b"ping")
    assert town.inside[1].recv(100) == b"ping"
