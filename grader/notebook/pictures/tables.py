"""Lists of Docker's objects as real tables: what `docker ps` and its sisters print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from grader.expect.words import count, visible
from grader.notebook.pictures.container import place, shown_bindings
from grader.notebook.pictures.image import bytes_in_words
from grader.state import Container

MOST_ROWS = 200
_CELL = 'style="text-align:left"'
COLOURS = {
    "blue": "var(--jp-info-color1, #2f73b5)",
    "grey": "var(--jp-ui-font-color3, #808080)",
    "green": "var(--jp-success-color1, #2d8a3e)",
    "amber": "var(--jp-warn-color1, #b26a00)",
    "red": "var(--jp-error-color1, #c03a3a)",
}


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML from cells that are HTML already."""
    listed = list(rows)
    head = "".join(f'<th scope="col" {_CELL}>{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in row) + "</tr>" for row in listed[:MOST_ROWS]
    )
    left = len(listed) - MOST_ROWS
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return (
        '<div tabindex="0" style="overflow-x:auto"><table style="margin:0">'
        f"<caption {_CELL}>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def text(words: str, limit: int = 80) -> str:
    """A cell with untrusted text."""
    return escape(visible(words, limit))


def code(words: str, limit: int = 60) -> str:
    """The same as code."""
    return f"<code>{text(words, limit)}</code>" if words else ""


def _whole(words: str) -> str:
    return f'<span style="white-space:nowrap">{words}</span>'


def containers(boxes: Sequence[Container]) -> str:
    """`docker ps`, with the state in colour."""
    rows = []
    for box in boxes:
        now = place(box)
        colour = COLOURS.get(now.kind, "inherit")
        rows.append(
            (
                f"<b>{text(box.name)}</b>",
                # The colour is in a dot: on some themes, words in these colours are hard to read.
                _whole(f'<span aria-hidden="true" style="color:{colour}">●</span> {text(now.label)}'),
                text(box.image),
                code(" ".join(box.argv)),
                "<br>".join(_whole(text(str(one))) for one in shown_bindings(box)[:8]),
                code(box.id[:12]),
            )
        )
    heads = ("name", "state", "image", "command", "ports", "id")
    return table(count(len(boxes), "container"), heads, rows)


def images(rows: Sequence[tuple[Sequence[str], str, int]]) -> str:
    """`docker images`: tags, id and size in bytes of each."""
    cells = [
        (
            "<br>".join(f"<b>{text(tag)}</b>" for tag in tags[:8]) or "no tag",
            code(image_id.removeprefix("sha256:")[:12]),
            text(bytes_in_words(size)),
        )
        for tags, image_id, size in rows
    ]
    return table(count(len(cells), "image"), ("tags", "id", "size"), cells)


def networks(rows: Sequence[tuple[str, str, str, Sequence[str]]]) -> str:
    """`docker network ls`: name, driver, id and address ranges of each."""
    cells = [
        (
            f"<b>{text(name)}</b>",
            text(driver),
            "<br>".join(code(one) for one in ranges),
            code(network_id[:12]),
        )
        for name, driver, network_id, ranges in rows
    ]
    return table(count(len(cells), "network"), ("name", "driver", "addresses", "id"), cells)


def volumes(rows: Sequence[tuple[str, str]]) -> str:
    """`docker volume ls`: name and driver of each."""
    cells = [(f"<b>{text(name)}</b>", text(driver)) for name, driver in rows]
    return table(count(len(cells), "volume"), ("name", "driver"), cells)
