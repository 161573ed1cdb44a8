"""What a student may ask of the engine: Docker's authorization plugin, as rules.

``decide()`` judges one request of the Docker Engine API (1.41 and later) by its method, address and JSON
body; ``Gate`` adds the bell and the trusted side's token. An allow-list: what these rules do not understand
is denied, since dockerd reads a request more generously than they do (Go's encoding/json matches keys without
regard to case, merges what is named twice, and hands on no body over 1 MiB).

Standard library only: the keeper, a small supervising process, loads this. Bodies are judged in authz_bodies.
"""

from __future__ import annotations

import re
from _operator import _compare_digest as compare_digest  # hmac would load hashlib: 5 ms of each start
from collections.abc import Callable, Mapping
from typing import NamedTuple

from grader.engine.keeper import authz_bodies as bodies
from grader.engine.keeper.authz_bodies import ENGINE, NAME, OTHER, OUTSIDE, Check, Denied

TOKEN_HEADER = "X-Dockbook-Token"  # noqa: S105 - the name of a header
Query = dict[str, list[str]]
RouteCheck = Callable[[str, Query, bytes | None], None]


class Decision(NamedTuple):
    """Whether a request may pass, and why not, in words for the student."""

    allow: bool
    reason: str = ""


class Route(NamedTuple):
    """One endpoint: its path, the parameters it takes once and those it takes repeatedly, and its check."""

    path: str
    once: frozenset[str]
    many: frozenset[str]
    check: RouteCheck | None


class Gate:
    """Access to one engine: the rules, the bell, and the token that the trusted side sends with every
    request.

    ``closed`` may be switched at any time; while it is true only the token gets through. ``buildkit_grpc``
    lets ``/grpc`` pass, where these rules cannot look: only for a dockerd whose ``daemon.json`` says
    ``"builder": {"Entitlements": {"network-host": false}}``. ``cpus``: whether this engine can limit what a
    container has of the processors; dockerd, which cannot there, would blame the kernel.
    """

    def __init__(self, token: str, *, closed: bool = False, buildkit_grpc: bool = False) -> None:
        if len(token) < 16:
            raise ValueError("the trusted side's token must have 16 characters or more")
        self._token = token.encode()
        self.closed = closed
        self.buildkit_grpc = buildkit_grpc
        self.cpus = True

    def decide(self, method: str, uri: str, body: bytes | None, headers: Mapping[str, str]) -> Decision:
        """Judge one request; never raises."""
        try:
            for name, value in headers.items():
                if name.lower() == "x-dockbook-token" and compare_digest(value.encode(), self._token):
                    return Decision(True)
            if self.closed:
                return Decision(
                    False, "the bell has rung: the engine is being looked at and takes no more orders"
                )
            decision = decide(method, uri, body, headers=headers, buildkit_grpc=self.buildkit_grpc)
            if decision.allow and not self.cpus and _limits_cpus(method, uri, body):
                return Decision(False, NO_CPUS)
            return decision
        except Exception:  # noqa: BLE001 - whatever a hostile request breaks in here, it must not get through
            return Decision(False, f"{ENGINE} understand this request")


def decide(
    method: str, uri: str, body: bytes | None, *, headers: Mapping[str, str], buildkit_grpc: bool = False
) -> Decision:
    """Judge one request by the rules alone: ``uri`` as sent, ``body`` as dockerd hands it to its plugins."""
    try:
        path, query = _address(uri)
        if method in ("POST", "PUT"):
            _content_type(headers)
        for route in ROUTES.get(method, ()):
            # Compiled when first needed, and kept by re: all at once would cost each start 7 ms.
            if re.fullmatch(route.path, path):
                if method not in ("GET", "HEAD"):  # no parameter of a question does harm
                    _query_keys(query, route.once, route.many)
                if route.check is not None:
                    route.check(path, query, body)
                break
        else:
            return Decision(False, _unknown(method, path))
        if path == "/grpc" and not buildkit_grpc:
            return Decision(False, f"{ENGINE} offer BuildKit's own API: try DOCKER_BUILDKIT=0 docker build")
    except Denied as refusal:
        return Decision(False, str(refusal))
    except (ValueError, RecursionError):  # JSON that is broken, or nested to exhaust the parser
        return Decision(False, f"{ENGINE} understand this request: its body is not plain JSON")
    return Decision(True)


NO_CPUS = (
    f"{ENGINE} limit processors on this machine, where it has no control groups of its own: leave out --cpus "
    "(nano_cpus in docker-py), and the container runs without that limit. `dockbook doctor` says why"
)
_WITH_RESOURCES = re.compile(r"(?:/v[0-9.]+)?/containers/(?:create|[^/]+/update)(?:\?|$)")


