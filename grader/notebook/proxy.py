"""A socket in front of the engine's that notes what is asked: how ``%%trace`` records the ``docker`` command.

Each connection carries one request: the proxy asks the engine to close it after the reply, so that nothing
needs to be taken apart but the head of a request and of its reply. Streams and upgraded connections (attach,
exec, BuildKit's session) pass through unchanged.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import select
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HEAD_BYTES = 64 * 1024
BODY_BYTES = 64 * 1024
CONNECT_S = 10.0
SHORT = 80
"""Bytes that a folder for sockets may have: 107 are all that unix(7) has for a socket's path."""
_PIECE = 64 * 1024
_END = b"\r\n\r\n"
_FIRST_LINE = 256


@dataclass(frozen=True)
class Heard:
    """One request as it passes; ``body`` is what has arrived of it, a small one whole."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Replied = Callable[[int, float], None]
"""Told the status of the reply and the seconds until it began."""


class Proxy:
    """Listens on a socket of its own for as long as this process lives, or until it is closed.

    ``heard`` is called for each request, and gives what is to be called for its reply.
    ``engine``: where the engine listens, as DOCKER_HOST says it (``unix://`` or ``tcp://``).
    """

    def __init__(self, engine: str, heard: Callable[[Heard], Replied]) -> None:
        self.engine, self._heard = engine, heard
        long = len(tempfile.gettempdir()) > SHORT
        self._folder = Path(tempfile.mkdtemp(prefix="dkb-trace-", dir="/tmp" if long else None))  # noqa: S108
        self._closed = False
        path = self._folder / "d.sock"
        self.address = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        # Go's clients do not wait when it is full.
        self._listener.listen(256)
        atexit.register(self.close)
        threading.Thread(target=self._accept, name="trace", daemon=True).start()

    def close(self) -> None:
        """Take no more connections; open ones continue. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(
                socket.SHUT_RDWR
            )  # closing alone does not wake a thread that waits for one
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), name="trace", daemon=True).start()
            except (OSError, RuntimeError):
                time.sleep(0.05)  # no more files or threads just now

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):
            raw = _until_head_ends(client)
            head, _, rest = raw.partition(_END)
            method, target, headers = _parse(head)
            body = _body(client, headers, rest)
            replied = self._heard(Heard(method, target, headers, body))
            began = time.perf_counter()
            try:
                engine = self._connected()
            except OSError as error:
                client.sendall(_unreachable(error))
                return
            with engine:
                engine.sendall(_with_close(head, headers) + _END + body)
                back = threading.Thread(target=_pump_back, args=(client, engine), name="trace", daemon=True)
                back.start()
                _pump(engine, client, lambda first: replied(_status(first), time.perf_counter() - began))
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)  # wakes the other direction
                back.join()

    def _connected(self) -> socket.socket:
        parts = urlsplit(self.engine)
        if parts.scheme != "unix":
            where = (parts.hostname or "127.0.0.1", parts.port or 2375)
            engine = socket.create_connection(where, CONNECT_S)
        else:
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                engine.settimeout(CONNECT_S)
                engine.connect(parts.path)
            except OSError:
                engine.close()
                raise
        engine.settimeout(None)
        return engine


def can_carry(engine: str | None) -> bool:
    """Whether a proxy can be used for this DOCKER_HOST: not with TLS, nor over ssh."""
    return bool(engine) and urlsplit(engine).scheme in ("unix", "tcp", "http")


def _until_head_ends(client: socket.socket) -> bytes:
    raw = b""
    while _END not in raw:
        piece = client.recv(_PIECE)
        raw += piece
        if not piece or len(raw) > HEAD_BYTES + _PIECE:
            raise ValueError("no request")
    return raw


def _parse(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return method, target, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _status(first: bytes) -> int:
    """The status in the first bytes of a reply: ``HTTP/1.1 201 Created``."""
    words = first[:64].split(None, 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _body(client: socket.socket, headers: dict[str, str], rest: bytes) -> bytes:
    """What has arrived of the body; a small one whole, since it is what a person wants to see."""
    length = headers.get("content-length", "")
    wanted = int(length) if length.isdigit() else 0
    while len(rest) < wanted <= BODY_BYTES:
        piece = client.recv(_PIECE)
        if not piece:
            break
        rest += piece
    return rest


def _with_close(head: bytes, headers: dict[str, str]) -> bytes:
    if "upgrade" in headers:
        return head
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"])


def _unreachable(error: OSError) -> bytes:
    """A reply in place of the engine's: the docker command prints its words."""
    words = f"the engine does not answer: {error.strerror or error}"
    body = json.dumps({"message": words}).encode()
    head = f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _pump(source: socket.socket, target: socket.socket, told: Callable[[bytes], None]) -> None:
    """Everything from one socket to the other, then its end; ``told``: its first line, when it is there."""
    first: bytes | None = b""
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            if first is not None:
                first += piece
                if b"\n" in first or len(first) > _FIRST_LINE:
                    told(first)
                    first = None
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _pump_back(client: socket.socket, engine: socket.socket) -> None:
    """What the client sends, then its end: attached programs wait for that. Ends with either of the two."""
    _pump(client, engine, lambda _: None)
    # The client may have ended its half alone and still read. A hang-up is the end of both.
    hung_up = select.poll()
    with contextlib.suppress(OSError, ValueError):
        hung_up.register(client, 0)
        hung_up.poll()
        engine.shutdown(socket.SHUT_RDWR)
