"""Docker's objects as pictures: what a notebook shows for docker-py's classes, in addition to plain text.

``register`` gives IPython a `text/html` for them. A picture is drawn of what the engine says now, with one
short question to it; where there is no answer there is no picture, and never an error: the plain text stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from docker import DockerClient
from docker.models.containers import Container as DockerContainer
from docker.models.images import Image as DockerImage
from docker.models.networks import Network as DockerNetwork
from docker.models.volumes import Volume as DockerVolume

from grader.errors import Blocked
from grader.expect.why import explain
from grader.notebook.pictures import container, image, network, tables
from grader.state import Container, Network, json_fields
from grader.state.reach import looking

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_EXITED = re.compile(r"Exited \((\d{1,3})\)")
LOOK_S = 2.0
"""Seconds for the questions behind one picture."""


def register(shell: InteractiveShell) -> None:
    """Let this shell show Docker's objects as pictures; registering twice is harmless."""
    display = shell.display_formatter
    if display is None:
        return
    formatter = display.formatters["text/html"]
    formatter.for_type(DockerContainer, _quietly(of_container))
    formatter.for_type(DockerImage, _quietly(of_image))
    formatter.for_type(DockerNetwork, _quietly(of_network))
    formatter.for_type(list, _quietly(of_list))


def _quietly(draw: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """No picture where the engine does not answer or knows the thing no more."""

    def drawn(thing: Any) -> str | None:
        try:
            return draw(thing)
        except Blocked:
            return None

    return drawn


def _asked(thing: Any, what: str, question: str) -> Any:
    """What the engine answers to docker-py's low-level ``question`` about an object; None when it is gone.

    Raises Blocked when the engine does not answer, or the object came from no client.
    """
    client = thing.client
    if not isinstance(client, DockerClient):
        raise Blocked("This object belongs to no client.")
    with looking(client, what, LOOK_S) as look:
        return look.present(getattr(client.api, question), thing.id)


def _attributes(thing: Any) -> dict[str, Any]:
    return thing.attrs if isinstance(thing.attrs, dict) else {}


def of_container(thing: DockerContainer) -> str | None:
    """A container's card, None when it is gone. Raises Blocked when the engine does not answer."""
    data = _asked(thing, "the container", "inspect_container")
    if data is None:
        return None
    box = Container.from_inspect(data)
    return container.card(box, explain(box))


def of_image(thing: DockerImage) -> str | None:
    """An image's layers, None when it is gone. Raises Blocked as above."""
    made = _asked(thing, "the image", "history")
    if made is None:
        return None
    attributes = _attributes(thing)
    name = next(iter(json_fields.texts(attributes, "RepoTags")), "")
    rows = [row for row in made if isinstance(row, dict)]
    return image.stack(name, str(thing.id), json_fields.number(attributes, "Size"), image.steps(rows))


def of_network(thing: DockerNetwork) -> str | None:
    """A network's graph, None when it is gone. Raises Blocked as above."""
    data = _asked(thing, "the network", "inspect_network")
    if data is None:
        return None
    return network.graph(Network.from_list(data), network.members(data))


def of_list(things: list[Any]) -> str | None:
    """A list of one of Docker's classes as a table, None for any other list. Asks nothing."""
    if not things:
        return None
    first = type(things[0])
    if first not in _LISTS or not all(type(thing) is first for thing in things):
        return None
    return _LISTS[first]([_attributes(thing) for thing in things])


def listed_container(attributes: dict[str, Any]) -> Container:
    """A container of a list; a sparse one has what ``GET /containers/json`` says instead of an inspect."""
    if "Config" in attributes:
        return Container.from_inspect(attributes)
    # "/web/database" is what a linked container calls it.
    names = sorted(json_fields.texts(attributes, "Names"), key=lambda name: name.count("/"))
    ended = _EXITED.match(json_fields.text(attributes, "Status"))
    ports: dict[str, list[dict[str, Any]]] = {}
    for one in json_fields.tables(attributes, "Ports"):
        if json_fields.number(one, "PublicPort"):
            at = {"HostIp": one.get("IP"), "HostPort": one.get("PublicPort")}
            ports.setdefault(
                f"{json_fields.number(one, 'PrivatePort')}/{json_fields.text(one, 'Type')}", []
            ).append(at)
    return Container.from_inspect(
        {
            "Id": attributes.get("Id"),
            "Name": names[0] if names else "",
            "Path": attributes.get("Command"),
            "Config": {"Image": attributes.get("Image")},
            "State": {"Status": attributes.get("State"), "ExitCode": int(ended[1]) if ended else 0},
            "NetworkSettings": {
                "Ports": ports,
                "Networks": json_fields.table(json_fields.table(attributes, "NetworkSettings"), "Networks"),
            },
        }
    )


def _images(rows: list[dict[str, Any]]) -> str:
    return tables.images(
        [
            (json_fields.texts(row, "RepoTags"), json_fields.text(row, "Id"), json_fields.number(row, "Size"))
            for row in rows
        ]
    )


def _networks(rows: list[dict[str, Any]]) -> str:
    found = map(Network.from_list, rows)
    return tables.networks([(one.name, one.driver, one.id, one.subnets) for one in found])


def _volumes(rows: list[dict[str, Any]]) -> str:
    return tables.volumes([(json_fields.text(row, "Name"), json_fields.text(row, "Driver")) for row in rows])


_LISTS: dict[type, Callable[[list[dict[str, Any]]], str]] = {
    DockerContainer: lambda rows: tables.containers([listed_container(row) for row in rows]),
    DockerImage: _images,
    DockerNetwork: _networks,
    DockerVolume: _volumes,
}
