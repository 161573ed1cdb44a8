"""Sits between ZeroMQ and a kernel's sockets, and lets no endless message through.

ZeroMQ bounds the bytes of one frame and the number of messages, but not the frames of one message: it keeps
them all until the last has come. Here a message is bounded before ZeroMQ sees it; a sender that exceeds the
bound loses the connection, which ZeroMQ's side notices and opens again.

What is read of the wire is the framing of ZMTP 3 (https://rfc.zeromq.org/spec/23/): a greeting of 64 bytes,
then frames with a byte of flags, their size in one byte or in eight, and that many bytes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shutil
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

MESSAGE_BYTES = 4_000_000
"""Bytes of one message. Outputs in a graded notebook have a quarter of it in all."""
MESSAGE_FRAMES = 100
"""Frames of one message. Jupyter's have about seven; a frame without content takes memory, too."""
_GREETING = 64
_VERSION = 3
_MORE, _LONG, _COMMAND = 1, 2, 4
_COMMAND_BYTES = 1 << 16
_CHUNK = 1 << 16
_BACKLOG = 8


class Endless(Exception):
    """More than one message may have, or nothing that ZeroMQ of our day would say."""


@dataclass
class Meter:
    """Follows one side of a connection, and raises Endless where a message goes beyond the bounds."""

    _head: bytearray = field(default_factory=bytearray)
    _greeted: bool = False
    _skip: int = 0
    _bytes: int = 0
    _frames: int = 0

    def look(self, data: bytes) -> None:
        """The next bytes of the connection."""
        at = 0
        while at < len(data):
            if self._skip:
                passed = min(self._skip, len(data) - at)
                self._skip -= passed
                at += passed
                continue
            self._head.append(data[at])
            at += 1
            if not self._greeted:
                self._greet()
            elif len(self._head) == (9 if self._head[0] & _LONG else 2):
                self._frame()

    def _greet(self) -> None:
        head = self._head
        if len(head) < _GREETING:
            return
        # Another version has another framing: ZeroMQ would read something else in it than we do here.
        if head[0] != 0xFF or not head[9] & 1 or head[10] != _VERSION:
            raise Endless("the kernel's side does not speak ZMTP 3")
        self._greeted = True
        head.clear()

    def _frame(self) -> None:
        size = int.from_bytes(self._head[1:], "big")
        if self._head[0] & _COMMAND:
            # Not part of a message: what comes after it still belongs to the one before.
            if size > _COMMAND_BYTES:
                raise Endless("a command without an end")
            self._skip = size
            self._head.clear()
            return
        self._bytes += size
        self._frames += 1
        if self._bytes > MESSAGE_BYTES or self._frames > MESSAGE_FRAMES:
            raise Endless("a message without an end")
        if not self._head[0] & _MORE:
            self._bytes = self._frames = 0
        self._skip = size
        self._head.clear()


class Wire:
    """Sockets in front of a kernel's, ``ADDRESS-PORT`` each, that lead to it. Close it when done.

    ``near`` is a folder of the trusted side's, ``there`` the kernel's address without the port.
    """

    def __init__(self, near: Path, there: str, ports: Sequence[int]) -> None:
        self._folder = near / f"w{secrets.token_hex(3)}"
        self._folder.mkdir(mode=0o700)
        self.address = str(self._folder / "s")
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._pairs: list[_Pair] = []
        for port in ports:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(f"{self.address}-{port}")
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, (listener, f"{there}-{port}"))
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all connections; safe to call twice."""
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
        self._thread.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        try:
            while True:
                for key, events in self._selector.select():
                    if key.data is None:
                        return
                    if isinstance(key.data, _Pair):
                        key.data.turn(key.fileobj, events)
                    else:
                        self._accept(*key.data)
        finally:
            for pair in self._pairs:
                pair.close()
            for key in list(self._selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
            self._selector.close()
            self._wake.close()

    def _accept(self, listener: socket.socket, there: str) -> None:
        try:
            own_side, _ = listener.accept()
        except OSError:
            return
        kernel_side = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        kernel_side.setblocking(False)
        try:
            # The kernel's folder was open to the student for a moment; a link in it would lead elsewhere.
            kernel_side.connect(there if not os.path.islink(there) else "")  # noqa: PTH114 - a socket's address
        except OSError:
            own_side.close()
            kernel_side.close()
            return
        own_side.setblocking(False)
        self._pairs = [pair for pair in self._pairs if not pair.closed]
        self._pairs.append(_Pair(self._selector, own_side, kernel_side))


class _Pair:
    """One connection: our ZeroMQ on one side, the kernel on the other. Reads no more than it can pass on."""

    def __init__(
        self, selector: selectors.BaseSelector, own_side: socket.socket, kernel_side: socket.socket
    ) -> None:
        self._selector, self._own_side, self._kernel_side = selector, own_side, kernel_side
        self._waiting = {own_side: bytearray(), kernel_side: bytearray()}  # by whom it is for
        self._meter = Meter()
        self.closed = False
        for end in (own_side, kernel_side):
            selector.register(end, selectors.EVENT_READ, self)

    def turn(self, end: object, events: int) -> None:
        """Do what can be done without waiting."""
        if self.closed or not isinstance(end, socket.socket):
            return
        try:
            if events & selectors.EVENT_WRITE:
                sent = end.send(self._waiting[end])
                del self._waiting[end][:sent]
            if events & selectors.EVENT_READ:
                self._read(end)
            self._listen()
        except BlockingIOError:
            return
        except (OSError, Endless):
            self.close()

    def _read(self, end: socket.socket) -> None:
        data = end.recv(_CHUNK)
        if not data:
            raise OSError("the other side has closed")
        if end is self._kernel_side:
            self._meter.look(data)
        self._waiting[self._other(end)] += data

    def _listen(self) -> None:
        for end in (self._own_side, self._kernel_side):
            wanted = 0
            if not self._waiting[self._other(end)]:
                wanted |= selectors.EVENT_READ
            if self._waiting[end]:
                wanted |= selectors.EVENT_WRITE
            if wanted:
                self._selector_set(end, wanted)
            elif end in self._selector.get_map():
                self._selector.unregister(end)

    def _selector_set(self, end: socket.socket, wanted: int) -> None:
        if end in self._selector.get_map():
            self._selector.modify(end, wanted, self)
        else:
            self._selector.register(end, wanted, self)

    def _other(self, end: socket.socket) -> socket.socket:
        return self._kernel_side if end is self._own_side else self._own_side

    def close(self) -> None:
        """End both sides."""
        self.closed = True
        for end in (self._own_side, self._kernel_side):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()
