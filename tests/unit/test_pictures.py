"""Pictures and tables of made-up Docker objects: well-formed, the same each time, harmless."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
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

from grader.expect.why import explain
from grader.lab import pictures
from grader.lab.pictures import container, image, network, svg, tables
from grader.state import Container, Network
from tests.unit.test_command_line import JUNK

SVG = "{http://www.w3.org/2000/svg}"
ID = "0123456789ab" + "c" * 52


def drawing(shown: str) -> tuple[ET.Element, str]:
    """The SVG inside an <img>, parsed, and the alternative text. Fails on anything beside them."""
    only = ET.fromstring(shown.replace(">", "/>"))
    assert only.tag == "img"
    assert set(only.attrib) == {"alt", "src", "style"}
    kind, _, data = only.attrib["src"].partition(",")
    assert kind == "data:image/svg+xml"
    assert data.isascii() and not set(data) & set('"<>#& \n')
    return ET.fromstring(unquote(data, errors="strict")), only.attrib["alt"]


def words(root: ET.Element) -> list[str]:
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def inspected(**more: Any) -> dict[str, Any]:
    config = {"Image": "busybox"} | more.pop("Config", {})
    state = {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-02T03:04:05Z"} | more.pop("State", {})
    return {"Id": ID, "Name": "/web", "Path": "sleep", "Args": ["9"], "Config": config, "State": state} | more


def card(data: dict[str, Any]) -> str:
    box = Container.from_inspect(data)
    return container.card(box, explain(box))


def graph(data: dict[str, Any]) -> str:
    return network.graph(Network.from_list(data), network.members(data))


def stack(name: str, rows: list[dict[str, Any]], size: int = 4_200_000) -> str:
    return image.stack(name, f"sha256:{ID}", size, image.steps(rows))


PUBLISHED = {
    "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}]},
    "Networks": {"shop": {"IPAddress": "10.0.0.2"}, "idle": {"IPAddress": ""}},
}


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
        ({"Status": "created", "StartedAt": None}, "created", "blue", "never started: create makes"),
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


def network_data(**more: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "Name": "shop",
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]},
        "Containers": {
            "b": {"Name": "web", "IPv4Address": "10.0.0.3/24"},
            "a": {"Name": "db", "IPv4Address": ""},
        },
    } | more


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
        ({"Containers": {}}, "no running container", "In it: nobody."),
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


# What is the student's: it shows as text and breaks nothing.

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "]]></style></text></svg>",
    "<!-- & --> &amp; &#x3c; %3Cb%3E",
    "\x1b[31mred\x1b[0m\x07",
    "\u202eright to left\u200f\ufeff\u2066",
    "😀👩‍👩‍👧 日本語 e\u0301\u0301",
    "lone \udc80\ud800 and \ufffe\uffff",
    "nul \x00 \x0b \x85 \u2028 lines\nand\ttabs",
    "x" * 10_000,
    "😀" * 10_000,
    "<b>" * 3000,
    "",
]


def everything(nasty: str) -> list[str]:
    """Every picture and table with these words in every place."""
    said: Any = nasty
    data = inspected(
        Id=said,
        Name=f"/{said}",
        Path=said,
        Args=[said, said],
        Config={"Image": said, "Labels": {said: said}, "Env": [said]},
        State={"Status": "exited", "ExitCode": 1, "Error": said},
        NetworkSettings={
            "Networks": {said: {"IPAddress": said, "Aliases": [said]}},
            "Ports": {"80/tcp": [{"HostIp": said, "HostPort": said}], said: [{}]},
        },
    )
    net = network_data(
        Name=said,
        Id=said,
        Driver=said,
        IPAM={"Config": [{"Subnet": said}]},
        Containers={said: {"Name": said, "IPv4Address": said}},
    )
    box, other = Container.from_inspect(data), Container.from_inspect(inspected(Name=said))
    return [
        card(data),
        stack(said, [{"Id": said, "CreatedBy": said, "Size": 3, "Comment": said}]),
        graph(net),
        tables.containers([box, other]),
        tables.images([([said], said, 3)]),
        tables.networks([(said, said, said, [said])]),
        tables.volumes([(said, said)]),
    ]


HARMLESS = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "b", "br", "code", "span", "p"}


def harmless(shown: str) -> None:
    assert shown.encode()  # no lone surrogates: a notebook is saved as UTF-8
    if shown.startswith("<img"):
        root, alt = drawing(shown)
        assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
            *("svg", "style", "defs", "marker", "path", "rect", "text"),
        }
        names = {name for one in root.iter() for name in one.attrib}
        assert not [name for name in names if name.startswith("on") or "href" in name]
        said = [alt, *words(root)]
        assert all(len(line) <= 130 for line in words(root))
    else:
        root = ET.fromstring(shown.replace("<br>", "<br/>"))
        assert {one.tag for one in root.iter()} <= HARMLESS
        assert {name for one in root.iter() for name in one.attrib} <= {
            "style",
            "scope",
            "aria-hidden",
            "tabindex",
        }
        said = list(root.itertext())
    for line in said:
        assert line.isprintable(), ascii(line)
    assert len(shown) < 12_000, "long words are cut"


@pytest.mark.parametrize("nasty", NASTY, ids=lambda words: ascii(words[:12]))
def test_hostile_words_show_as_text(nasty: str) -> None:
    for shown in everything(nasty):
        harmless(shown)
    assert everything(nasty) == everything(nasty), "the same bytes each time"


@given(st.text(alphabet=st.characters(), max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_words_show_as_text(words: str) -> None:
    for shown in everything(words):
        harmless(shown)


def test_hostile_words_stay_readable() -> None:
    root, alt = drawing(card(inspected(Name="/<b>bold</b>")))
    assert words(root)[0] == "<b>bold</b>" and "Container <b>bold</b> from" in alt
    shown = tables.volumes([("<b>bold</b>", "local")])
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown and html.unescape("&lt;b&gt;") == "<b>"


# From docker-py's objects


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
