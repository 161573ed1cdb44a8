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
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, Self

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from grader.engine.base import Engine
from grader.engine.control import bare_python
from grader.engine.sandbox import Sandbox
from grader.errors import EngineError

HOST = "127.0.0.1"
RETRY_S = 0.3


class Published(NamedTuple):
    """One published port: the number on the engine's host, and ``tcp`` or ``udp``."""

    port: int
    kind: str

    def __str__(self) -> str:
        return f"{self.port}/{self.kind}"


class Ports:
    """Forwards what containers publish, from now until ``close``. A context manager.

    ``way``: how the relay gets into the engine's network, a sandbox's ``pid`` or the ``folder`` of an engine
    whose keeper carries connections. ``tell`` gets one line when a port cannot be had on the host: somebody
    else listens on it. ``note`` gets those ports, whenever they are others.
    """

    def __init__(
        self,
        engine: Engine,
        way: Mapping[str, object],
        tell: Callable[[str], None],
        note: Callable[[Collection[Published]], None] | None = None,
    ) -> None:
        self._tell, self._note = tell, note
        self._open: set[Published] = set()
        self._taken: set[Published] = set()
        self._ended = threading.Event()
        self._control, theirs = socket.socketpair()
        with theirs:
            spec = json.dumps({**way, "control": theirs.fileno()})
            self._process = subprocess.Popen(
                bare_python("grader.engine.relay", "main", spec),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
            )
        self._control.settimeout(10)
        if self._control.recv(1) != b"k":
            self.close()
            raise EngineError("The relay for published ports did not start.")
        self._client = engine.client(timeout=600)
        self._events = self._listen()
        self.update()
        self._thread = threading.Thread(target=self._follow, name="dockbook-ports", daemon=True)
        self._thread.start()

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
                    "Next: end what uses the port, or publish another."
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


def beside(engine: Engine) -> list[str]:
    """What comes before a command so that, to it, published ports answer on 127.0.0.1.

    A sandbox: the command joins its network, and no port of the host's is taken. Nothing for other boots.
    """
    if not isinstance(engine, Sandbox):
        return []
    return ["nsenter", f"--target={engine.pid()}", "--user", "--net", "--preserve-credentials", "--"]


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
