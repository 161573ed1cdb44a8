"""For a call of the Engine API, the line of Docker's command line that does the same.

After https://docs.docker.com/reference/api/engine/ and the sources of Docker's own client. Where one command
is several calls, each call gets its part: ``run`` is ``create``, then ``start``, then ``logs`` or ``wait``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grader.notebook.command_line import run_line
from grader.state import json_fields as fields

_VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
_ID = re.compile(r"^(?:sha256:)?[0-9a-f]{64}$")
SHORT = 12


@dataclass(frozen=True)
class Request:
    """One call: ``path`` without the version, ``query`` by name, ``body`` the JSON object that was sent.

    ``names``: what ids are called, for lines that a person would type.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    names: Mapping[str, str]

    def name(self, ref: str) -> str:
        """A name for an id, else the id in short."""
        return self.names.get(ref) or (ref.removeprefix("sha256:")[:SHORT] if _ID.match(ref) else ref)

    def on(self, key: str) -> bool:
        """Whether a parameter of the query is switched on."""
        return self.query.get(key, "").lower() in ("1", "true")


def without_version(path: str) -> str:
    """``/v1.45/info`` is ``/info``."""
    return _VERSION.sub("", path)


def equivalent(request: Request) -> str:
    """The command line, or ``""`` where no command does this and nothing more."""
    for method, pattern, words in _RULES:
        found = pattern.fullmatch(request.path) if method == request.method else None
        if found is not None:
            said = words(request, *found.groups())
            if isinstance(said, str):
                return said
            return shlex.join(["docker", *said])
    return ""


_Words = Callable[..., "list[str] | str"]


def _option(request: Request, key: str, option: str, usual: str = "") -> list[str]:
    """An option with a parameter's value, unless it is the usual one."""
    value = request.query.get(key, "")
    return [option, value] if value not in ("", usual) else []


def _filters(request: Request) -> Iterator[str]:
    """``--filter name=web`` for each; the API takes lists and, from older clients, sets."""
    try:
        given = json.loads(request.query.get("filters") or "{}")
    except (ValueError, RecursionError):
        return
    if not isinstance(given, dict):
        return
    for key, values in given.items():
        for value in values if isinstance(values, list | dict) else [values]:
            yield from ("--filter", f"{key}={str(value).lower() if isinstance(value, bool) else value}")


def _create(request: Request) -> str:
    body = request.body
    host, networks = fields.table(body, "HostConfig"), fields.table(body, "NetworkingConfig")
    return run_line(
        body,
        host,
        name=request.query.get("name", ""),
        networks=fields.table(networks, "EndpointsConfig"),
        verb="create",
    )


def _containers(request: Request) -> list[str]:
    words = ["ps", *(["--all"] if request.on("all") else []), *(["--size"] if request.on("size") else [])]
    return [*words, *_option(request, "limit", "--last", "-1"), *_filters(request)]


def _logs(request: Request, ref: str) -> list[str]:
    follow = ["--follow"] if request.on("follow") else []
    times = ["--timestamps"] if request.on("timestamps") else []
    tail = _option(request, "tail", "--tail", "all")
    return ["logs", *follow, *times, *tail, request.name(ref)]


def _remove(request: Request, ref: str) -> list[str]:
    flags = [option for key, option in (("force", "--force"), ("v", "--volumes")) if request.on(key)]
    return ["rm", *flags, request.name(ref)]


def _stop(verb: str) -> _Words:
    return lambda request, ref: [verb, *_option(request, "t", "--time"), request.name(ref)]


def _simple(*words: str) -> _Words:
    """The words, then the names of what is in the path."""
    return lambda request, *refs: [*words, *map(request.name, refs)]


def _exec(request: Request, ref: str) -> list[str]:
    body = request.body
    flags = "i" * fields.flag(body, "AttachStdin") + "t" * fields.flag(body, "Tty")
    words = ["exec", *([f"-{flags}"] if flags else []), *(["-d"] if fields.flag(body, "Detach") else [])]
    for key, option in (("User", "--user"), ("WorkingDir", "--workdir")):
        words += [option, fields.text(body, key)] if fields.text(body, key) else []
    for pair in fields.texts(body, "Env"):
        words += ["--env", pair]
    return [*words, request.name(ref), *fields.texts(body, "Cmd")]


def _copy(request: Request, ref: str) -> list[str]:
    inside = f"{request.name(ref)}:{request.query.get('path', '')}"
    return ["cp", inside, "-"] if request.method == "GET" else ["cp", "-", inside]


def _commit(request: Request) -> list[str]:
    words = ["commit", *_option(request, "comment", "--message"), *_option(request, "author", "--author")]
    container, repository = request.query.get("container", ""), request.query.get("repo", "")
    target = repository + _tag(request.query.get("tag", ""))
    return [*words, request.name(container), *([target] if repository else [])]


def _pull(request: Request) -> list[str] | str:
    image = request.query.get("fromImage", "")
    if image:
        platform = _option(request, "platform", "--platform")
        return ["pull", *platform, image + _tag(request.query.get("tag", ""))]
    source = request.query.get("fromSrc", "")
    target = request.query.get("repo", "")
    return ["import", source, *([target] if target else [])] if source else ""


def _tag(tag: str) -> str:
    if not tag:
        return ""
    return f"@{tag}" if tag.startswith("sha256:") else f":{tag}"


def _push(request: Request, name: str) -> list[str]:
    return ["push", name + _tag(request.query.get("tag", ""))]


def _rmi(request: Request, ref: str) -> list[str]:
    return ["rmi", *(["--force"] if request.on("force") else []), request.name(ref)]


