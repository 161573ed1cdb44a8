"""A socket in front of the engine's that notes what is asked: how ``%%trace`` hears the ``docker`` command.

Each connection carries one request: the proxy asks the engine to close it after the reply, so that nothing
needs to be taken apart but the head of a request and of its reply. Streams and upgraded connections (attach,
exec, BuildKit's session) pass through as they are.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HEAD_BYTES = 64 * 1024
BODY_BYTES = 64 * 1024
CONNECT_S = 10.0
_PIECE = 64 * 1024
_END = b"\r\n\r\n"


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
    """Listens on a socket of its own for as long as this process lives.

    ``heard`` is told of each request, and gives what is to be told of its reply.
    ``engine``: where the engine listens, as DOCKER_HOST says it (``unix://`` or ``tcp://``).
    """

    def __init__(self, engine: str, heard: Callable[[Heard], Replied]) -> None:
        self.engine, self._heard = engine, heard
        folder = Path(tempfile.mkdtemp(prefix="dkb-trace-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = folder / "d.sock"
        self.address = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(32)
        threading.Thread(target=self._accept, name="trace", daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those that are open go on."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="trace", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError), self._connected() as engine:
            raw = _until_head_ends(client)
            head, _, rest = raw.partition(_END)
            method, target, headers = _parse(head)
            body = _body(client, headers, rest)
            replied = self._heard(Heard(method, target, headers, body))
            began = time.perf_counter()
            engine.sendall(_with_close(head, headers) + _END + body)
            threading.Thread(target=_pump, args=(client, engine), name="trace", daemon=True).start()
            _pump(engine, client, lambda first: replied(_status(first), time.perf_counter() - began))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        parts = urlsplit(self.engine)
        if parts.scheme == "unix":
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            engine.settimeout(CONNECT_S)
            engine.connect(parts.path)
        else:
            engine = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 2375), CONNECT_S)
        engine.settimeout(None)
        with engine:
            yield engine


def can_carry(engine: str | None) -> bool:
    """Whether a proxy can stand in front of this DOCKER_HOST: not where TLS is spoken, nor over ssh."""
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


def _pump(source: socket.socket, target: socket.socket, first: Callable[[bytes], None] | None = None) -> None:
    """Everything from one socket to the other, then its end: attached programs wait for that."""
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            if first is not None:
                first(piece)
                first = None
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
