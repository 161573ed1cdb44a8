"""QEMU's monitor protocol, as far as a keeper needs it: one command at a time. Standard library only."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """A monitor on a connected unix socket. Blocking, each call with a deadline.

    ``events``: what QEMU has sent on its own and was not taken from the list yet.
    """

    def __init__(self, handle: socket.socket) -> None:
        self.socket = handle
        self.events: list[dict[str, Any]] = []
        self._rest = b""

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._rest:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise QmpError("QEMU's monitor does not answer") from None
            except OSError as error:
                raise QmpError(f"QEMU's monitor is gone: {error}") from error
            if not data:
                raise QmpError("QEMU ended")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        if "event" in message:
            self.events.append(message)
        return message

    def hear(self) -> None:
        """Take the events that have come while nothing was asked. Raises QmpError when QEMU is gone."""
        while b"\n" in self._rest or select.select([self.socket], [], [], 0)[0]:
            self._next(time.monotonic() + 1)

    def greet(self, limit_s: float) -> None:
        """Wait for QEMU's greeting and begin. Raises QmpError."""
        deadline = time.monotonic() + limit_s
        while "QMP" not in self._next(deadline):
            pass
        self.do("qmp_capabilities", limit_s=limit_s)

    def do(
        self, command: str, *, limit_s: float = 10, descriptor: int | None = None, **arguments: Any
    ) -> Any:
        """One command; what it returns. ``descriptor`` is handed over with it. Raises QmpError."""
        deadline = time.monotonic() + limit_s
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        line = json.dumps({"execute": command, "arguments": named}).encode() + b"\n"
        try:
            socket.send_fds(self.socket, [line], [] if descriptor is None else [descriptor])
        except OSError as error:
            raise QmpError(f"QEMU's monitor is gone: {error}") from error
        while True:
            message = self._next(deadline)
            if "error" in message:
                raise QmpError(f"{command}: {message['error'].get('desc')}")
            if "return" in message:
                return message["return"]
