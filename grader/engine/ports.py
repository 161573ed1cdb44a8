"""Published ports in the lab: what a container publishes answers on 127.0.0.1 of the student's machine.

A private engine has a network of its own, so without this the host's browser does not reach it. ``Ports``
follows Docker's events and keeps a listening socket on the host for each published port. Grading never uses
it: parallel engines may publish the same port.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import IO, Any, Self

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from grader.engine.base import Engine, Published, undone_by
from grader.engine.system.package import bare_python
from grader.engine.system.programs import last_words
from grader.errors import EngineError

HOST = "127.0.0.1"
RETRY_S = 0.3
START_S = 10
"""How long the relay may take to enter an engine's network."""


class Ports:
    """Forwards what containers publish, from ``start`` to ``close``. A context manager.

    ``way``: how the relay gets into the engine's network, a sandbox's ``namespaces`` or the ``folder`` of an
    engine whose keeper carries connections. ``tell`` gets one line when a port is not available on the host:
    another program listens on it. ``note`` gets those ports whenever they change.
    """

    _control: socket.socket
    _client: DockerClient
    _events: Iterator[dict[str, Any]]

    def __init__(
        self,
        engine: Engine,
        way: Mapping[str, object],
        tell: Callable[[str], None],
        note: Callable[[Collection[Published]], None] | None = None,
    ) -> None:
        self._engine, self._way, self._tell, self._note = engine, way, tell, note
        self._open: set[Published] = set()
        self._taken: set[Published] = set()
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the relay, and forward what is published already. Raises EngineError when that fails."""
        with undone_by(self.close):
            self._begin()
        return self

    def _begin(self) -> None:
        self._control, far_end = socket.socketpair()
        with far_end, tempfile.TemporaryFile() as errors:
            spec = json.dumps({**self._way, "control": far_end.fileno()})
            self._process = subprocess.Popen(
                bare_python("grader.engine.keeper.relay", "main", spec),
                pass_fds=[far_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
            )
            far_end.close()
            self._wait_until_ready(errors)
        self._client = self._engine.client(timeout=600)
        self._events = self._listen()
        self.update()
        threading.Thread(target=self._follow, name="dockbook-ports", daemon=True).start()

    def _wait_until_ready(self, errors: IO[bytes]) -> None:
        """Until the relay says so. Raises EngineError with what it wrote to ``errors``."""
        self._control.settimeout(START_S)
        try:
            answer = self._control.recv(1)
        except TimeoutError:
            answer = b""
        if answer == b"k":
            return
        self._end_relay()
        errors.seek(0)
        why = last_words(errors.read().decode(errors="replace") or f"no answer within {START_S:g} s")
        raise EngineError(
            f"The process that forwards published ports did not start: {why}",
            next_step="`dockbook doctor` says what this machine does not allow.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> Iterator[dict[str, Any]]:
        found: Iterator[dict[str, Any]] = self._client.events(decode=True, filters={"type": "container"})
        return found

    def _follow(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(DockerException, RequestException, OSError, ValueError):
                for event in self._events:
                    if self._ended.is_set():
                        return
                    if event.get("Action") in ("start", "die", "pause", "unpause"):
                        self.update()
            # dockerd has ended; after a reset there is another one.
            self._ended.wait(RETRY_S)
            with contextlib.suppress(DockerException, RequestException, OSError, ValueError):
                self._events = self._listen()
                self.update()

    def update(self) -> None:
        """Open and close sockets until the host's are those of the running containers."""
        wanted, before = published(self._client), set(self._taken)
        for gone in self._open - wanted:
            self._order("drop", gone)
            self._open.discard(gone)
        self._taken &= wanted
        for new in sorted(wanted - self._open - self._taken):
            try:
                with listener(new) as handle:
                    self._order("add", new, handle)
                self._open.add(new)
            except OSError as error:
                self._taken.add(new)
                self._tell(
                    f"Port {new} of a container cannot be reached at {HOST}:{new.port} on this machine: "
                    f"{error.strerror}. Inside the engine it works. "
                    "Next: stop what uses the port, or publish another."
                )
        if self._note is not None and self._taken != before:
            self._note(frozenset(self._taken))

    def _order(self, do: str, which: Published, handle: socket.socket | None = None) -> None:
        order = json.dumps({"do": do, "name": str(which), "kind": which.kind, "port": which.port}).encode()
        socket.send_fds(self._control, [order], [handle.fileno()] if handle else [])
        self._control.recv(1)

    def close(self) -> None:
        """Close every port; safe to call twice."""
        self._ended.set()
        self._end_relay()

    def _end_relay(self) -> None:
        if self._process is None:
            return
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def published(client: DockerClient) -> set[Published]:
    """The ports that running containers publish."""
    found = set()
    for container in client.api.containers():
        for entry in container.get("Ports", []):
            if entry.get("PublicPort"):
                found.add(Published(int(entry["PublicPort"]), str(entry.get("Type", "tcp"))))
    return found


def listener(which: Published) -> socket.socket:
    """A socket on the host's loopback for one port. Raises OSError when it is taken or not permitted."""
    kind = socket.SOCK_STREAM if which.kind == "tcp" else socket.SOCK_DGRAM
    handle = socket.socket(socket.AF_INET, kind)
    try:
        if which.kind == "tcp":
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        handle.bind((HOST, which.port))
        if which.kind == "tcp":
            handle.listen(128)
    except OSError:
        handle.close()
        raise
    return handle
