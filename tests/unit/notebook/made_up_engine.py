"""A made-up engine behind a unix socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

LIMIT_S = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class MadeUpEngine:
    """Serves a unix socket: for each request ``reply(head, rest, connection)``; keeps the heads that came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heads: list[bytes] = []
        self.reply: Callable[[bytes, bytes, socket.socket], object] = lambda head, rest, one: one.sendall(OK)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(256)
        threading.Thread(target=self._accept, name="made-up", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), name="made-up", daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with one:
            raw = b""
            while b"\r\n\r\n" not in raw:
                piece = one.recv(65536)
                if not piece:
                    return
                raw += piece
            head, _, rest = raw.partition(b"\r\n\r\n")
            self.heads.append(head)
            try:
                self.reply(head, rest, one)
            except OSError:
                return

    def close(self) -> None:
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()


def everything(client: socket.socket) -> bytes:
    """Up to the end; a reset is one, too."""
    found = b""
    try:
        while piece := client.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found
