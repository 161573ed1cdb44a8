"""Pictures of what a student named: it shows as text and breaks nothing."""

from __future__ import annotations

import html
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.notebook.pictures import tables
from grader.state import Container
from tests.unit.notebook.pictures.drawings import (
    SVG,
    card,
    drawing,
    graph,
    inspected,
    network_data,
    stack,
    words,
)

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
