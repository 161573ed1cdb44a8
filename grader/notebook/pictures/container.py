"""A container as a card: its place in the life cycle, why it stopped, its ports and networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.expect.why import Why
from grader.expect.words import count
from grader.notebook.pictures.svg import Board, wrap
from grader.state import Container
from grader.state.container import Binding

WIDTH = 700
_STATES = (("created", "blue"), ("running", "green"), ("exited", "grey"))
_MOST_ROWS = 6
_SMALL = 13.0
_KINDS = {"paused": "amber", "restarting": "amber", "removing": "red", "dead": "red"}
_FINE = ("finished", "stopped", "running", "not started", "paused")


@dataclass(frozen=True)
class Place:
    """Which state is lit, what is written in it, its colour."""

    state: str
    label: str
    kind: str


def place(box: Container) -> Place:
    """Where a container is in its life."""
    match box.status:
        case "created" | "running":
            return Place(box.status, box.status, dict(_STATES)[box.status])
        case "paused" | "restarting":
            return Place("running", box.status, "amber")
        case "exited":
            kind = "grey" if box.exit_code in (0, 143) else "red"
            return Place("exited", f"exited ({box.exit_code})", kind)
    return Place("exited", box.status or "unknown", "red")


def alternative(box: Container, why: Why) -> str:
    """The card in words."""
    now = place(box)
    words = [f"Container {box.name} from image {box.image}: {now.label}."]
    if now.state != "running" or now.label != "running":
        words.append(_plain(why.what))
    words += [f"Port {binding}." for binding in shown_bindings(box)]
    words += [
        f"In network {one.network}{f' at {one.address}' if one.address else ''}." for one in box.networks
    ]
    return " ".join(words)


def shown_bindings(box: Container) -> tuple[Binding, ...]:
    """Its ports on the host; one bound for IPv4 and IPv6 alike is shown once."""
    seen: dict[tuple[object, ...], Binding] = {}
    for one in box.bindings:
        key = (one.port, one.proto, one.host_port, "all" if one.every_interface else one.host_ip)
        seen.setdefault(key, one)
    return tuple(seen.values())


def card(box: Container, why: Why) -> str:
    """The picture, as HTML."""
    now = place(box)
    bindings, reason = shown_bindings(box), _reason(now, why)
    ports = len(bindings[:_MOST_ROWS]) + (len(bindings) > _MOST_ROWS)
    networks = len(box.networks[:_MOST_ROWS])
    height = 138 + 20 * len(reason) + 34 * ports + 24 * networks + 12
    board = Board(WIDTH, height)
    board.text(20, 32, box.name, width=500, size=18, bold=True)
    board.text(WIDTH - 20, 32, box.id[:12], width=120, size=12, kind="quiet", anchor="end", mono=True)
    board.text(20, 54, f"image {box.image}", width=330, size=13, kind="quiet")
    command = " ".join(box.argv) or "no command"
    board.text(WIDTH - 20, 54, f"$ {command}", width=320, size=12, kind="quiet", anchor="end", mono=True)
    _life(board, 72, now)
    y = 146.0
    for line in reason:
        board.text(20, y, line, width=WIDTH - 40, size=_SMALL, kind="text" if why.kind in _FINE else "bad")
        y += 20
    y = _ports(board, y - 8, bindings)
    for one in box.networks[:_MOST_ROWS]:
        at = f" at {one.address}" if one.address else ""
        board.text(20, y + 14, f"network {one.network}{at}", width=WIDTH - 40, size=13)
        y += 24
    return board.img(alternative(box, why))


def _reason(now: Place, why: Why) -> Sequence[str]:
    if now.label == "running":
        return ()
    return wrap(_plain(why.what), WIDTH - 40, _SMALL)


def _plain(words: str) -> str:
    """Without the marks of code: a picture has no code in its sentences."""
    return words.replace("`", "")


def _life(board: Board, y: float, now: Place) -> None:
    x, width, gap = 20.0, 180.0, 60.0
    for number, (state, _) in enumerate(_STATES):
        lit = state == now.state
        board.box(x, y, width, 40, now.kind if lit else "plain", dashed=not lit, thick=lit)
        label = now.label if lit else state
        kind = "text" if lit else "quiet"
        board.text(x + width / 2, y + 25, label, width=width, kind=kind, anchor="middle", bold=lit)
        if number < len(_STATES) - 1:
            board.arrow(x + width + 4, y + 20, x + width + gap - 4, y + 20, both=number == 1)
        x += width + gap


def _ports(board: Board, y: float, bindings: Sequence[Binding]) -> float:
    for one in bindings[:_MOST_ROWS]:
        host = "every address" if one.every_interface else one.host_ip
        board.box(20, y, 230, 28, "amber")
        port = str(one.host_port) if one.host_port else "a free port"
        board.text(135, y + 19, f"{host} : {port}", width=222, size=13, anchor="middle")
        board.arrow(254, y + 14, 346, y + 14)
        board.box(350, y, 150, 28, "green")
        board.text(425, y + 19, f"{one.port}/{one.proto}", width=146, size=13, anchor="middle")
        y += 34
    if len(bindings) > _MOST_ROWS:
        left = count(len(bindings) - _MOST_ROWS, "more port")
        board.text(20, y + 18, f"and {left}", width=300, size=13)
        y += 34
    return y