def _build(request: Request) -> list[str]:
    words = [
        "build",
        *_option(request, "t", "--tag"),
        *_option(request, "dockerfile", "--file", "Dockerfile"),
    ]
    words += ["--no-cache"] if request.on("nocache") else []
    words += ["--pull"] if request.on("pull") else []
    words += _option(request, "target", "--target")
    try:
        arguments = json.loads(request.query.get("buildargs") or "{}")
    except (ValueError, RecursionError):
        arguments = {}
    for key, value in arguments.items() if isinstance(arguments, dict) else ():
        words += ["--build-arg", f"{key}={value}"]
    return [*words, "."]


def _network(request: Request) -> list[str]:
    body = request.body
    words = ["network", "create"]
    if fields.text(body, "Driver") not in ("", "bridge"):
        words += ["--driver", fields.text(body, "Driver")]
    words += ["--internal"] if fields.flag(body, "Internal") else []
    for pool in fields.tables(fields.table(body, "IPAM"), "Config"):
        words += ["--subnet", fields.text(pool, "Subnet")] if fields.text(pool, "Subnet") else []
    return [*words, fields.text(body, "Name")]


def _connect(request: Request, ref: str) -> list[str]:
    words = ["network", "connect"]
    for alias in fields.texts(fields.table(request.body, "EndpointConfig"), "Aliases"):
        words += ["--alias", alias]
    return [*words, request.name(ref), request.name(fields.text(request.body, "Container"))]


def _disconnect(request: Request, ref: str) -> list[str]:
    container = request.name(fields.text(request.body, "Container"))
    return ["network", "disconnect", request.name(ref), container]


def _volume(request: Request) -> list[str]:
    name = fields.text(request.body, "Name")
    return ["volume", "create", *([name] if name else [])]


def _list(*words: str) -> _Words:
    return lambda request: [*words, *(["--all"] if request.on("all") else []), *_filters(request)]


def _search(request: Request) -> list[str]:
    return ["search", *_option(request, "limit", "--limit"), request.query.get("term", "")]


def _kill(request: Request, ref: str) -> list[str]:
    return ["kill", *_option(request, "signal", "--signal", "SIGKILL"), request.name(ref)]


def _rename(request: Request, ref: str) -> list[str]:
    return ["rename", request.name(ref), request.query.get("name", "")]


def _tag_image(request: Request, ref: str) -> list[str]:
    return ["tag", request.name(ref), request.query.get("repo", "") + _tag(request.query.get("tag", ""))]


_ONE, _ANY = r"([^/]+)", r"(.+)"
_TABLE: tuple[tuple[str, str, _Words], ...] = (
    ("POST", "/containers/create", _create),
    ("GET", "/containers/json", _containers),
    ("GET", f"/containers/{_ONE}/json", _simple("inspect")),
    ("GET", f"/containers/{_ONE}/logs", _logs),
    ("GET", f"/containers/{_ONE}/top", _simple("top")),
    ("GET", f"/containers/{_ONE}/stats", _simple("stats")),
    ("GET", f"/containers/{_ONE}/changes", _simple("diff")),
    ("GET", f"/containers/{_ONE}/export", _simple("export")),
    ("GET", f"/containers/{_ONE}/archive", _copy),
    ("PUT", f"/containers/{_ONE}/archive", _copy),
    ("POST", f"/containers/{_ONE}/attach", _simple("attach")),
    ("POST", f"/containers/{_ONE}/stop", _stop("stop")),
    ("POST", f"/containers/{_ONE}/restart", _stop("restart")),
    ("POST", f"/containers/{_ONE}/kill", _kill),
    ("POST", f"/containers/{_ONE}/rename", _rename),
    ("POST", f"/containers/{_ONE}/exec", _exec),
    *(
        ("POST", f"/containers/{_ONE}/{verb}", _simple(verb))
        for verb in ("start", "wait", "pause", "unpause")
    ),
    ("DELETE", f"/containers/{_ONE}", _remove),
    ("POST", "/containers/prune", _simple("container", "prune")),
    ("POST", "/commit", _commit),
    ("GET", "/images/json", _list("images")),
    ("GET", "/images/search", _search),
    ("POST", "/images/create", _pull),
    ("POST", "/images/load", lambda _request: ["load"]),
    ("POST", "/images/prune", _simple("image", "prune")),
    ("GET", f"/images/{_ANY}/json", _simple("image", "inspect")),
    ("GET", f"/images/{_ANY}/history", _simple("history")),
    ("GET", f"/images/{_ANY}/get", _simple("save")),
    ("POST", f"/images/{_ANY}/push", _push),
    ("POST", f"/images/{_ANY}/tag", _tag_image),
    ("DELETE", f"/images/{_ANY}", _rmi),
    ("POST", "/build", _build),
    ("GET", "/networks", _list("network", "ls")),
    ("POST", "/networks/create", _network),
    ("POST", f"/networks/{_ONE}/connect", _connect),
    ("POST", f"/networks/{_ONE}/disconnect", _disconnect),
    ("GET", f"/networks/{_ONE}", _simple("network", "inspect")),
    ("DELETE", f"/networks/{_ONE}", _simple("network", "rm")),
    ("GET", "/volumes", _list("volume", "ls")),
    ("POST", "/volumes/create", _volume),
    ("GET", f"/volumes/{_ONE}", _simple("volume", "inspect")),
    ("DELETE", f"/volumes/{_ONE}", _simple("volume", "rm")),
    ("GET", "/info", _simple("info")),
    ("GET", "/version", _simple("version")),
    ("GET", "/events", _list("events")),
    ("GET", "/system/df", _simple("system", "df")),
    ("POST", "/auth", _simple("login")),
)
_RULES = tuple((method, re.compile(path), words) for method, path, words in _TABLE)
