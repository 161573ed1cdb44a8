"""What of an engine crosses to the browser: bounded, printable, in the pictures' words and colours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grader import __version__
from grader.lab.server import LABEXTENSIONS, shown
from grader.notebook.pictures import svg
from tests.unit.lab.test_pictures_hostile import NASTY

EXTENSION = LABEXTENSIONS / "dockbook"


def container(said: Any, number: int = 0) -> dict[str, Any]:
    ports = [{"IP": said, "PublicPort": 8000 + at, "PrivatePort": 80, "Type": said} for at in range(30)]
    return {
        "Id": f"{number:064}",
        "Names": [f"/{said}", said],
        "Image": said,
        "Command": said,
        "State": "running",
        "Status": said,
        "Labels": {said: said},
        "Ports": [*ports, {"IP": said, "PublicPort": said, "PrivatePort": said, "Type": "tcp"}],
        "NetworkSettings": {"Networks": {f"{said}{at}": {"NetworkID": said} for at in range(30)}},
    }


@pytest.mark.parametrize("said", NASTY)
def test_whatever_they_are_called_it_is_short_and_prints(said):
    boxes = [container(said, number) for number in range(300)]
    crossing: dict[str, Any] = {
        "containers": shown.containers(boxes),
        "images": shown.images([{"Id": said, "RepoTags": [said] * 50, "Size": 10**30}] * 300),
        "networks": shown.networks(
            [{"Name": said, "Driver": said, "Id": said, "IPAM": {"Config": [{"Subnet": said}] * 9}}] * 300,
            boxes,
        ),
        "event": shown.event(
            {"Type": said, "Action": said, "Actor": {"ID": said, "Attributes": {"name": said, said: said}}},
            shown.Names(),
        ),
    }
    for key in ("containers", "images", "networks"):
        assert crossing[key]["total"] == 300
        assert len(crossing[key]["rows"]) == shown.MOST_ROWS
    text = json.dumps(crossing, ensure_ascii=False)
    assert len(text) < 250_000
    assert text.isprintable(), "no escape sequence, no control of the writing direction"
    json.dumps(crossing).encode()


@pytest.mark.parametrize("broken", [{}, {"Names": None, "Ports": None}, {"Names": [], "State": 3, "Id": []}])
def test_what_an_engine_leaves_out_breaks_nothing(broken):
    shown.containers([broken])
    shown.images([broken])
    shown.networks([broken], [broken])
    assert shown.event(broken, shown.Names()) is not None


def test_those_that_run_come_first_and_ports_keep_their_order():
    rows = [
        {"Id": "a", "Names": ["/old"], "State": "exited", "Status": "Exited (0) 1 hour ago"},
        {"Id": "b", "Names": ["/held"], "State": "paused", "Status": "Up (Paused)"},
        container("web"),
    ]
    found = shown.containers(rows)
    assert [(row["name"], row["kind"]) for row in found["rows"]] == [
        ("held", "amber"),
        ("web", "green"),
        ("old", "grey"),
    ]
    assert (found["total"], found["running"]) == (3, 1)
    ports = found["rows"][1]["ports"]
    assert [one["host"] for one in ports] == [f"127.0.0.1:{8000 + at}" for at in range(8)]
    assert found["rows"][1]["more_ports"] == 22


def test_only_what_a_browser_can_open_is_a_link():
    def port(private: int, public: int, kind: str) -> dict[str, Any]:
        return {"IP": "0.0.0.0", "PublicPort": public, "PrivatePort": private, "Type": kind}

    ports = [port(80, 8080, "tcp"), port(443, 8443, "tcp"), port(53, 8053, "udp"), port(80, 70000, "tcp")]
    (row,) = shown.containers([{"Id": "a", "State": "running", "Ports": ports}])["rows"]
    assert {one["host"]: one["url"] for one in row["ports"]} == {
        "127.0.0.1:8080": "http://127.0.0.1:8080/",
        "127.0.0.1:8443": "https://127.0.0.1:8443/",
        "127.0.0.1:8053": "",
        "127.0.0.1:70000": "",
    }
    (row,) = shown.containers([{"Id": "a", "State": "running", "Ports": ports[:2]}], proxy="/user/x/proxy")[
        "rows"
    ]
    assert [one["url"] for one in row["ports"]] == ["/user/x/proxy/8080/", "/user/x/proxy/8443/"]


def test_who_enters_a_network_has_a_name_and_the_bridges_comings_and_goings_are_not_told():
    names = shown.Names()
    start = {"Type": "container", "Action": "start", "Actor": {"ID": "a" * 64, "Attributes": {"name": "web"}}}
    assert shown.event(start, names) is not None

    def enters(network: str, who: str) -> dict[str, Any] | None:
        attributes = {"name": network, "container": who * 64}
        actor = {"ID": "n", "Attributes": attributes}
        return shown.event({"Type": "network", "Action": "connect", "Actor": actor}, names)

    known, unknown = enters("shop", "a"), enters("shop", "b")
    assert known is not None and unknown is not None
    assert (known["who"], known["what"]) == ("network shop", "connect web")
    assert unknown["what"] == "connect bbbbbbbbbbbb"
    assert enters("bridge", "a") is None


def test_names_are_not_kept_without_end():
    names = shown.Names()
    for number in range(10_000):
        names.learn(str(number), "x")
    assert len(names._known) == 200
    assert names.of("9999") == "x"


def test_the_colours_are_the_pictures():
    """Two files have them, as a picture cannot use the page's style sheet."""
    css = (EXTENSION / "static/style.css").read_text()
    light, dark = svg._STYLE.split("@media")
    for style, block in ((light, css.split("}")[0]), (dark, css.split("}")[1])):
        for name in ("blue", "green", "amber", "grey", "red"):
            fill, stroke = re.findall(rf"\.{name}{{fill:(#\w+);stroke:(#\w+)}}", style)[0]
            assert f"--dockbook-{name}: {stroke}; --dockbook-{name}-ground: {fill};" in block
        for name in ("text", "quiet", "bad"):
            (fill,) = re.findall(rf"\.{name}{{fill:(#\w+)}}", style)
            assert f"--dockbook-{name}: {fill};" in block


def test_the_browsers_side_is_whole_and_takes_no_html():
    package = json.loads((EXTENSION / "package.json").read_text())
    assert package["version"] == __version__
    assert (EXTENSION / package["jupyterlab"]["_build"]["load"]).is_file()
    scripts = sorted((EXTENSION / "static").glob("*.js"))
    told = {name for one in scripts for name in re.findall(r'from "\./(\w+\.js)"', one.read_text())}
    assert told <= {Path(one).name for one in scripts}
    for one in scripts:
        text = one.read_text()
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"):
            assert sink not in text, one.name
