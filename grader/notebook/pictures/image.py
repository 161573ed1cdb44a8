"""An image as its stack of layers: the newest on top, each with its size and the instruction behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.expect.words import count
from grader.notebook.pictures.svg import Board
from grader.state import json_fields as fields

WIDTH = 700
_MOST = 14
_DIGITS = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_NOP = "/bin/sh -c #(nop) "


@dataclass(frozen=True)
class Step:
    """One line of an image's history. ``size`` in bytes; 0: it changed settings, or no file."""

    instruction: str
    size: int
    here: bool
    """Whether its files came from this image's own history (False: `<missing>`, as from another build)."""

    @property
    def setting(self) -> bool:
        """Whether the instruction makes no layer at all."""
        word = self.instruction.split(" ", 1)[0].upper()
        return self.size == 0 and word not in ("RUN", "COPY", "ADD")


def steps(history: Sequence[Mapping[str, Any]]) -> list[Step]:
    """What ``GET /images/NAME/history`` says, newest first."""
    found = []
    for row in history:
        said = " ".join(fields.text(row, "CreatedBy").split())
        said = said.removesuffix("# buildkit").strip()
        if said.startswith(_NOP):
            said = said.removeprefix(_NOP).strip()
        elif said.startswith("/bin/sh -c "):
            said = "RUN " + said.removeprefix("/bin/sh -c ")
        elif said.startswith("RUN /bin/sh -c "):
            said = "RUN " + said.removeprefix("RUN /bin/sh -c ")
        said = _DIGITS.sub(r"\1", said)
        words = said or fields.text(row, "Comment") or "(nothing said)"
        found.append(Step(words, bounded(fields.number(row, "Size")), fields.text(row, "Id") != "<missing>"))
    return found


def bounded(size: int) -> int:
    """A size that can be drawn, whatever was said."""
    return max(0, min(size, 10**18))


def bytes_in_words(number: int) -> str:
    """``4.2 MB``, in Docker's powers of ten."""
    size = float(bounded(number))
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def stack(name: str, image_id: str, size: int, made: Sequence[Step]) -> str:
    """The picture, as HTML. ``name``: its tag, or ``""``."""
    shown = made[:_MOST]
    height = 72 + 30 * len(shown) + (24 if len(made) > _MOST else 0) + 14
    board = Board(WIDTH, height)
    board.text(20, 32, name or "image without a tag", width=500, size=18, bold=True)
    board.text(
        WIDTH - 20,
        32,
        image_id.removeprefix("sha256:")[:12],
        width=120,
        size=12,
        kind="quiet",
        anchor="end",
        mono=True,
    )
    layers = sum(not step.setting for step in made)
    board.text(
        20,
        54,
        f"{bytes_in_words(size)} in {count(layers, 'layer')}; newest on top",
        width=500,
        size=13,
        kind="quiet",
    )
    largest = max((step.size for step in made), default=0) or 1
    y = 66.0
    for step in shown:
        _row(board, y, step, largest)
        y += 30
    if len(made) > _MOST:
        board.text(
            20, y + 16, f"and {count(len(made) - _MOST, 'older step')}", width=400, size=13, kind="quiet"
        )
    return board.img(_alternative(name, size, made))


def _row(board: Board, y: float, step: Step, largest: int) -> None:
    if step.setting:
        board.box(20, y, 520, 26, "plain", dashed=True)
    else:
        board.box(20, y, 520, 26, "blue")
        # A bar next to the layer: its share of the largest one.
        board.box(552, y + 5, max(3.0, 60 * step.size / largest), 16, "amber")
    board.text(
        30, y + 18, step.instruction, width=500, size=12, kind="quiet" if step.setting else "text", mono=True
    )
    said = "setting" if step.setting else bytes_in_words(step.size)
    board.text(
        WIDTH - 20, y + 18, said, width=70, size=12, kind="quiet" if step.setting else "text", anchor="end"
    )


def _alternative(name: str, size: int, made: Sequence[Step]) -> str:
    lines = [
        f"{step.instruction[:80]} ({'setting' if step.setting else bytes_in_words(step.size)})"
        for step in made[:_MOST]
    ]
    title = f"Image {name}" if name else "Image without a tag"
    older = f"; and {count(len(made) - _MOST, 'older step')}" if len(made) > _MOST else ""
    return (
        f"{title}, {bytes_in_words(size)}. Newest first: "
        + ("; ".join(lines) or "nothing said")
        + older
        + "."
    )
