"""Many connections over one byte stream: how a virtual machine and its keeper talk.

The stream is a virtio serial port: no network, no port on this machine that another user could connect to.
Both sides run a ``Mux`` in their selector's loop. A connection is opened towards a *target*, a short text
that the other side turns into a socket; each direction ends by itself (``docker attach`` needs that) and is
bounded by credit, so a slow reader holds up only its own connection. Standard library only.

A frame: kind, stream, length, then as many bytes. Stream 0 carries the machine's log.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
from collections.abc import Callable

HEAD = struct.Struct(">BIH")
OPEN, DATA, EOF, RESET, CREDIT = range(5)
LOG_STREAM = 0
CHUNK = 32 << 10
WINDOW = 256 << 10
"""Bytes of a connection that may be in transit in one direction."""
DATAGRAM = 65507
FULL = 1 << 20
"""With more than this waiting for the wire, nothing more is read from the connections."""

Opener = Callable[[str], socket.socket | None]


class Broken(Exception):
    """The wire is gone, or carries something that is not a frame."""


class _Stream:
    """One connection: its socket here, what waits for it, what may still be sent to the other side."""

    def __init__(self, number: int, handle: socket.socket, datagrams: bool) -> None:
        self.number = number
        self.socket = handle
        self.datagrams = datagrams
        self.waiting = bytearray()
        self.credit = WINDOW
        self.owed = 0
        """Bytes that went out here and for which the other side has no new credit yet."""
        self.far_ended = False
        self.near_ended = False
        self.mask = 0


class Mux:
    """One end. ``wire``: a non-blocking descriptor; ``opener``: makes the socket for a target, or None.

    ``first``: 1 on one side and 2 on the other, so that both can number their connections. ``log`` takes
    the bytes of stream 0. Every key that is registered has a function of the event mask as its data.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        wire: int,
        opener: Opener,
        first: int,
        log: Callable[[bytes], None] | None = None,
    ) -> None:
        self._selector = selector
        self._wire = wire
        self._opener = opener
        self._next = first
        self._log = log
        self._streams: dict[int, _Stream] = {}
        self._in = bytearray()
        self._out = bytearray()
        self._wire_mask = selectors.EVENT_READ
        self._held_up = False
        selector.register(wire, selectors.EVENT_READ, self._on_wire)

    def open(self, target: str, handle: socket.socket) -> None:
        """Connect a socket of this side to a target of the other."""
        number, self._next = self._next, self._next + 2
        self._send(OPEN, number, target.encode())
        self._add(number, handle, target)

    def log(self, data: bytes) -> None:
        """Send lines of this side's log."""
        self._send(DATA, LOG_STREAM, data[-CHUNK:])

    def hang_up(self) -> None:
        """Close every connection, on both sides."""
        for stream in list(self._streams.values()):
            self._drop(stream)

    def close(self) -> None:
        """Close every connection here and leave the loop; the wire stays the caller's."""
        for stream in list(self._streams.values()):
            self._drop(stream, tell=False)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._wire)

    # -- connections

    def _add(self, number: int, handle: socket.socket, target: str) -> None:
        handle.setblocking(False)
        self._streams[number] = stream = _Stream(number, handle, target.startswith("udp:"))
        self._watch(stream)

    def _watch(self, stream: _Stream) -> None:
        """Ask the selector for what this connection can do next."""
        wanted = 0
        if not stream.near_ended and stream.credit > 0 and not self._held_up:
            wanted |= selectors.EVENT_READ
        if stream.waiting:
            wanted |= selectors.EVENT_WRITE
        if wanted == stream.mask:
            return
        if not stream.mask:
            self._selector.register(stream.socket, wanted, lambda mask: self._on_socket(stream, mask))
        elif wanted:
            self._selector.modify(stream.socket, wanted, lambda mask: self._on_socket(stream, mask))
        else:
            self._selector.unregister(stream.socket)
        stream.mask = wanted

    def _on_socket(self, stream: _Stream, mask: int) -> None:
        if self._streams.get(stream.number) is not stream:
            return
        try:
            if mask & selectors.EVENT_WRITE:
                self._deliver(stream)
            if mask & selectors.EVENT_READ and not stream.near_ended:
                self._collect(stream)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(stream)
            return
        self._settle(stream)

    def _collect(self, stream: _Stream) -> None:
        """What the socket here has to say, to the other side."""
        if stream.datagrams:
            data = stream.socket.recv(DATAGRAM)
            if not data and stream.socket.family == socket.AF_UNIX:  # its other end is closed
                raise ConnectionResetError
            if stream.credit > 0:  # else it is lost, as datagrams may be
                self._send(DATA, stream.number, data)
                stream.credit -= len(data)
            return
        data = stream.socket.recv(min(CHUNK, stream.credit))
        if data:
            stream.credit -= len(data)
            self._send(DATA, stream.number, data)
        else:
            stream.near_ended = True
            self._send(EOF, stream.number)

    def _deliver(self, stream: _Stream) -> None:
        """What waits for the socket here; an end of file goes after everything before it."""
        if stream.waiting:
            with contextlib.suppress(BlockingIOError):
                sent = stream.socket.send(stream.waiting)
                del stream.waiting[:sent]
                stream.owed += sent
        if stream.owed >= WINDOW // 4:
            self._send(CREDIT, stream.number, struct.pack(">I", stream.owed))
            stream.owed = 0
        if stream.far_ended and not stream.waiting:
            with contextlib.suppress(OSError):
                stream.socket.shutdown(socket.SHUT_WR)

    def _settle(self, stream: _Stream) -> None:
        """Forget a connection whose both directions have ended, else wait for its next event."""
        if stream.far_ended and stream.near_ended and not stream.waiting:
            self._drop(stream, tell=False)
        else:
            self._watch(stream)

    def _drop(self, stream: _Stream, tell: bool = True) -> None:
        if self._streams.pop(stream.number, None) is None:
            return
        if stream.mask:
            self._selector.unregister(stream.socket)
            stream.mask = 0
        stream.socket.close()
        if tell:
            self._send(RESET, stream.number)

    # -- the wire

    def _send(self, kind: int, number: int, data: bytes = b"") -> None:
        self._out += HEAD.pack(kind, number, len(data))
        self._out += data
        self._flush()

    def _flush(self) -> None:
        if self._out:
            try:
                sent = os.write(self._wire, self._out)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise Broken(str(error)) from error
            del self._out[:sent]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        if wanted != self._wire_mask:
            self._wire_mask = wanted
            self._selector.modify(self._wire, wanted, self._on_wire)
        if self._held_up != (len(self._out) > FULL):
            self._held_up = not self._held_up
            for stream in self._streams.values():
                self._watch(stream)

    def _on_wire(self, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush()
        if not mask & selectors.EVENT_READ:
            return
        try:
            data = os.read(self._wire, 256 << 10)
        except BlockingIOError:
            return
        except OSError as error:
            raise Broken(str(error)) from error
        if not data:
            raise Broken("the other side is gone")
        self._in += data
        start, received = 0, self._in
        while len(received) - start >= HEAD.size:
            kind, number, length = HEAD.unpack_from(received, start)
            end = start + HEAD.size + length
            if len(received) < end:
                break
            self._frame(kind, number, bytes(received[start + HEAD.size : end]))
            start = end
        del received[:start]

    def _frame(self, kind: int, number: int, data: bytes) -> None:
        if number == LOG_STREAM:
            if self._log is not None:
                self._log(data)
            return
        if kind == OPEN:
            self._opened(number, data.decode(errors="replace"))
            return
        stream = self._streams.get(number)
        if stream is None:
            return  # closed here while this was under way
        try:
            if kind == DATA:
                self._receive(stream, data)
            elif kind == EOF:
                stream.far_ended = True
                self._deliver(stream)
            elif kind == CREDIT:
                stream.credit += struct.unpack(">I", data)[0]
            elif kind == RESET:
                self._drop(stream, tell=False)
                return
            else:
                raise Broken(f"a frame of kind {kind}")
        except OSError:
            self._drop(stream)
            return
        self._settle(stream)

    def _opened(self, number: int, target: str) -> None:
        handle = None
        with contextlib.suppress(OSError):
            handle = self._opener(target)
        if handle is None:
            self._send(RESET, number)
        else:
            self._add(number, handle, target)

    def _receive(self, stream: _Stream, data: bytes) -> None:
        if stream.datagrams:
            with contextlib.suppress(OSError):
                stream.socket.send(data)
            stream.owed += len(data)
            self._deliver(stream)
            return
        if len(stream.waiting) + len(data) > 2 * WINDOW:
            raise OSError("more than its credit")
        stream.waiting += data
        self._deliver(stream)
