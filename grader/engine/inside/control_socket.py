"""The student's way to process 1 of a sandbox: a socket that takes a ``daemon.json`` and nothing else.

One JSON line in, ``{"daemon": {...}}``; one out, ``{"ok": true}`` or ``{"error": "..."}``. Clients are
not trusted: bounded in number, size and time. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

MOST_VISITORS = 8
MOST_BYTES = 65536
PATIENCE_S = 5


class ControlSocket:
    """Takes part in process 1's selector; every key's data is a function without arguments."""

    def __init__(self, path: str, selector: selectors.BaseSelector, configure: Callable[[Any], None]) -> None:
        self._configure = configure
        self._selector = selector
        self._visitors: dict[socket.socket, tuple[bytes, float]] = {}
        self._server = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._server.bind(path)
        os.chmod(path, 0o666)
        self._server.listen(MOST_VISITORS)
        self._server.setblocking(False)
        selector.register(self._server, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            visitor, _ = self._server.accept()
            visitor.setblocking(False)
            now = time.monotonic()
            for old, (_data, since) in list(self._visitors.items()):
                if now - since > PATIENCE_S or len(self._visitors) >= MOST_VISITORS:
                    self._close(old)
            self._visitors[visitor] = (b"", now)
            self._selector.register(visitor, selectors.EVENT_READ, lambda: self._read(visitor))

    def _read(self, visitor: socket.socket) -> None:
        data, since = self._visitors[visitor]
        try:
            more = visitor.recv(MOST_BYTES)
        except OSError:
            more = b""
        data += more
        if not more or len(data) > MOST_BYTES:
            self._close(visitor)
        elif b"\n" in data:
            reply = self._answer(data.split(b"\n", 1)[0])
            with contextlib.suppress(OSError):
                visitor.send(json.dumps(reply).encode() + b"\n")
            self._close(visitor)
        else:
            self._visitors[visitor] = (data, since)

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            self._configure(json.loads(line)["daemon"])
        except Exception as error:  # noqa: BLE001 - a client's request must never end process 1
            return {"error": str(error) or type(error).__name__}
        return {"ok": True}

    def _close(self, visitor: socket.socket) -> None:
        self._visitors.pop(visitor, None)
        with contextlib.suppress(KeyError):
            self._selector.unregister(visitor)
        visitor.close()
