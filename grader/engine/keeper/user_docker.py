"""The few calls of the Engine API that a keeper makes to the user's own Docker, without docker-py.

A keeper is a small process without site-packages. Paths have no version: what is asked for is the same in
every version since 1.41, and an engine takes that as its own. Standard library only; ``unix://`` and plain
``tcp://``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT_S = 60


class Refused(Exception):
    """The engine answered with an error; ``status`` is HTTP's, ``str()`` the engine's own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def connect(docker_host: str, timeout_s: float | None = TIMEOUT_S) -> socket.socket:
    """A connection to the engine. Raises OSError."""
    parts = urlsplit(docker_host)
    if parts.scheme == "unix":
        handle = socket.socket(socket.AF_UNIX)
        handle.settimeout(timeout_s)
        try:
            handle.connect(parts.path)
        except OSError:
            handle.close()
            raise
        return handle
    if parts.scheme == "tcp":
        return socket.create_connection((parts.hostname, parts.port or 2375), timeout_s)
    raise OSError(f"{docker_host} is neither a unix:// nor a tcp:// address")


class _Connection(http.client.HTTPConnection):
    def __init__(self, docker_host: str, timeout_s: float) -> None:
        super().__init__("docker")
        self._docker_host, self._timeout_s = docker_host, timeout_s

    def connect(self) -> None:
        self.sock = connect(self._docker_host, self._timeout_s)


def call(
    docker_host: str,
    method: str,
    path: str,
    body: object = None,
    *,
    data: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """One request; what its JSON says. ``data`` goes as an archive. Raises Refused or OSError."""
    headers = {}
    if body is not None:
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    elif data is not None:
        headers = {"Content-Type": "application/x-tar"}
    with contextlib.closing(_Connection(docker_host, timeout_s)) as connection:
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            said = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
    value: Any = None
    with contextlib.suppress(ValueError):
        value = json.loads(said)
    if answer.status >= 400:
        message = value.get("message") if isinstance(value, dict) else None
        raise Refused(answer.status, str(message or said.decode(errors="replace").strip() or answer.reason))
    return value


def attach(docker_host: str, container: str) -> tuple[socket.socket, bytes]:
    """A container's input, output and errors; what came with the answer's head. Raises as ``call``."""
    handle = connect(docker_host)
    query = "stream=1&stdin=1&stdout=1&stderr=1"
    head = f"POST /containers/{quote(container)}/attach?{query} HTTP/1.1\r\nHost: docker\r\n"
    handle.sendall(f"{head}Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = handle.recv(4096)
        if not chunk:
            raise OSError("the engine closed the connection")
        answer += chunk
    top, rest = answer.split(b"\r\n\r\n", 1)
    status = int(top.split(b" ", 2)[1])
    if status not in (101, 200):
        handle.close()
        raise Refused(status, rest.decode(errors="replace").strip())
    handle.settimeout(None)
    return handle, rest