def _limits_cpus(method: str, uri: str, body: bytes | None) -> bool:
    return method == "POST" and bool(_WITH_RESOURCES.match(uri)) and bodies.limits_cpus(body)


# --- the address -------------------------------------------------------------------------------------------

_PRINTABLE = re.compile(r"/[!-~]*")
_PATH = re.compile(r"(?:/[^/\x00-\x1f\x7f]+)+")
_VERSION = re.compile(r"/v1\.(4[1-9]|[5-9][0-9])(?=/)")
_KEY = re.compile(r"[A-Za-z_-]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


def _address(uri: str) -> tuple[str, Query]:
    if not _PRINTABLE.fullmatch(uri) or "#" in uri:
        raise Denied(f"{ENGINE} understand the address of this request")
    raw, _, raw_query = uri.partition("?")
    # dockerd finds the endpoint of the path as it reads unescaped (net/url's Path), and so do these rules.
    # A name that no object can have then gets dockerd's own answer.
    plain = _unescaped(raw)
    version = _VERSION.match(plain)
    path = plain[version.end() :] if version else plain
    if not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise Denied(f"{ENGINE} understand the address of this request")
    if re.match(r"/v\d+(\.|/)", path):
        raise Denied(f"{ENGINE} speak this version of Docker's API: it takes 1.41 and later")
    return path, _parse_query(raw_query)


def _unescaped(raw: str) -> str:
    """A path with its escapes read once. Raises Denied for an invalid escape or invalid UTF-8."""
    if "%" in _ESCAPE.sub("", raw):
        raise Denied(f"{ENGINE} understand the address of this request")
    try:
        return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), raw).encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Denied(f"{ENGINE} understand the address of this request") from None


def _parse_query(raw: str) -> Query:
    query: Query = {}
    for pair in raw.split("&") if raw else ():
        key, _, value = pair.partition("=")
        if not pair or ";" in pair or not _KEY.fullmatch(key) or "%" in _ESCAPE.sub("", value):
            raise Denied(f"{ENGINE} understand the parameters of this request")
        plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value.replace("+", " "))
        query.setdefault(key, []).append(plain)
    return query


def _query_keys(query: Query, once: frozenset[str], many: frozenset[str]) -> None:
    for key, values in query.items():
        if key not in once and key not in many and any(values):
            raise Denied(f"{ENGINE} know the parameter {key!r} here")
        if key not in many and len(values) > 1:
            raise Denied(f"{ENGINE} take the parameter {key!r} twice")


_CONTENT_TYPES = frozenset(
    (
        *("", "application/json", "text/plain", "application/octet-stream"),
        *("application/tar", "application/x-tar", "application/gzip", "application/x-gzip"),
    )
)


def _content_type(headers: Mapping[str, str]) -> None:
    # A form in the body would be read before the parameters in the address, and plugins do not see it.
    for name, value in headers.items():
        if name.lower() == "content-type" and value.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
            raise Denied(f"{ENGINE} take a request of this content type")


def _unknown(method: str, path: str) -> str:
    area = path.split("/")[1]
    if area in ("swarm", "services", "nodes", "tasks", "secrets", "configs"):
        return f"{ENGINE} offer Swarm"
    if area == "plugins":
        return f"{ENGINE} install plugins (they run as the engine itself)"
    if "checkpoints" in path:
        return f"{ENGINE} offer checkpoints"
    return f"{ENGINE} offer {method} {path[:80]}"


# --- endpoints ------------------------------------------------------------------------------------------


def _body_by(rule: Check) -> RouteCheck:
    def check(_path: str, _query: Query, body: bytes | None) -> None:
        rule(bodies.parse(body))

    return check


def _start(_path: str, _query: Query, body: bytes | None) -> None:
    if body:
        raise Denied(f"{ENGINE} take settings when a container starts: give them when it is created")


def _connect_to(path: str, _query: Query, body: bytes | None) -> None:
    if path == "/networks/host/connect":
        raise Denied(f"{ENGINE} put a container on the host's network {OUTSIDE}")
    bodies.CONNECT(bodies.parse(body))


def _top(_path: str, query: Query, _body: bytes | None) -> None:
    # dockerd runs the host's ps with these words.
    if not all(re.fullmatch(r"[A-Za-z0-9 ,=%:._-]*", words) for words in query.get("ps_args", [])):
        raise Denied(f"{ENGINE} take these arguments for ps")


