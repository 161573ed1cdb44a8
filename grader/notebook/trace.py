"""``%%trace``: the conversation of a cell with the engine, call by call, and the command line for each.

docker-py is recorded where it sends, the ``docker`` command through a socket of this module that leads to the
engine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from docker import APIClient, DockerClient

from grader import variables
from grader.errors import Blocked
from grader.expect.words import count, visible
from grader.notebook.equivalent import Request, equivalent, without_version
from grader.notebook.pictures.tables import COLOURS
from grader.notebook.proxy import Heard, Proxy, Replied, can_carry
from grader.notebook.why import LOOK_S
from grader.state import json_fields as fields
from grader.state.reach import looking

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MOST_CALLS = 200
MOST_BODY = 300
_DEEPEST = 8
_MARK = "X-Dockbook-Heard"
_CREATE = "/containers/create"
_SECRET = ("/auth",)
_OFF = ("", "0", "-1", "false", "False")
_USUAL = {
    "AttachStdout": True,
    "AttachStderr": True,
    "MemorySwappiness": -1,
    "NetworkMode": "default",
    "RestartPolicy": {"Name": "no"},
}
"""What clients send unasked. ``ConsoleSize`` is left out, too."""
_NO_BODY: Mapping[str, Any] = {}


@dataclass
class Call:
    """One call. ``status`` 0: no reply came. ``seconds``: until the reply began (a short one: was read)."""

    method: str
    path: str
    query: dict[str, str]
    body: Mapping[str, Any]
    status: int = 0
    seconds: float = 0.0

    def replied(self, status: int, seconds: float) -> None:
        """Note the reply."""
        self.status, self.seconds = status, seconds

    @property
    def shown_body(self) -> str:
        """The body's interesting part in one line: what is empty, null or false is left out."""
        if self.path in _SECRET:
            return ""
        told = _interesting(self.body)
        return visible(json.dumps(told, ensure_ascii=False), MOST_BODY) if told else ""

    @property
    def shown_path(self) -> str:
        """Path and query in one line, ids in short."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items() if value not in _OFF)
        path = "/".join(_short(part) for part in self.path.split("/"))
        return visible(f"{path}?{query}" if query else path, MOST_BODY)


@dataclass
class Conversation:
    """What a cell asked the engine, in order, as a notebook shows it."""

    calls: list[Call] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    remark: str = ""

    def line(self, call: Call) -> str:
        """The command line that does the same as one call, or ``""``."""
        request = Request(call.method, call.path, call.query, call.body, self.names)
        return visible(equivalent(request), MOST_BODY)

    def _head(self) -> str:
        spent = sum(call.seconds for call in self.calls)
        head = f"{count(len(self.calls), 'call')} to the engine, {1000 * spent:.0f} ms"
        return f"{head}. {self.remark}" if self.remark else head

    def __repr__(self) -> str:
        lines = [self._head()]
        for call in self.calls[:MOST_CALLS]:
            lines.append(f"{call.method:6} {call.shown_path}  {call.status}  {1000 * call.seconds:.0f} ms")
            lines += [f"       {call.shown_body}"] if call.shown_body else []
            line = self.line(call)
            lines += [f"       $ {line}"] if line else []
        return "\n".join(lines + self._more())

    def _more(self) -> list[str]:
        left = len(self.calls) - MOST_CALLS
        return [f"... and {left} more"] if left > 0 else []

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{name}</th>' for name in _COLUMNS)
        rows = "".join(f"<tr>{self._row(call)}</tr>" for call in self.calls[:MOST_CALLS])
        more = "".join(f"<p>{line}</p>" for line in self._more())
        return (
            '<div tabindex="0" style="overflow-x:auto"><table style="margin:0">'
            f'<caption style="text-align:left">{escape(self._head())}</caption>'
            f"<tr>{head}</tr>{rows}</table>{more}</div>"
        )

    def _row(self, call: Call) -> str:
        wide = 'style="text-align:left;overflow-wrap:anywhere;min-width:16em"'
        body = f'<br><code style="opacity:.75">{escape(call.shown_body)}</code>' if call.shown_body else ""
        line = self.line(call)
        colour = "" if 0 < call.status < 400 else f"color:{COLOURS['red']};"
        return (
            f"<td {wide}><code><b>{escape(call.method)}</b> {escape(call.shown_path)}</code>{body}</td>"
            f'<td style="{colour}white-space:nowrap">{call.status or "no reply"}</td>'
            f'<td style="white-space:nowrap">{1000 * call.seconds:.0f} ms</td>'
            f"<td {wide}>{f'<code>{escape(line)}</code>' if line else ''}</td>"
        )


_COLUMNS = ("Engine API", "status", "time", "the same on the command line")


class Tracer:
    """Listens while a cell runs. One for each kernel: its socket lives as long as the kernel does."""

    def __init__(self, connect: Callable[[], DockerClient]) -> None:
        self._connect = connect
        self._lock = Lock()
        self._now: Conversation | None = None
        self._proxy: Proxy | None = None
        self._names: dict[str, str] = {}

    def magic(self, shell: InteractiveShell) -> Callable[[str, str], None]:
        """The cell magic ``%%trace``."""

        def trace(_line: str, cell: str) -> None:
            """Run the cell, then show what it asked the engine."""
            from IPython.display import display

            __tracebackhide__ = True
            with self.listening() as heard, _told_once(shell):
                result = shell.run_cell(cell)
            display(heard)
            # A cell that failed has failed, traced or not.
            result.raise_error()

        return trace

    @contextmanager
    def listening(self) -> Iterator[Conversation]:
        """Record everything that is asked of the engine meanwhile."""
        heard = Conversation(names=self._names)
        outer = self._now
        self._now = heard
        before = os.environ.get("DOCKER_HOST")
        address = self._in_front(before)
        if address:
            os.environ["DOCKER_HOST"] = address
        else:
            heard.remark = "Only calls of docker-py are shown here, not those of the docker command."
        sender = APIClient.__dict__.get("send")  # another trace's, when a traced cell traces
        setattr(APIClient, "send", self._send())  # noqa: B010 - replaces a method of its base class meanwhile
        try:
            yield heard
        finally:
            if sender is None:
                del APIClient.send
            else:
                setattr(APIClient, "send", sender)  # noqa: B010
            self._now = outer
            if address and os.environ.get("DOCKER_HOST") == address and before is not None:
                os.environ["DOCKER_HOST"] = before
            self._name(heard)

    def _in_front(self, engine: str | None) -> str:
        """The address of a proxy for this engine, ``""`` where there can be none."""
        tls = any(os.environ.get(name) for name in variables.DOCKER_TLS)
        if engine is None or not can_carry(engine) or tls:
            return ""
        if self._proxy is None or self._proxy.engine != engine:
            try:
                self._proxy = Proxy(engine, self._passing)
            except OSError:
                return ""
        return self._proxy.address

    def _send(self) -> Callable[..., Any]:
        def send(client: APIClient, request: Any, **options: Any) -> Any:
            """In place of ``requests.Session.send`` while a cell is traced."""
            request.headers[_MARK] = "1"
            call = _call(request.method, request.url, request.headers, request.body)
            self._note(call)
            began = perf_counter()
            reply = super(APIClient, client).send(request, **options)
            call.replied(reply.status_code, perf_counter() - began)
            if call.path == _CREATE and reply.status_code == 201 and call.query.get("name"):
                self._names[fields.text(_object(reply.content), "Id")] = call.query["name"]
            return reply

        return send

    def _passing(self, heard: Heard) -> Replied:
        """A request through the proxy; one that docker-py sent was noted when it was sent."""
        call = _call(heard.method, heard.target, heard.headers, heard.body)
        if _MARK.lower() not in heard.headers:
            self._note(call)
        return call.replied

    def _note(self, call: Call) -> None:
        with self._lock:
            if self._now is not None and call.path != "/_ping":
                self._now.calls.append(call)

    def _name(self, heard: Conversation) -> None:
        """What the ids of containers are called, as far as they are still there."""
        ids = {part for call in heard.calls for part in call.path.split("/") if len(part) == _ID_LENGTH}
        if not ids:
            return
        try:
            client = self._connect()
            with looking(client, "the containers' names", LOOK_S) as look:
                rows = look.call(client.api.containers, all=True)
        except Blocked:
            return  # ids will do
        for row in rows:
            if row.get("Id") in ids and fields.texts(row, "Names"):
                heard.names[row["Id"]] = fields.texts(row, "Names")[0].removeprefix("/")


_ID_LENGTH = 64


def _call(method: str, url: str, headers: Mapping[str, str], body: object) -> Call:
    parts = urlsplit(url)
    return Call(
        method,
        without_version(parts.path),
        dict(parse_qsl(parts.query, keep_blank_values=True)),
        _json(headers, body),
    )


def _json(headers: Mapping[str, str], body: object) -> Mapping[str, Any]:
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if "json" not in kind or not isinstance(body, str | bytes):
        return _NO_BODY
    return _object(body)


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _NO_BODY
    return found if isinstance(found, dict) else _NO_BODY


def _interesting(value: Any, depth: int = 0) -> Any:
    """Without what says nothing: null, false, zero, empty. What is nested too deeply for a reader is cut
    off."""
    if not isinstance(value, Mapping | list):
        return value
    if depth == _DEEPEST:
        return "…"
    if isinstance(value, list):
        return [_interesting(item, depth + 1) for item in value]
    told = {key: _interesting(item, depth + 1) for key, item in value.items()}
    kept = {key: item for key, item in told.items() if key != "ConsoleSize" and _USUAL.get(key) != item}
    # The empty object of a port or a volume that is declared is the message.
    return {key: item for key, item in kept.items() if item or (item == {} and "/" in key)}


def _short(part: str) -> str:
    digits = part.removeprefix("sha256:")
    return digits[:12] if len(digits) == _ID_LENGTH and digits.isalnum() else part


_SHOWS = ("showtraceback", "showsyntaxerror", "showindentationerror")


@contextmanager
def _told_once(shell: InteractiveShell) -> Iterator[None]:
    """A traced cell's error is shown once, after the calls: not by the inner run, but as the cell's own."""
    kept = {name: getattr(shell, name) for name in _SHOWS}
    for name in _SHOWS:
        setattr(shell, name, _say_nothing)
    try:
        yield
    finally:
        for name, show in kept.items():
            setattr(shell, name, show)


def _say_nothing(*_given: object, **_named: object) -> None:
    pass
