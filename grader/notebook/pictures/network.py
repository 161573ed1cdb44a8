"""A network as a graph: its containers around it, and whether there is a way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.expect.words import count
from grader.notebook.pictures.svg import Board
from grader.state import json_fields as fields
from grader.state.network import Network

WIDTH = 700
_MOST = 8
_WITHOUT = {
    "host": "Its containers use the host's own network.",
    "null": "No network: its containers reach only themselves.",
}


@dataclass(frozen=True)
class Member:
    """A container that runs in the network."""

    name: str
    address: str


def members(data: Mapping[str, Any]) -> list[Member]:
    """Who is in a network now, by name: what ``GET /networks/ID`` lists."""
    inside = fields.table(data, "Containers")
    found = [
        Member(fields.text(one, "Name"), fields.text(one, "IPv4Address").partition("/")[0])
        for one in inside.values()
        if isinstance(one, dict)
    ]
    return sorted(found, key=lambda member: member.name)


def graph(network: Network, inside: Sequence[Member]) -> str:
    """The picture, as HTML."""
    shown = inside[:_MOST]
    rows = max(1, len(shown))
    height = 84 + 52 * rows + (24 if len(inside) > _MOST else 0)
    board = Board(WIDTH, height)
    board.text(20, 32, network.name, width=500, size=18, bold=True)
    board.text(WIDTH - 20, 32, network.id[:12], width=120, size=12, kind="quiet", anchor="end", mono=True)
    about = ", ".join([f"driver {network.driver}", *network.subnets])
    board.text(20, 54, about, width=600, size=13, kind="quiet")
    top = 74.0
    middle = top + 52 * rows / 2 - 6
    if network.driver not in _WITHOUT:
        board.box(300, top, 60, 52 * rows - 12, "blue")
        board.text(330, middle + 5, "net", width=60, size=13, anchor="middle", bold=True)
    for number, member in enumerate(shown):
        y = top + 52 * number
        board.box(20, y, 220, 40, "green")
        board.text(30, y + 17, member.name, width=200, size=14, bold=True)
        board.text(30, y + 33, member.address or "no address", width=200, size=12, kind="quiet", mono=True)
        if network.driver not in _WITHOUT:
            board.arrow(244, y + 20, 296, y + 20, both=True)
    if not shown:
        board.text(30, top + 25, "no running container", width=220, kind="quiet")
    _way_out(board, network, middle)
    if len(inside) > _MOST:
        board.text(20, height - 14, f"and {count(len(inside) - _MOST, 'more container')}", width=400, size=13)
    return board.img(_alternative(network, inside))


def _way_out(board: Board, network: Network, y: float) -> None:
    if network.driver in _WITHOUT:
        board.text(260, y + 5, _WITHOUT[network.driver], width=420, size=13, kind="quiet")
    if network.driver != "bridge":
        return
    if network.internal:
        board.box(430, y - 20, 250, 40, "plain", dashed=True)
        board.text(555, y + 5, "internal: no way out", width=240, anchor="middle", kind="quiet")
        return
    board.arrow(364, y, 426, y)
    board.box(430, y - 20, 250, 40, "grey")
    board.text(555, y + 5, "the host, and what it reaches", width=246, size=13, anchor="middle")


def names_work(network: Network) -> bool:
    """Whether containers find each other by name there: on networks that a user made."""
    return not network.predefined


def _alternative(network: Network, inside: Sequence[Member]) -> str:
    who = ", ".join(f"{one.name} at {one.address or 'no address'}" for one in inside[:_MOST])
    more = f", and {count(len(inside) - _MOST, 'more container')}" if len(inside) > _MOST else ""
    reach = "They reach each other" + (" by name." if names_work(network) else " by address.")
    out = "No way out." if network.internal else ""
    if network.driver in _WITHOUT:
        reach = out = ""
    head = f"Network {network.name}, driver {network.driver}. In it: {who or 'no containers'}{more}."
    parts = (head, reach if who else "", out, _WITHOUT.get(network.driver, ""))
    return " ".join(part for part in parts if part)
