"""What a container printed: bounded, its two streams told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import DockerClient

from grader.state import json_fields as fields
from grader.state.reach import Look, looking

MAX_BYTES = 256 * 1024
_HEADER = 8  # stream number, three zeros, length as 4 bytes, big end first
_STDERR = 2
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{8,18}Z")


@dataclass(frozen=True)
class Log:
    """What a container printed. With a terminal both streams are one: ``stdout``.

    Bytes that are not UTF-8 are replaced, line ends are ``\\n``. ``unreadable`` says why there is none
    (a log driver that keeps nothing, a container that has gone).
    """

    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    unreadable: str = ""

    @property
    def text(self) -> str:
        """Both streams, as ``docker logs`` shows them, but one after the other."""
        return self.stdout + self.stderr


def read_log(
    client: DockerClient,
    container_id: str,
    max_bytes: int = MAX_BYTES,
    deadline_s: float = 5,
    *,
    tty: bool | None = None,
    tail: int | None = None,
) -> Log:
    """The first ``max_bytes`` of a container's log, or of its last ``tail`` lines.

    ``tty``: whether it has a terminal, if you know it.

    Raises Blocked if the engine does not answer within ``deadline_s`` seconds.
    """
    with looking(client, "the container's log", deadline_s, one=True) as look:
        if tty is None:
            data = look.present(client.api.inspect_container, container_id) or {}
            tty = (data.get("Config") or {}).get("Tty") is True
        params = {"stdout": 1, "stderr": 1, "tail": "all" if tail is None else str(tail)}
        raw = _fetch(client, look, container_id, max_bytes, params)
    if isinstance(raw, str):
        return Log(unreadable=raw)
    body, truncated = raw
    out, err = (body, b"") if tty else demultiplex(body)
    return Log(_decode(out), _decode(err), truncated)


def read_last(client: DockerClient, container_id: str, deadline_s: float = 5) -> str:
    """A mark of the last line printed: it differs as soon as the container has printed again."""
    with looking(client, "the container's log", deadline_s, one=True) as look:
        params = {"stdout": 1, "stderr": 1, "tail": "1", "timestamps": 1}
        raw = _fetch(client, look, container_id, 4096, params)
    return raw if isinstance(raw, str) else raw[0].decode("utf-8", "replace")


def read_first_moment(client: DockerClient, container_id: str, deadline_s: float = 5) -> datetime | None:
    """When a container printed the first line that its log keeps; None if it keeps none."""
    with looking(client, "the container's log", deadline_s, one=True) as look:
        raw = _fetch(client, look, container_id, 4096, {"stdout": 1, "stderr": 1, "timestamps": 1})
    return None if isinstance(raw, str) else moment_of(raw[0].decode("utf-8", "replace"))


def moment_of(line: str) -> datetime | None:
    """The time that the engine put before a line of a log; None if it begins with none."""
    # Without a terminal a frame's header comes first.
    found = _MOMENT.match(line) or _MOMENT.match(line[_HEADER:])
    return fields.moment({"at": found.group()}, "at") if found else None


def _fetch(
    client: DockerClient, look: Look, container_id: str, max_bytes: int, params: dict[str, Any]
) -> tuple[bytes, bool] | str:
    """The raw bytes and whether there were more, or the engine's reason not to give any."""
    # docker-py's logs() gives the streams mixed, or byte by byte with a terminal: ask the session itself.
    url = f"{client.api.base_url}/v{client.api.api_version}/containers/{container_id}/logs"
    answer = client.api.get(url, params=params, stream=True, timeout=look.left())
    try:
        if answer.status_code == 404:
            return "the container has gone"
        if answer.status_code >= 400 and "logging driver" in (words := answer.text[:1000]):
            return " ".join(words.split())
        answer.raise_for_status()
        body = bytearray()
        for piece in answer.iter_content(16 * 1024):
            body += piece
            if len(body) > max_bytes:
                return bytes(body[:max_bytes]), True
            look.left()
        return bytes(body), False
    finally:
        answer.close()


def demultiplex(body: bytes) -> tuple[bytes, bytes]:
    """Standard output and standard error of a stream with 8-byte frame headers; a cut last frame counts."""
    out, err = bytearray(), bytearray()
    for stream, data in _frames(body):
        (err if stream == _STDERR else out).extend(data)
    return bytes(out), bytes(err)


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER <= len(body):
        length = int.from_bytes(body[at + 4 : at + _HEADER], "big")
        at += _HEADER
        yield body[at - _HEADER], body[at : at + length]
        at += length


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\r\n", "\n")
