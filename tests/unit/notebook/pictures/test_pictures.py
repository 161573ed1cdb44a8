"""Pictures of made-up Docker objects: well-formed, the same each time, telling."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from grader.notebook.pictures import image, svg
from tests.unit.notebook.pictures.drawings import (
    PUBLISHED,
    SVG,
    card,
    drawing,
    graph,
    inspected,
    network_data,
    stack,
    words,
)


def test_a_containers_card() -> None:
    root, alt = drawing(card(inspected(NetworkSettings=PUBLISHED)))
    assert alt == (
        "Container web from image busybox: running. Port 0.0.0.0:8080->80/tcp. "
        "In network shop at 10.0.0.2. In network idle."
    )
    said = words(root)
    for expected in ("web", "image busybox", "$ sleep 9", "running", "every address : 8080", "80/tcp"):
        assert expected in said
    assert "network shop at 10.0.0.2" in said and "network idle" in said
    assert said.count("80/tcp") == 1, "for IPv4 and IPv6 alike once"


@pytest.mark.parametrize(
    ("state", "lit", "kind", "sentence"),
    [
        ({"Status": "created", "StartedAt": None}, "created", "blue", "never started: docker create"),
        ({"Status": "running"}, "running", "green", ""),
        ({"Status": "paused"}, "paused", "amber", "It is paused, not stopped"),
        ({"Status": "restarting", "ExitCode": 4}, "restarting", "amber", "last with exit code 4"),
        ({"Status": "exited"}, "exited (0)", "grey", "without an error"),
        ({"Status": "exited", "ExitCode": 143}, "exited (143)", "grey", "SIGTERM"),
        ({"Status": "exited", "ExitCode": 137}, "exited (137)", "red", "SIGKILL"),
        ({"Status": "dead", "ExitCode": 1}, "dead", "red", "exit code 1"),
        ({"Status": "removing"}, "removing", "red", "is removing it"),
        ({"Status": ""}, "unknown", "red", ""),
    ],
)
def test_its_state_is_lit_and_explained(state: dict[str, Any], lit: str, kind: str, sentence: str) -> None:
    root, alt = drawing(card(inspected(State=state)))
    thick = [one for one in root.iter(f"{SVG}rect") if one.attrib.get("stroke-width") == "3"]
    assert [one.attrib["class"] for one in thick] == [kind]
    bold = [one.text for one in root.iter(f"{SVG}text") if one.attrib.get("font-weight") == "bold"]
    assert bold == ["web", lit]
    assert f": {lit}." in alt
    assert sentence in " ".join(words(root)) and sentence in alt
    assert "`" not in alt, "a picture has no code in its sentences"


def test_more_ports_and_networks_than_there_is_room_for() -> None:
    ports = {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}] for port in range(9000, 9010)}
    places: dict[str, Any] = {f"net-{number}": {} for number in range(9)}
    root, alt = drawing(card(inspected(NetworkSettings={"Ports": ports, "Networks": places})))
    assert "and 4 more ports" in words(root)
    assert alt.count("Port ") == 10, "the words have them all"
    inside(root)


def test_an_images_layers() -> None:
    rows: list[dict[str, Any]] = [
        {"Id": "sha256:a", "CreatedBy": '/bin/sh -c #(nop)  CMD ["sh"]', "Size": 0},
        {"Id": "<missing>", "CreatedBy": "RUN /bin/sh -c apt-get update # buildkit", "Size": 34_200_000},
        {"Id": "<missing>", "CreatedBy": "/bin/sh -c echo  hi", "Size": 3},
        {"Id": "<missing>", "CreatedBy": f"/bin/sh -c #(nop) ADD file:{'a1' * 32} in / ", "Size": 77_500_000},
        {"Id": "<missing>", "CreatedBy": "", "Comment": "imported", "Size": 0},
        {"Id": "<missing>"},
    ]
    root, alt = drawing(stack("mine:v1", rows, 112_000_000))
    assert alt == (
        'Image mine:v1, 112 MB. Newest first: CMD ["sh"] (setting); RUN apt-get update (34.2 MB); '
        "RUN echo hi (3 B); ADD file:a1a1a1a1a1a1 in / (77.5 MB); imported (setting); "
        "(nothing said) (setting)."
    )
    said = words(root)
    assert "112 MB in 3 layers; newest on top" in said
    bars = [one for one in root.iter(f"{SVG}rect") if one.attrib["class"] == "amber"]
    assert [float(bar.attrib["width"]) for bar in bars] == pytest.approx([26.477, 3, 60], abs=0.01)
    inside(root)


def test_many_steps_and_none() -> None:
    root, alt = drawing(stack("", [{"CreatedBy": f"ENV A={n}"} for n in range(20)]))
    assert "and 6 older steps" in words(root) and alt.endswith("; and 6 older steps.")
    assert "image without a tag" in words(root) and alt.startswith("Image without a tag, ")
    _, alt = drawing(stack("empty", [], 0))
    assert alt == "Image empty, 0 B. Newest first: nothing said."


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (4_200_000, "4.2 MB"),
        (77_500_000_000, "77.5 GB"),
        (-5, "0 B"),
        (10**400, "1e+09 GB"),
    ],
)
def test_sizes_in_words(size: int, said: str) -> None:
    assert image.bytes_in_words(size) == said


def test_a_networks_graph() -> None:
    root, alt = drawing(graph(network_data()))
    assert alt == (
        "Network shop, driver bridge. In it: db at no address, web at 10.0.0.3. "
        "They reach each other by name."
    )
    said = words(root)
    assert said[2] == "driver bridge, 10.0.0.0/24"
    assert "the host, and what it reaches" in said and "10.0.0.3" in said
    inside(root)


@pytest.mark.parametrize(
    ("more", "in_picture", "in_words"),
    [
        ({"Internal": True}, "internal: no way out", "No way out."),
        ({"Name": "bridge"}, "the host, and what it reaches", "They reach each other by address."),
        ({"Containers": {}}, "no running container", "In it: no containers."),
        (
            {"Driver": "host", "Name": "host"},
            "Its containers use the host's own network.",
            "the host's own network.",
        ),
        (
            {"Driver": "null", "Name": "none"},
            "No network: its containers reach only themselves.",
            "reach only themselves.",
        ),
    ],
)
def test_kinds_of_networks(more: dict[str, Any], in_picture: str, in_words: str) -> None:
    root, alt = drawing(graph(network_data(**more)))
    assert in_picture in words(root)
    assert in_words in alt
    assert ("by " in alt) == (more.get("Driver", "bridge") == "bridge" and more.get("Containers", 1) == 1)


def test_a_crowd() -> None:
    members = {str(n): {"Name": f"guest-{n}", "IPv4Address": f"10.0.0.{n}/24"} for n in range(10, 22)}
    root, alt = drawing(graph(network_data(Containers=members)))
    assert "and 4 more containers" in words(root)
    assert "and 4 more containers." in alt
    inside(root)


def inside(root: ET.Element) -> None:
    """Every box and text lies on the card, and texts are cut to it."""
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for one in root.iter():
        if one.tag in (f"{SVG}rect", f"{SVG}text"):
            x, y = float(one.attrib["x"]), float(one.attrib["y"])
            assert x >= 0 and x + float(one.attrib.get("width", 0)) <= width
            assert y >= 0 and y + float(one.attrib.get("height", 0)) <= height, ET.tostring(one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", "short"),
        ("0123456789", "0123456789"),
        ("0123456789a", "012345678…"),
        ("日本語日本", "日本語日本"),
        ("日本語日本語", "日本語日…"),
        ("\x1b[31mred", r"\x1b[31mred"[:9] + "…"),
        ("", ""),
    ],
)
def test_texts_are_cut_to_their_room(text: str, expected: str) -> None:
    assert svg.cut(text, 10 * 14 * 0.61 + 0.01, mono=True) == expected


def test_narrow_letters_take_less_room() -> None:
    for text, fits in (("i" * 20, True), ("W" * 20, False)):
        assert (svg.cut(text, 180) == text) is fits
    assert svg.cut("W" * 5, 70) == "W" * 5
    assert svg.cut("W" * 5, 70, bold=True).endswith("…")


def test_a_sentence_in_lines() -> None:
    sentence = "It was killed (SIGKILL): docker kill, or docker stop when it did not end in time."
    assert svg.wrap(sentence, 660, 13) == [sentence]
    lines = svg.wrap(sentence, 200, 13)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(svg.room(line, 13) <= 200 for line in lines)
    assert svg.wrap("", 200) == []
    assert svg.wrap("x" * 500, 100)[0].endswith("…")
