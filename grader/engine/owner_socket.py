"""The socket of an engine's owner: what another command of the same user may ask of a running lab.

A socket ``owner.sock`` in the engine's folder, which no other user can enter. One JSON line in,
``{"do": "reset"}``; one out, ``{"ok": true}`` or ``{"error": "..."}``. The owner serves it in its own thread,
between other things, so what is asked for never meets a second one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from grader import paths
from grader.errors import DockbookError, EngineError
from grader.unix_socket import connect

NAME = "owner.sock"
_MOST_BYTES = 4096
_PATIENCE_S = 2.0


class OwnerSocket:
    """The owner's end. ``actions``: what may be asked for, by name. A context manager."""

    def __init__(self, folder: Path, actions: Mapping[str, Callable[[], None]]) -> None:
        self._path = folder / NAME
        self._actions = actions
        self._server = socket.socket(socket.AF_UNIX)
        self._path.unlink(missing_ok=True)
        self._server.bind(str(self._path))
        self._path.chmod(0o600)
        self._server.listen(4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve(self, wait_s: float) -> None:
        """Wait this long for a client, and do what the first one asks."""
        if not select.select([self._server], [], [], wait_s)[0]:
            return
        with contextlib.suppress(OSError):
            visitor, _ = self._server.accept()
            with visitor:
                visitor.settimeout(_PATIENCE_S)
                if _peer(visitor) in (0, os.geteuid()):
                    reply = self._answer(_line(visitor))
                    visitor.sendall(json.dumps(reply).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            wanted = json.loads(line)["do"]
            action = self._actions[wanted]
        except (ValueError, KeyError, TypeError):
            return {"error": f"this lab can do {', '.join(sorted(self._actions))}, but it was asked for more"}
        try:
            action()
        except DockbookError as error:
            return {"error": str(error)}
        return {"ok": True}

    def close(self) -> None:
        """Close it; safe to call twice."""
        self._server.close()
        self._path.unlink(missing_ok=True)


def ask_owner(engine_id: str, do: str, *, timeout_s: float = 180) -> None:
    """Ask the owner of this user's running engine for something. Raises EngineError with its words."""
    path = paths.runtime_folder() / engine_id / NAME
    try:
        with connect(str(path), timeout_s) as connection:
            connection.sendall(json.dumps({"do": do}).encode() + b"\n")
            reply = json.loads(_line(connection))
    except (OSError, ValueError) as error:
        raise EngineError(
            f"The lab that owns the engine {engine_id} does not answer: {error}.",
            next_step="end that lab with Ctrl-C in its terminal, then run this again.",
        ) from error
    if "error" in reply:
        raise EngineError(f"The lab could not {do} its engine: {reply['error']}")


def _line(peer: socket.socket) -> bytes:
    data = b""
    while b"\n" not in data and len(data) <= _MOST_BYTES:
        more = peer.recv(_MOST_BYTES)
        if not more:
            break
        data += more
    return data.split(b"\n", 1)[0]


def _peer(visitor: socket.socket) -> int:
    """The user id at the other end, unix(7)."""
    size = struct.calcsize("3i")
    found: tuple[int, int, int] = struct.unpack(
        "3i", visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return found[1]
