"""What of an engine crosses to the browser: short lists of short texts, whatever names students gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grader.expect.words import exit_meaning, visible
from grader.notebook.pictures import listed_container
from grader.notebook.pictures.container import place, shown_bindings
from grader.notebook.pictures.image import bytes_in_words
from grader.state import Container, Network, json_fields
from grader.state.container import Binding
from grader.state.network import PREDEFINED

MOST_ROWS = 60
MOST_EVENTS = 40
_MOST_PORTS = 8
_NAME = 60
_MOST_NAMES = 200
HOST = "127.0.0.1"

EVENTS: Mapping[str, Sequence[str]] = {
    # Not what checks and health probes do inside of a container: exec_create, exec_start, top.
    "event": [
        *("create", "start", "die", "kill", "stop", "restart", "pause", "unpause", "oom", "rename"),
        *("update", "destroy", "commit", "health_status", "pull", "push", "tag", "untag", "delete"),
        *("import", "load", "save", "build", "connect", "disconnect", "remove", "prune"),
    ],
    "type": ["container", "image", "network", "volume"],
}
"""Docker's events that the panel tells."""

_KINDS = {
    **dict.fromkeys(("start", "unpause", "restart"), "green"),
    **dict.fromkeys(("pause", "kill", "stop", "disconnect", "untag"), "amber"),
    **dict.fromkeys(("oom",), "red"),
    **dict.fromkeys(("create", "connect", "pull", "tag", "commit", "load"), "blue"),
}


def _listed(total: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"total": total, "rows": rows}


def version(data: dict[str, Any]) -> str:
    """The engine's version, from ``GET /version``, without a distribution's addition (``+dfsg1``)."""
    return visible(json_fields.text(data, "Version").partition("+")[0], 20)


def containers(rows: Sequence[dict[str, Any]], taken: Iterable[str] = (), proxy: str = "") -> dict[str, Any]:
    """`docker ps --all`: those that run first. ``taken``: ports that this machine has for something else.

    ``proxy``: the path below which a browser on another machine finds the ports.
    """
    boxes = [listed_container(row) for row in rows]
    # Stable: within each half they stay newest first, as the engine lists them.
    boxes.sort(key=lambda box: place(box).state != "running")
    lost = frozenset(taken)
    found = _listed(len(boxes), [_container(box, lost, proxy) for box in boxes[:MOST_ROWS]])
    return found | {"running": sum(box.status == "running" for box in boxes)}


def _container(box: Container, taken: frozenset[str], proxy: str) -> dict[str, Any]:
    now = place(box)
    # Sorted: the engine lists them in another order each time.
    ports = sorted(shown_bindings(box), key=_by_port) if now.state == "running" else []
    return {
        "id": visible(box.id[:12]),
        "name": visible(box.name, _NAME),
        "image": visible(box.image, _NAME),
        "state": visible(now.label, _NAME),
        "kind": now.kind,
        "meaning": exit_meaning(box.exit_code).replace("`", "") if now.kind == "red" else "",
        "ports": [_port(one, taken, proxy) for one in ports[:_MOST_PORTS]],
        "more_ports": max(0, len(ports) - _MOST_PORTS),
        "networks": [visible(one.network, _NAME) for one in box.networks[:4]],
    }


def _by_port(one: Binding) -> tuple[int, str, int]:
    return one.host_port, one.proto, one.port


def _port(one: Binding, taken: frozenset[str], proxy: str) -> dict[str, Any]:
    lost = f"{one.host_port}/{one.proto}" in taken
    link = one.proto == "tcp" and not lost and 0 < one.host_port < 65536
    scheme = "https" if one.port == 443 else "http"
    address = f"{proxy}/{one.host_port}/" if proxy else f"{scheme}://{HOST}:{one.host_port}/"
    return {
        "host": f"{HOST}:{one.host_port}",
        "inside": f"{one.port}/{visible(one.proto, 8)}",
        "url": address if link else "",
        "taken": lost,
    }


def images(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`docker images`."""
    found = [
        {
            "id": _id(row),
            "tags": [visible(tag, _NAME) for tag in json_fields.texts(row, "RepoTags")[:4]],
            "size": bytes_in_words(json_fields.number(row, "Size")),
        }
        for row in rows[:MOST_ROWS]
    ]
    return _listed(len(rows), found)


def networks(rows: Sequence[dict[str, Any]], boxes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`docker network ls`, user-defined ones first, and which running containers are in each."""
    known = sorted((Network.from_list(row) for row in rows), key=lambda one: (one.predefined, one.name))
    inside: dict[str, list[str]] = {}
    for box in (listed_container(row) for row in boxes):
        for one in box.networks if box.status == "running" else ():
            inside.setdefault(one.network, []).append(visible(box.name, _NAME))
    found = [
        {
            "id": visible(one.id[:12]),
            "name": visible(one.name, _NAME),
            "driver": visible(one.driver, 20),
            "subnets": [visible(subnet, 40) for subnet in one.subnets[:2]],
            "internal": one.internal,
            "inside": inside.get(one.name, [])[:8],
            "more_inside": max(0, len(inside.get(one.name, [])) - 8),
        }
        for one in known[:MOST_ROWS]
    ]
    return _listed(len(known), found)


class Names:
    """Containers' names by their ids, from recent events."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, container: str, name: str) -> None:
        """Remember one, and forget the oldest."""
        self._known[container] = name
        if len(self._known) > _MOST_NAMES:
            del self._known[next(iter(self._known))]

    def of(self, container: str) -> str:
        """Its name, else the beginning of its id."""
        return self._known.get(container) or container[:12]


def event(data: dict[str, Any], names: Names) -> dict[str, Any] | None:
    """One of Docker's events: ``web: die, exit code 137``. None for what each container does by itself: enter
    and leave a network that comes with the engine."""
    actor = json_fields.table(data, "Actor")
    attributes = json_fields.table(actor, "Attributes")
    kind, action = json_fields.text(data, "Type"), json_fields.text(data, "Action")
    who = json_fields.text(attributes, "name") or json_fields.text(actor, "ID").removeprefix("sha256:")[:12]
    said = visible(action, _NAME)
    colour = _KINDS.get(action.partition(":")[0], "grey")
    code = json_fields.text(attributes, "exitCode")
    if action == "die" and code.isascii() and code.isdigit() and len(code) < 4:
        said += f", exit code {int(code)}"
        colour = "grey" if int(code) in (0, 143) else "red"
    if kind == "container":
        names.learn(json_fields.text(actor, "ID"), who)
    if kind == "network" and (inside := json_fields.text(attributes, "container")):
        if who in PREDEFINED:
            return None
        said += f" {visible(names.of(inside), _NAME)}"
    thing = "" if kind == "container" else f"{visible(kind, 20)} "
    return {
        "at": json_fields.number(data, "time"),
        "who": visible(f"{thing}{visible(who, _NAME)}", 90),
        "what": said,
        "kind": colour,
        "times": 1,
    }


def _id(row: dict[str, Any]) -> str:
    return visible(json_fields.text(row, "Id").removeprefix("sha256:")[:12])
