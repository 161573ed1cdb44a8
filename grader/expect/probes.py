"""Questions put over the network: an HTTP GET, a datagram, a name, a connection.

Each is a small program for a bare ``python3``, run where the question has to be asked from: in a container's
network namespace, or in the engine's own. Nothing of the student's is executed. The answer is one line of
JSON; anything else is not an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.expect.words import visible

MAX_BODY = 8 * 1024
"""Bytes of an answer that are kept: a probe's output is bounded, and JSON may write a byte as six."""
DOCKERS_SERVER = "127.0.0.11"
"""Where Docker answers for the names of a network, inside of every container on it."""
TRY_S = 2.0
"""Seconds for one connection, one answer of a name server."""

Run = Callable[[Sequence[str], float], tuple[int, bytes]]
"""Runs a command line, for at most this many seconds; exit code and output."""


@dataclass(frozen=True)
class HttpReply:
    """What a web server answered. ``status`` 0: nothing did, and ``error`` says why."""

    status: int
    body: str = ""
    error: str = ""
    server: str = ""
    """What the program calls itself, in the header ``Server``."""


@dataclass(frozen=True)
class UdpReply:
    """The datagram that came back; ``answered`` False: none did, and ``error`` says why."""

    answered: bool
    body: str = ""
    error: str = ""


@dataclass(frozen=True)
class Resolved:
    """The addresses of a name; none: ``error`` says why. ``source``: ``hosts`` or ``dns``."""

    addresses: tuple[str, ...] = ()
    source: str = ""
    error: str = ""


@dataclass(frozen=True)
class Reached:
    """Whether a connection to a port could be made; ``error`` says why not."""

    open: bool
    error: str = ""


def http(run: Run, hosts: Sequence[str], port: int, path: str) -> HttpReply:
    """``GET path`` from the first of the addresses that answers, without redirects or proxies."""
    said = _ask(run, _HTTP, {"hosts": list(hosts), "port": port, "path": path}, 2 * TRY_S)
    texts = [_text(said, name) for name in ("body", "error", "server")]
    return HttpReply(_whole(said, "status"), *texts)


def udp(run: Run, hosts: Sequence[str], port: int, send: str, within_s: float) -> UdpReply:
    """A datagram to each of the addresses in turn, again and again until one answers or the time is over."""
    asked = {"hosts": list(hosts), "port": port, "send": send, "within": within_s}
    said = _ask(run, _UDP, asked, within_s + TRY_S)
    return UdpReply(said.get("answered") is True, _text(said, "body"), _text(said, "error"))


def tcp(run: Run, host: str, port: int, within_s: float) -> Reached:
    """A connection, tried again until it can be made or the time is over."""
    said = _ask(run, _TCP, {"host": host, "port": port, "within": within_s}, within_s + TRY_S)
    return Reached(said.get("open") is True, _text(said, "error"))


def resolve(run: Run, name: str, hosts: str, resolv_conf: str) -> Resolved:
    """The IPv4 addresses of a name, as a container with these two files finds them."""
    written = _in_hosts(name, hosts)
    if written:
        return Resolved(written, "hosts")
    servers, search = _name_servers(resolv_conf)
    if DOCKERS_SERVER not in servers:
        # Names of containers are known to this one alone; asking others would only take time.
        return Resolved(error=f"it does not ask Docker's name server, {DOCKERS_SERVER}")
    # Docker's own names are complete; the search domains are for names outside.
    names = [name] if "." in name else [name, *(f"{name}.{domain}" for domain in search)]
    said = _ask(run, _DNS, {"servers": [DOCKERS_SERVER], "names": names[:4]}, 3 * TRY_S)
    found = said.get("addresses")
    addresses = tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()
    return Resolved(addresses[:16], "dns" if addresses else "", _text(said, "error"))


def _in_hosts(name: str, hosts: str) -> tuple[str, ...]:
    lines = (line.partition("#")[0].split() for line in hosts.splitlines())
    wanted = name.casefold()
    found = [words[0] for words in lines if words and wanted in map(str.casefold, words[1:])]
    return tuple(address for address in found if ":" not in address)[:16]


def _name_servers(resolv_conf: str) -> tuple[list[str], list[str]]:
    servers: list[str] = []
    search: list[str] = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
            servers.append(words[1])
        elif len(words) > 1 and words[0] in ("search", "domain"):
            search = [domain for domain in words[1:] if domain != "."]
    return servers, search


