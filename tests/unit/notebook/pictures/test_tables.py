"""Pictures and tables of docker-py's own objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import docker
import pytest
from docker.models.containers import Container as DockerContainer
from docker.models.images import Image as DockerImage
from docker.models.networks import Network as DockerNetwork
from docker.models.volumes import Volume as DockerVolume
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from grader.notebook import pictures
from grader.notebook.pictures import tables
from tests.unit.notebook.pictures.drawings import (
    ID,
    PUBLISHED,
    card,
    drawing,
    graph,
    inspected,
    network_data,
    stack,
)
from tests.unit.notebook.test_command_line import JUNK


class Api:
    timeout = 60

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def inspect_container(self, _: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    inspect_network = history = inspect_container


def client(answer: Any) -> docker.DockerClient:
    made = docker.DockerClient("unix:///nowhere/docker.sock", version="1.45")
    made.api = Api(answer)  # type: ignore[assignment]
    return made


GONE = docker.errors.NotFound("no such thing")
SILENT = docker.errors.APIError("internal error")
CLASSES: list[tuple[type[Any], Callable[[Any], str | None], Any]] = [
    (DockerContainer, pictures.of_container, inspected()),
    (DockerImage, pictures.of_image, [{"CreatedBy": "CMD sh", "Size": 0}, None]),
    (DockerNetwork, pictures.of_network, network_data()),
]


@pytest.mark.parametrize(("kind", "draw", "answer"), CLASSES)
def test_docker_pys_objects_are_drawn(
    kind: type[Any], draw: Callable[[Any], str | None], answer: Any
) -> None:
    shown = draw(kind({"Id": ID, "RepoTags": ["a:b"], "Size": 3}, client(answer)))
    assert shown is not None
    drawing(shown)


@pytest.mark.parametrize(("kind", "draw", "answer"), CLASSES)
def test_what_is_gone_or_silent_has_no_picture(
    kind: type[Any], draw: Callable[[Any], str | None], answer: Any
) -> None:
    quiet = pictures._quietly(draw)
    assert quiet(kind({"Id": ID}, client(GONE))) is None
    assert quiet(kind({"Id": ID}, client(SILENT))) is None
    assert quiet(kind({"Id": ID}, None)) is None, "an object without a client"
    assert quiet(kind({"Id": ID}, client(OSError("broken pipe")))) is None


@pytest.mark.parametrize(
    "things",
    [
        [],
        [1, 2],
        ["busybox"],
        [None],
        [[]],
        [DockerVolume({"Name": "a"}), DockerImage({"Id": "b"})],
        [DockerVolume({"Name": "a"}), "b"],
    ],
)
def test_lists_of_other_things_have_no_table(things: list[Any]) -> None:
    assert pictures.of_list(things) is None


def cells(shown: str | None) -> list[list[str]]:
    assert shown is not None
    root = ET.fromstring(shown.replace("<br>", "<br/>"))
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def test_lists_are_tables() -> None:
    boxes = [
        DockerContainer(inspected(NetworkSettings=PUBLISHED)),
        DockerContainer(inspected(State={"Status": "exited"})),
    ]
    assert cells(pictures.of_list(boxes)) == [
        ["name", "state", "image", "command", "ports", "id"],
        ["web", "● running", "busybox", "sleep 9", "0.0.0.0:8080->80/tcp", ID[:12]],
        ["web", "● exited (0)", "busybox", "sleep 9", "", ID[:12]],
    ]
    sparse = DockerContainer(
        {
            "Id": ID,
            "Names": ["/web"],
            "Image": "busybox",
            "Command": "sleep 9",
            "State": "exited",
            "Status": "Exited (3) 2 seconds ago",
            "Ports": [
                {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 81, "Type": "tcp"},
                {"PrivatePort": 82},
            ],
        }
    )
    assert cells(pictures.of_list([sparse]))[1] == [
        *("web", "● exited (3)", "busybox", "sleep 9", "127.0.0.1:81->80/tcp", ID[:12]),
    ]
    images = [
        DockerImage({"Id": f"sha256:{ID}", "RepoTags": ["a:1", "a:2"], "Size": 2_000_000}),
        DockerImage({"RepoTags": None}),
    ]
    assert cells(pictures.of_list(images))[1:] == [["a:1a:2", ID[:12], "2 MB"], ["no tag", "", "0 B"]]
    assert cells(pictures.of_list([DockerNetwork(network_data())]))[1] == [
        *("shop", "bridge", "10.0.0.0/24", ID[:12]),
    ]
    assert cells(pictures.of_list([DockerVolume({"Name": "v", "Driver": "local"})]))[1] == ["v", "local"]


def test_a_long_list_is_cut() -> None:
    shown = pictures.of_list([DockerVolume({"Name": str(number)}) for number in range(tables.MOST_ROWS + 3)])
    assert shown is not None and "and 3 more" in shown
    assert len(cells(shown)) == tables.MOST_ROWS + 1
    assert "203 volumes" in shown


@given(
    st.dictionaries(
        st.sampled_from(["Id", "Name", "Names", "RepoTags", "Size", "Driver", "IPAM", "State"]), JUNK
    )
)
@settings(max_examples=60, deadline=None)
def test_junk_attributes_break_no_table(attributes: dict[str, Any]) -> None:
    for kind in (DockerContainer, DockerImage, DockerNetwork, DockerVolume):
        for junk in (attributes, {"Config": None, **attributes}):
            assert pictures.of_list([kind(junk)]) is not None
    assert pictures.of_list([kind_with(json.loads("3"))]) is not None


def kind_with(attributes: Any) -> DockerVolume:
    return DockerVolume(attributes)


@given(st.dictionaries(st.sampled_from(["Id", "Name", "Path", "Args", "State", "NetworkSettings"]), JUNK))
@settings(max_examples=60, deadline=None)
def test_junk_breaks_no_picture(data: dict[str, Any]) -> None:
    drawing(card(data))
    drawing(graph(data))
    drawing(stack("x", [data, {"Size": data.get("State"), "CreatedBy": data.get("Name")}]))


def test_ipython_shows_them_and_keeps_the_plain_text() -> None:
    class Shell:
        display_formatter = DisplayFormatter()

    shell: Any = Shell()
    for _ in range(2):  # a second time is harmless
        pictures.register(shell)
        volume = DockerVolume({"Name": "store", "Driver": "local"})
        data, _ = shell.display_formatter.format([volume])
        assert data["text/plain"] == "[<Volume: store>]"
        assert "<table" in data["text/html"]
        box = DockerContainer({"Id": ID}, client(inspected()))
        data, _ = shell.display_formatter.format(box)
        assert data["text/plain"] == "<Container: 0123456789ab>"
        drawing(data["text/html"])
        data, _ = shell.display_formatter.format(DockerContainer({"Id": ID}, client(SILENT)))
        assert set(data) == {"text/plain"}
        data, _ = shell.display_formatter.format([1, 2])
        assert set(data) == {"text/plain"}
    shell.display_formatter = None
    pictures.register(shell)
