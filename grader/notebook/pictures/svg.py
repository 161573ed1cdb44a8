"""A small drawing board: SVG that shows in a notebook, trusted or not, on light and on dark pages.

JupyterLab shows SVG of an untrusted notebook only as the source of an ``<img>``: no scripts, no fonts and no
colours of the page reach it there. So a picture brings its own ground, and its colours follow the reader's
preference for light or dark.
"""

from __future__ import annotations

from html import escape
from unicodedata import east_asian_width
from urllib.parse import quote

from grader.expect.words import visible

_STYLE = """\
.ground{fill:#fff;stroke:#c3ccd8}.text{fill:#1b2430}.quiet{fill:#55606e}
.blue{fill:#e1effc;stroke:#2f73b5}.green{fill:#e2f5e4;stroke:#2d8a3e}.amber{fill:#fff4dc;stroke:#c78a12}
.grey{fill:#e9e9ee;stroke:#5d6270}.red{fill:#fbe9e9;stroke:#b03a3a}.plain{fill:#fff;stroke:#c3ccd8}
.line{stroke:#3d4f66;fill:none}.tip{fill:#3d4f66}.bad{fill:#a52c2c}
@media (prefers-color-scheme:dark){
.ground{fill:#1c2229;stroke:#48525f}.text{fill:#e8edf3}.quiet{fill:#aab4c0}
.blue{fill:#17324d;stroke:#6aaee8}.green{fill:#173a20;stroke:#63c274}.amber{fill:#453310;stroke:#e0a93d}
.grey{fill:#333842;stroke:#9aa3b0}.red{fill:#4a1f1f;stroke:#e07a7a}.plain{fill:#1c2229;stroke:#48525f}
.line{stroke:#b3bfcd}.tip{fill:#b3bfcd}.bad{fill:#f09a9a}}
"""


def room(text: str, size: float, *, mono: bool = False, bold: bool = False) -> float:
    """About how many pixels a text takes in DejaVu Sans: what a browser has instead is seldom wider."""
    return size * sum(_letter(letter, mono) for letter in text) * (1.1 if bold and not mono else 1)


def _letter(letter: str, mono: bool) -> float:
    """Its width as a part of the font's size."""
    if east_asian_width(letter) in "WF":
        return 1.2
    if mono:
        return 0.61
    if letter in "ijl.,:;'|! ()[]ft/-r":
        return 0.41
    if letter in "mwMW@%…":
        return 1.0
    return 0.75 if letter.isupper() else 0.64


def cut(text: str, width: float, size: float = 14, *, mono: bool = False, bold: bool = False) -> str:
    """Text that fits into this many pixels, in one line; unprintable characters are written out."""
    shown = visible(text, int(4 * width / size) + 1)
    if room(shown, size, mono=mono, bold=bold) <= width:
        return shown
    while shown and room(shown + "…", size, mono=mono, bold=bold) > width:
        shown = shown[:-1]
    return shown + "…"


def wrap(text: str, width: float, size: float = 14, most: int = 3) -> list[str]:
    """The lines of a text that fit into this many pixels; with more than ``most`` the last one is cut."""
    lines: list[str] = []
    for word in visible(text, 1000).split():
        if lines and (room(f"{lines[-1]} {word}", size) <= width or len(lines) == most):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [cut(line, width, size) for line in lines]


class Board:
    """Shapes and texts on a card of ``width`` by ``height`` pixels. The same calls give the same bytes."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        *,
        dashed: bool = False,
        thick: bool = False,
    ) -> None:
        """A box with round corners; ``kind``: blue, green, amber, grey, red or plain."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        stroke = 3 if thick else 1.5
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" class="{kind}"'
            f' stroke-width="{stroke}"{dash}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: float,
        kind: str = "text",
        size: float = 14,
        anchor: str = "start",
        bold: bool = False,
        mono: bool = False,
    ) -> None:
        """One line of text, cut to ``width``; ``y`` is its base line."""
        weight = ' font-weight="bold"' if bold else ""
        family = " font-family=\"'DejaVu Sans Mono',Menlo,Consolas,monospace\"" if mono else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" class="{kind}" font-size="{size:g}"'
            f' text-anchor="{anchor}"{weight}{family}>'
            f"{escape(cut(text, width, size, mono=mono, bold=bold))}</text>"
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, *, both: bool = False) -> None:
        """A straight arrow."""
        start = ' marker-start="url(#t)"' if both else ""
        self._parts.append(
            f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" class="line" stroke-width="2"'
            f' marker-end="url(#t)"{start}/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line."""
        self._parts.append(f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" class="line" stroke-width="2"/>')

    def svg(self) -> str:
        """The document."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        ground = (
            f'<rect x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="10" class="ground"/>'
        )
        tip = (
            '<marker id="t" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6"'
            ' orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" class="tip"/></marker>'
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
            " font-family=\"'DejaVu Sans',Verdana,'Segoe UI',sans-serif\">"
            f"<style>{_STYLE}</style><defs>{tip}</defs>{ground}{''.join(self._parts)}</svg>"
        )

    def img(self, alt: str) -> str:
        """The picture as HTML, with a text for readers who cannot see it."""
        # Percent-encoded and not as base64: shorter, and what differs between two runs stays legible.
        source = quote(self.svg(), safe="='():;,/@!?")
        words = escape(visible(alt, 1000))
        return f'<img alt="{words}" src="data:image/svg+xml,{source}" style="max-width: 100%">'
