"""Docker's plugin protocol on a listening unix socket, for a loop of selectors that already runs.

``PluginServer(gate, listener).register(selector)``; the owner of the loop calls ``key.data(mask)`` for each
key that is ready. dockerd's side is Go's HTTP client: HTTP/1.1, kept alive, a Content-Length on every
request. Whatever else comes is answered with an error, which dockerd takes for a refusal: it fails closed.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
from binascii import a2b_base64
from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Verdict(Protocol):
    """What a gate says of a request."""

    @property
    def allow(self) -> bool:
        """Whether it may pass."""
        ...

    @property
    def reason(self) -> str:
        """Why not."""
        ...


class Decider(Protocol):
    """What the server needs of a gate."""

    def decide(self, method: str, uri: str, body: bytes | None, headers: Mapping[str, str]) -> Verdict:
        """Judge one request; never raises."""
        ...


class Limits(NamedTuple):
    """Bounds in bytes, and in connections."""

    head: int = 16 << 10
    body: int = 12 << 20
    """A body of 1 MiB in base64, and up to 1 MiB of headers that JSON may write six times as long."""
    bodies: int = 64 << 20
    """Of all connections together."""
    connections: int = 512


_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_READ = 256 << 10


def _answer(value: dict[str, object], status: bytes = b"200 OK") -> bytes:
    data = json.dumps(value).encode()
    kind = b"application/vnd.docker.plugins.v1.2+json"
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        kind,
        len(data),
        data,
    )


_ACTIVATED = _answer({"Implements": ["authz"]})
_ALLOWED = _answer({"Allow": True})
_TOO_LONG = _answer({"Allow": False, "Msg": "this course's engine does not take requests of this length"})
_BROKEN = _answer({"Err": "not a request of Docker's plugin protocol"}, b"400 Bad Request")
_UNKNOWN = _answer({"Err": "this plugin only authorizes"}, b"404 Not Found")


class PluginServer:
    """Serves /Plugin.Activate, /AuthZPlugin.AuthZReq and /AuthZPlugin.AuthZRes for one gate."""

    def __init__(self, gate: Decider, listener: socket.socket, limits: Limits | None = None) -> None:
        self.gate = gate
        self.limits = limits or Limits()
        self.reserved = 0
        self._listener = listener
        self._connections: set[_Connection] = set()
        self._selector: selectors.BaseSelector | None = None
        self._accepting = False

    def register(self, selector: selectors.BaseSelector) -> None:
        """Take part in this selector's loop: every key's data is a function of the event mask."""
        self._listener.setblocking(False)
        self._selector = selector
        self._accept_more(True)

    def close(self) -> None:
        """Leave the loop; the listener and every connection are closed."""
        for connection in list(self._connections):
            connection.close()
        self._accept_more(False)
        self._listener.close()

    def judge(self, body: bytes) -> bytes:
        """The answer to one AuthZReq. What cannot be read is refused."""
        try:
            asked = json.loads(body)
            encoded = asked.get("RequestBody")
            decision = self.gate.decide(
                asked["RequestMethod"],
                asked["RequestUri"] if "RequestUri" in asked else asked["RequestURI"],
                a2b_base64(encoded) if encoded else None,
                asked.get("RequestHeaders") or {},
            )
        except Exception:  # noqa: BLE001 - fail closed whatever it is: dockerd must get an answer, and the answer is no
            return _answer({"Allow": False, "Msg": "this course's engine does not understand this request"})
        if decision.allow is True:
            return _ALLOWED
        return _answer({"Allow": False, "Msg": decision.reason})

    def reserve(self, size: int) -> bool:
        """Whether a body of this many bytes may be held in memory now."""
        if size > self.limits.body or self.reserved + size > self.limits.bodies:
            return False
        self.reserved += size
        return True

    def gone(self, connection: _Connection) -> None:
        """A connection has ended: there is room for another."""
        self._connections.discard(connection)
        self._accept_more(True)

    def _accept_more(self, wanted: bool) -> None:
        if self._selector is None or wanted == self._accepting:
            return
        if wanted:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        else:
            self._selector.unregister(self._listener)
        self._accepting = wanted

    def _accept(self, _: int) -> None:
        assert self._selector is not None
        while len(self._connections) < self.limits.connections:
            try:
                client, _address = self._listener.accept()
            except OSError:  # no client is left, or no descriptor is free: the next round will show
                return
            self._connections.add(_Connection(self, client, self._selector))
        self._accept_more(False)


class _Connection:
    """One of dockerd's connections: a head is awaited, a body is held or skipped, an answer sent."""

    def __init__(self, server: PluginServer, client: socket.socket, selector: selectors.BaseSelector) -> None:
        self.server = server
        self.client = client
        self.selector = selector
        self.received = bytearray()
        self.unsent = b""
        self.wanted = 0
        """Bytes of the body still to come; of these ``held`` counts for the server's bound."""
        self.held = 0
        self.skipped_answer: bytes | None = None
        self.in_body = False
        self.last = False
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ, self.ready)

    def ready(self, mask: int) -> None:
        """The socket can be read or written."""
        try:
            if mask & selectors.EVENT_WRITE:
                self.send(b"")
            if mask & selectors.EVENT_READ:
                data = self.client.recv(_READ)
                if not data:
                    self.close()
                    return
                self.received += data
                self.proceed()
        except BlockingIOError:
            return
        except OSError:  # the other side is gone
            self.close()

    def proceed(self) -> None:
        """Answer every request that is complete."""
        # While an answer waits to be taken, nothing more is read: what comes in stays bounded.
        while not self.unsent and not self.last:
            if not self.in_body and not self.start():
                return
            if self.skipped_answer is not None:
                gone = min(self.wanted, len(self.received))
                del self.received[:gone]
                self.wanted -= gone
                if self.wanted:
                    return
                answer, self.skipped_answer = self.skipped_answer, None
            else:
                if len(self.received) < self.wanted:
                    return
                body = bytes(self.received[: self.wanted])
                del self.received[: self.wanted]
                self.release()
                answer = self.server.judge(body)
            self.in_body = False
            self.send(answer)

    def start(self) -> bool:
        """Read a head, decide what its body is for. False while it is incomplete."""
        end = self.received.find(b"\r\n\r\n", 0, self.server.limits.head)
        if end < 0:
            if len(self.received) >= self.server.limits.head:
                self.end_with(_BROKEN)
            return False
        head = bytes(self.received[: end + 2])
        del self.received[: end + 4]
        line = head.split(b"\r\n", 1)[0].split(b" ")
        lengths = _LENGTH.findall(head)
        if len(line) != 3 or line[0] != b"POST" or len(lengths) > 1 or _CHUNKED.search(head):
            self.end_with(_BROKEN)
            return False
        self.wanted = int(lengths[0]) if lengths else 0
        self.in_body = True
        if line[1] == b"/AuthZPlugin.AuthZReq":
            if self.server.reserve(self.wanted):
                self.held = self.wanted
            else:
                self.skipped_answer = _TOO_LONG
        elif line[1] == b"/AuthZPlugin.AuthZRes":
            # The request was allowed: what dockerd answers is not looked at.
            self.skipped_answer = _ALLOWED
        else:
            self.skipped_answer = _ACTIVATED if line[1] == b"/Plugin.Activate" else _UNKNOWN
        return True

    def send(self, data: bytes) -> None:
        """Send now what the socket takes, the rest when it can be written again."""
        data = self.unsent + data
        try:
            sent = self.client.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        was_waiting, self.unsent = bool(self.unsent), data[sent:]
        if self.unsent and not was_waiting:
            self.selector.modify(self.client, selectors.EVENT_WRITE, self.ready)
        elif was_waiting and not self.unsent:
            self.selector.modify(self.client, selectors.EVENT_READ, self.ready)
            self.proceed()
        if self.last and not self.unsent:
            self.close()

    def end_with(self, answer: bytes) -> None:
        """A last answer: what follows on this connection cannot be told apart."""
        self.last = True
        self.send(answer)

    def release(self) -> None:
        self.server.reserved -= self.held
        self.held = 0

    def close(self) -> None:
        """Leave the loop."""
        if self.client.fileno() < 0:
            return
        self.release()
        self.selector.unregister(self.client)
        self.client.close()
        self.server.gone(self)
