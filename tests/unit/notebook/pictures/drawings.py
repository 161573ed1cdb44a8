"""Made-up Docker objects, drawn, and what is in a drawing."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from grader.expect.why import explain
from grader.notebook.pictures import container, image, network
from grader.state import Container, Network

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