def _ask(run: Run, program: str, question: dict[str, Any], limit_s: float) -> dict[str, Any]:
    # -I and -S keep everything of the working directory and of the user away from the program.
    argv = ["python3", "-I", "-S", "-c", _COMMON + program, json.dumps(question)]
    code, output = run(argv, limit_s)
    try:
        said = json.loads(output)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        return said
    words = visible(output.decode("utf-8", "replace").strip()[-200:])
    return {"error": words or ("it took too long" if code == 124 else f"exit code {code}")}


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _whole(said: dict[str, Any], key: str) -> int:
    value = said.get(key)
    return value if type(value) is int else 0


_COMMON = f"""
import json, socket, sys, time
asked = json.loads(sys.argv[1])
MOST, TRY = {MAX_BODY}, {TRY_S}
def words(error):
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
"""

_HTTP = """
import http.client
said = {"status": 0, "error": "no address to ask"}
for host in asked["hosts"]:
    connection = http.client.HTTPConnection(host, asked["port"], timeout=TRY)
    try:
        connection.request("GET", asked["path"])
        reply = connection.getresponse()
        said = {"status": reply.status, "body": reply.read(MOST).decode("utf-8", "replace")}
        said["server"] = (reply.getheader("Server") or "")[:200]
        break
    except (OSError, ValueError, http.client.HTTPException) as error:
        said["error"] = words(error)
print(json.dumps(said))
"""

_UDP = """
said, end = {"answered": False, "error": "nothing came back"}, time.monotonic() + asked["within"]
while not said["answered"] and time.monotonic() < end:
    for host in asked["hosts"]:
        # Connected: a closed port is refused and not silent. A new socket each time.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.settimeout(max(0.05, min(0.4, end - time.monotonic())))
            try:
                way.connect((host, asked["port"]))
                way.send(asked["send"].encode())
                body = way.recv(65536)[:MOST].decode("utf-8", "replace")
                said = {"answered": True, "body": body}
                break
            except TimeoutError:
                said["error"] = "nothing came back"
            except OSError as error:
                said["error"] = words(error)
                time.sleep(0.1)
print(json.dumps(said))
"""

_TCP = """
said, end = {"open": False, "error": "no answer"}, time.monotonic() + asked["within"]
while True:
    try:
        left = max(0.05, min(TRY, end - time.monotonic()))
        socket.create_connection((asked["host"], asked["port"]), left).close()
        said = {"open": True}
    except OSError as error:
        said["error"] = words(error)
    if said["open"] or time.monotonic() >= end:
        break
    time.sleep(0.1)
print(json.dumps(said))
"""

_DNS = """
import os, struct
KINDS = {1: "the question was malformed", 2: "the name server failed", 3: "the name is not known"}
def skip(data, at):
    while data[at]:
        if data[at] >= 0xC0:
            return at + 2
        at += data[at] + 1
    return at + 1
def query(server, name):
    number = os.urandom(2)
    labels = b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b".") if part)
    packet = number + struct.pack(">5H", 0x0100, 1, 0, 0, 0) + labels + b"\\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.settimeout(TRY)
        way.connect((server, 53))
        way.send(packet)
        data = way.recv(4096)
    if data[:2] != number:
        return [], "an answer to another question"
    flags, questions, answers = struct.unpack(">3H", data[2:8])
    at, found = 12, []
    for _ in range(questions):
        at = skip(data, at) + 4
    for _ in range(answers):
        at = skip(data, at)
        kind, _family, _life, size = struct.unpack(">2HIH", data[at : at + 10])
        at += 10
        if kind == 1 and size == 4:
            found.append(socket.inet_ntoa(data[at : at + 4]))
        at += size
    return found, KINDS.get(flags & 15, "it has no address")
said, end = {"addresses": [], "error": "the name is not known"}, time.monotonic() + 2.5 * TRY
for name in asked["names"]:
    for server in asked["servers"]:
        if said["addresses"] or time.monotonic() > end:
            break
        try:
            said["addresses"], said["error"] = query(server, name)
        except (OSError, ValueError, IndexError, struct.error) as error:
            said["error"] = f"the name server {server} gave no answer: {words(error)}"
print(json.dumps(said))
"""