def _build(_path: str, query: Query, _body: bytes | None) -> None:
    mode = query.get("networkmode", [""])[0]
    if not re.fullmatch(f"|{OTHER}|(?!host$){NAME}", mode):
        raise Denied(f"{ENGINE} build on the host's network {OUTSIDE}")
    for key, plain in (("cgroupparent", ""), ("securityopt", ""), ("isolation", "default")):
        if any(value not in ("", plain) for value in query.get(key, [])):
            raise Denied(f"{ENGINE} take {key!r} for a build")


def _routes(table: str, checks: Mapping[str, RouteCheck]) -> dict[str, list[Route]]:
    """Read the table of endpoints: METHOD PATH parameters..., a + behind those that may come repeatedly."""
    name = "[^/]+"
    parts = {"{id}": name, "{image}": f"{name}(?:/{name})*", "{link}": f"{name}(?:/{name})*"}
    routes: dict[str, list[Route]] = {}
    for line in table.strip().splitlines():
        method, path, *keys = line.split()
        pattern = path
        for name, expression in parts.items():
            pattern = pattern.replace(name, expression)
        many = frozenset(key[:-1] for key in keys if key.endswith("+"))
        once = frozenset(key for key in keys if not key.endswith("+"))
        check = checks.get(f"{method} {path}")
        routes.setdefault(method, []).append(Route(pattern, once, many, check))
    return routes


# To leave a swarm is what clients clean up with; no engine here is in one, and dockerd says so.
ROUTES = _routes(
    """
HEAD /_ping
GET /_ping
GET /version
GET /info
GET /events
GET /system/df
GET /plugins
GET /plugins/{image}/json
POST /auth
GET /distribution/{image}/json
GET /containers/json
GET /containers/{id}/json
GET /containers/{id}/top
GET /containers/{id}/logs
GET /containers/{id}/stats
GET /containers/{id}/changes
GET /containers/{id}/export
GET /containers/{id}/archive
HEAD /containers/{id}/archive
PUT /containers/{id}/archive path noOverwriteDirNonDir copyUIDGID
GET /containers/{id}/attach/ws
POST /containers/{id}/attach detachKeys logs stream stdin stdout stderr
POST /containers/create name platform
POST /containers/prune filters
POST /containers/{id}/start detachKeys
POST /containers/{id}/stop t signal
POST /containers/{id}/restart t signal
POST /containers/{id}/kill signal
POST /containers/{id}/pause
POST /containers/{id}/unpause
POST /containers/{id}/wait condition
POST /containers/{id}/resize h w
POST /containers/{id}/rename name
POST /containers/{id}/update
POST /containers/{id}/exec
DELETE /containers/{link} v force link
POST /exec/{id}/start
POST /exec/{id}/resize h w
GET /exec/{id}/json
POST /commit container repo tag author comment changes+ pause
GET /images/json
GET /images/search
GET /images/get
GET /images/{image}/get
GET /images/{image}/json
GET /images/{image}/history
POST /images/create fromImage fromSrc repo tag message changes+ platform
POST /images/load quiet platform+
POST /images/prune filters
POST /images/{image}/push tag platform
POST /images/{image}/tag repo tag force
DELETE /images/{image} force noprune platforms+
POST /build q dockerfile+ remote t+ extrahosts+ networkmode target nocache rm forcerm pull memory memswap\
 cpushares cpuperiod cpuquota cpusetcpus cpusetmems shmsize cgroupparent securityopt+ isolation ulimits\
 buildargs labels cachefrom session platform version buildid outputs squash stream
POST /build/prune keep-storage all filters reserved-space max-used-space min-free-space
POST /build/cancel id
POST /session
POST /grpc
GET /networks
GET /networks/{id}
POST /networks/create
POST /networks/prune filters
POST /networks/{id}/connect
POST /networks/{id}/disconnect
DELETE /networks/{id}
GET /volumes
GET /volumes/{id}
POST /volumes/create
POST /volumes/prune filters
DELETE /volumes/{id} force
POST /swarm/leave force
""",
    {
        "POST /containers/create": _body_by(bodies.CREATE),
        "POST /containers/{id}/update": _body_by(bodies.UPDATE),
        "POST /containers/{id}/exec": _body_by(bodies.EXEC),
        "POST /containers/{id}/start": _start,
        "GET /containers/{id}/top": _top,
        "POST /build": _build,
        "POST /networks/create": _body_by(bodies.NETWORK),
        "POST /networks/{id}/connect": _connect_to,
        "POST /volumes/create": _body_by(bodies.VOLUME_CREATE),
    },
)
