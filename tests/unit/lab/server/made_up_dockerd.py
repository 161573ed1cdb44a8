"""A made-up Docker Engine: a few lists, and events when a test says so."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.unit.notebook.made_up_engine import LIMIT_S, MadeUpEngine

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(action: str, name: str = "web", **more: Any) -> dict[str, Any]:
    attributes = {"name": name, **more}
    return {"Type": "container", "Action": action, "Actor": {"ID": "a" * 64, "Attributes": attributes}}


class Dockerd(MadeUpEngine):
    """Answers what the look-out asks; ``happen`` tells the events' streams that are open."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.containers: list[dict[str, Any]] = []
        self.streams: list[socket.socket] = []
        self.deaf = False
        self.opened = threading.Event()
        self._nano = itertools.count(10**18)
        self.reply = self.answer

    def answer(self, head: bytes, rest: bytes, one: socket.socket) -> None:
        path = head.split()[1].decode()
        if self.deaf:
            return
        if "/events" in path:
            one.sendall(CHUNKED)
            self.streams.append(one)
            self.opened.set()
            one.recv(1)  # until the other end goes
            return
        answers = {
            "/version": {"Version": "26.1.5+dfsg1", "ApiVersion": "1.45", "MinAPIVersion": "1.24"},
            "/containers/json": self.containers,
            "/images/json": [{"Id": "sha256:" + "b" * 64, "RepoTags": ["busybox:latest"], "Size": 4_200_000}],
            "/networks": [{"Name": "bridge", "Id": "c" * 64, "Driver": "bridge"}],
        }
        body = json.dumps(next(said for end, said in answers.items() if path.partition("?")[0].endswith(end)))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
        one.sendall(head + f"{len(body)}\r\n\r\n{body}".encode())

    def asked(self, what: str) -> int:
        """How often."""
        return sum(what.encode() in head.split(b"\r\n")[0] for head in self.heads)

    def happen(self, *events: dict[str, Any]) -> None:
        assert self.opened.wait(LIMIT_S)
        for one in events:
            line = json.dumps({"timeNano": next(self._nano), "time": 10**9, **one}).encode() + b"\n"
            for stream in list(self.streams):
                try:
                    stream.sendall(b"%x\r\n%s\r\n" % (len(line), line))
                except OSError:
                    self.streams.remove(stream)

    def die(self) -> None:
        """Its connections break off, and it answers nothing more."""
        self.deaf = True
        self.opened.clear()
        for one in self.streams:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.streams.clear()
