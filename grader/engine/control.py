"""The owner's end of a keeper: starts it, asks it things, and learns of the sandbox's end."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, ParamSpec, Self, TypeVar

from grader.engine.system import keeper_requests
from grader.engine.system.package import bare_python
from grader.engine.system.programs import last_words
from grader.errors import EngineDied, EngineError

P = ParamSpec("P")
T = TypeVar("T")


class Control:
    """A keeper, by its module's name; it runs from ``start`` to ``close``.

    ``ended`` is None, or the tail of the log of a sandbox that is gone.
    """

    socket: socket.socket
    _errors: IO[bytes]

    def __init__(self, keeper: str = "grader.engine.keeper.sandbox") -> None:
        self.keeper = keeper
        self.ended: str | None = "it has not been started"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._requests = 0
        self._rest = b""

    def start(self, spec: dict[str, Any], hand_over: Sequence[int] = ()) -> Self:
        """Start it with this description. ``hand_over``: descriptors that it gets under the same numbers."""
        with contextlib.ExitStack() as undo:
            # For what Python says when even the keeper's own start fails; without a name, it leaves nothing.
            self._errors = undo.enter_context(tempfile.TemporaryFile())
            self.socket, far_end = socket.socketpair()
            undo.enter_context(self.socket)
            with far_end:
                self.process = subprocess.Popen(
                    bare_python(self.keeper, "main", str(far_end.fileno())),
                    pass_fds=[far_end.fileno(), *hand_over],
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    cwd="/",
                )
            undo.pop_all()
        self.ended = None
        with contextlib.suppress(OSError):  # it has ended already: ``pump`` will learn why
            self.socket.sendall(json.dumps(spec).encode() + b"\n")
        return self

    def pump(self, timeout_s: float) -> list[dict[str, Any]]:
        """Read what the keeper has said, waiting up to ``timeout_s``; the replies among it."""
        self.socket.settimeout(timeout_s or 1e-6)
        try:
            data = self.socket.recv(1 << 20)
        except (TimeoutError, BlockingIOError):
            return []
        except OSError:
            data = b""
        if not data:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")
            self.ended = self.ended or said or "the keeper has ended"
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        messages = [json.loads(line) for line in lines]
        for message in messages:
            if message.get("event") == "ended":
                self.ended = message["tail"]
        return [message for message in messages if "id" in message]

    def ask(self, request: Callable[P, T], timeout_s: float = 30, *_: P.args, **arguments: P.kwargs) -> T:
        """One of ``keeper_requests``, to the keeper or to process 1; its value. Raises EngineDied or
        EngineError."""
        if self.process is None:
            raise EngineDied(f"The engine is not there: {self.ended}.")
        name = request.__name__
        with self._lock:
            self._requests += 1
            number = self._requests
            line = json.dumps({"id": number, "do": name, "with": arguments}).encode() + b"\n"
            deadline = time.monotonic() + timeout_s
            with contextlib.suppress(OSError):
                self.socket.sendall(line)
            while True:
                for reply in self.pump(max(0.001, deadline - time.monotonic())):
                    if reply["id"] == number:
                        if "error" in reply and self.ended is None:
                            what = name.replace("_", " ")
                            raise EngineError(f"The engine could not {what}: {reply['error']}.")
                        if "error" not in reply:
                            return _value(request, reply["value"])
                if self.ended is not None:
                    raise EngineDied(f"The engine is gone: {last_words(self.ended)}")
                if time.monotonic() > deadline:
                    raise EngineError(f"The engine did not answer '{name}' within {timeout_s:g} s.")

    def alive(self) -> bool:
        """Whether the sandbox is there, as far as the keeper has said."""
        with self._lock:
            if self.ended is None:
                self.pump(0)
            return self.ended is None

    def close(self, timeout_s: float = 30) -> None:
        """Close the connection: the keeper removes the sandbox and ends."""
        if self.process is None:
            return
        self.socket.close()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()


def _value(request: Callable[..., T], value: object) -> T:
    try:
        return keeper_requests.checked_value(request, value)
    except keeper_requests.BadRequest as error:
        raise EngineError(f"The engine's answer makes no sense: {error}.") from error
