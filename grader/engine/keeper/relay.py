"""The relay of published ports: sockets of the host's on one side, the engine's network on the other.

A process of its own that joins the sandbox's user and network namespaces, or that asks the engine's keeper
for connections; the owner hands it listening sockets made on the host (``grader.engine.ports``). For TCP
each connection is carried to the same port inside, for UDP each sender gets a socket inside for as long as
it talks. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from grader.engine.system import linux

CHUNK = 65536
UDP_IDLE_S = 60
MOST_CONNECTIONS = 512


Dial = Callable[[str, int], socket.socket]
"""Makes a socket towards ``tcp`` or ``udp`` port N of the engine. Raises OSError."""


class _Pipe:
    """One direction of a TCP connection: at most CHUNK bytes wait for a slow reader."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.waiting = b""
        self.ended = False


class Relay:
    """One thread, one selector, any number of ports."""

    def __init__(self, control: socket.socket, dial: Dial) -> None:
        self.control = control
        self.dial = dial
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, self.on_control)
        self.listeners: dict[str, socket.socket] = {}
        self.pairs: dict[socket.socket, tuple[_Pipe, _Pipe]] = {}
        self.senders: dict[tuple[str, Any], tuple[socket.socket, float]] = {}

    def run(self) -> None:
        """Until the owner closes the connection."""
        while True:
            for key, mask in self.selector.select(UDP_IDLE_S):
                handler = key.data
                handler(key.fileobj, mask)
            self.forget_senders()

    def on_control(self, _: socket.socket, __: int) -> None:
        data, descriptors, _flags, _address = socket.recv_fds(self.control, 4096, 1)
        if not data:
            os._exit(0)
        order = json.loads(data)
        if order["do"] == "add":
            self.add(order["name"], order["kind"], order["port"], socket.socket(fileno=descriptors[0]))
        else:
            self.drop(order["name"])
        self.control.send(b"k")

    def add(self, name: str, kind: str, port: int, listener: socket.socket) -> None:
        listener.setblocking(False)
        self.listeners[name] = listener
        if kind == "tcp":
            self.selector.register(
                listener, selectors.EVENT_READ, lambda server, _: self.accept(server, port)
            )
        else:
            self.selector.register(
                listener, selectors.EVENT_READ, lambda server, _: self.datagram(name, server, port)
            )

    def drop(self, name: str) -> None:
        listener = self.listeners.pop(name, None)
        if listener is not None:
            self.selector.unregister(listener)
            listener.close()
        for key in [key for key in self.senders if key[0] == name]:
            self.forget(key)

    # -- TCP

    def accept(self, server: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            outside, _ = server.accept()
            outside.setblocking(False)
            # Refused inside: the caller sees a connection that is closed at once, as with any proxy.
            inside = self.dial("tcp", port)
            if len(self.pairs) >= 2 * MOST_CONNECTIONS:
                outside.close()
                inside.close()
                return
            there, back = _Pipe(outside, inside), _Pipe(inside, outside)
            self.pairs[outside], self.pairs[inside] = (there, back), (back, there)
            self.watch(outside)
            self.watch(inside)

    def watch(self, end: socket.socket) -> None:
        """Ask the selector for what this end can do next."""
        reading, writing = self.pairs[end]
        wanted = 0
        if not reading.ended and not reading.waiting:
            wanted |= selectors.EVENT_READ
        if writing.waiting:
            wanted |= selectors.EVENT_WRITE
        known = end in self.selector.get_map()
        if wanted and known:
            self.selector.modify(end, wanted, self.on_pair)
        elif wanted:
            self.selector.register(end, wanted, self.on_pair)
        elif known:
            self.selector.unregister(end)

    def on_pair(self, end: socket.socket, mask: int) -> None:
        if end not in self.pairs:
            return
        reading, writing = self.pairs[end]
        try:
            if mask & selectors.EVENT_READ:
                data = end.recv(CHUNK)
                reading.waiting += data
                reading.ended = not data
            for pipe in (reading, writing):
                self.push(pipe)
        except OSError:
            self.close_pair(end)
            return
        if reading.ended and writing.ended and not reading.waiting and not writing.waiting:
            self.close_pair(end)
            return
        self.watch(reading.source)
        self.watch(reading.target)

    @staticmethod
    def push(pipe: _Pipe) -> None:
        """Write what waits; hand an end of file on once everything before it went out."""
        if pipe.waiting:
            with contextlib.suppress(BlockingIOError):
                sent = pipe.target.send(pipe.waiting)
                pipe.waiting = pipe.waiting[sent:]
        if pipe.ended and not pipe.waiting:
            with contextlib.suppress(OSError):
                pipe.target.shutdown(socket.SHUT_WR)

    def close_pair(self, end: socket.socket) -> None:
        reading, _ = self.pairs[end]
        for side in (reading.source, reading.target):
            if side in self.selector.get_map():
                self.selector.unregister(side)
            self.pairs.pop(side, None)
            side.close()

    # -- UDP

    def datagram(self, name: str, server: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            data, sender = server.recvfrom(CHUNK)
            key = (name, sender)
            if key not in self.senders:
                inside = self.dial("udp", port)
                self.selector.register(
                    inside, selectors.EVENT_READ, lambda end, _: self.reply(end, server, key)
                )
                self.senders[key] = (inside, 0)
            inside = self.senders[key][0]
            self.senders[key] = (inside, time.monotonic())
            inside.send(data)

    def reply(self, inside: socket.socket, server: socket.socket, key: tuple[str, Any]) -> None:
        with contextlib.suppress(OSError):
            data = inside.recv(CHUNK)
            if not data and inside.type == socket.SOCK_SEQPACKET:
                # The keeper has hung up, since nothing listens inside yet: no answer, not an empty one.
                self.forget(key)
                return
            server.sendto(data, key[1])

    def forget_senders(self) -> None:
        old = time.monotonic() - UDP_IDLE_S
        for key in [key for key, (_, last) in self.senders.items() if last < old]:
            self.forget(key)

    def forget(self, key: tuple[str, Any]) -> None:
        inside, _ = self.senders.pop(key)
        self.selector.unregister(inside)
        inside.close()


def dial_here(kind: str, port: int) -> socket.socket:
    """In the engine's own network."""
    inside = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    inside.setblocking(False)
    inside.connect_ex(("127.0.0.1", port))
    return inside


def dial_keeper(folder: str) -> Dial:
    """Through the sockets of a keeper that carries connections; datagrams keep their bounds."""

    def dial(kind: str, port: int) -> socket.socket:
        inside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_SEQPACKET)
        inside.connect(f"{folder}/dial-{kind}.sock")
        inside.send(f"{kind}:{port}\n".encode())
        inside.setblocking(False)
        return inside

    return dial


def main(argument: str) -> None:
    """Entry of the relay's process. ``argument``: its JSON description, with the ``namespaces`` of a sandbox
    to join, or the ``folder`` of an engine whose keeper carries connections."""
    spec = json.loads(argument)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    linux.set_name("dockbook-relay")
    dial: Dial = dial_here
    if "folder" in spec:
        dial = dial_keeper(spec["folder"])
    else:
        join(**spec["namespaces"])
    linux.die_with_parent()
    control = socket.socket(fileno=spec["control"])
    control.send(b"k")
    Relay(control, dial).run()


def join(user: str, net: str) -> None:
    """Enter a sandbox's namespaces, given as paths that lead to them: see ``keeper.open_namespaces``."""
    opened = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in (user, net)]
    # The one who made a user namespace may enter it with all rights there: user_namespaces(7).
    linux.setns(opened[0], linux.CLONE_NEWUSER)
    linux.setns(opened[1], linux.CLONE_NEWNET)
