"""Markdown of students as harmless HTML: for the formgrader's pages and for feedback.

nbgrader's templates render a written answer unchanged, HTML included, and the formgrader's pages may change
grades. ``course/nbgrader_config.py`` names ``markdown`` as the filter for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import unquote

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from grader.grading import rendering
from grader.grading.judge.outputs import PICTURES
from grader.grading.rendering_time import TimeLimit

TAGS = frozenset(
    {
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "details", "summary", "div"),
        *("a", "abbr", "b", "del", "em", "i", "img", "kbd", "s", "span", "strong", "sub", "sup", "var"),
        *("code", "pre", "samp", "tt", "ul", "ol", "li", "dl", "dt", "dd"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
)
PROTOCOLS = frozenset({"http", "https", "mailto", "data"})
PIECE_S, PAGE_S = 1.0, 4.0
"""Processor seconds for a piece of Markdown, code or output on a feedback page, and for all of them."""
PAGE_CHARS = 2_000_000
"""Characters of HTML that all of them may become. An honest page has 300,000."""
_PICTURE = re.compile(
    r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*"
    r"|data:image/svg\+xml,[\w.%='():;,/@!?~-]*|\w[\w.%/ -]*",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
# What code is coloured by. Other classes and all ids are the page's own: its script finds boxes by them.
_COLOUR = re.compile(r"(highlight|hl-[a-z0-9]+|language-[a-z0-9+-]+|[a-z]{1,2}[0-9]?)( |\Z)", re.IGNORECASE)


ATTRIBUTES = {
    "*": {"class"},
    "a": {"href", "title"},
    "img": {"alt", "src", "title"},
    "ol": {"start"},
    "th": {"align"},
}
"""Which attributes are allowed; ``_allowed`` says with which values."""


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        # Not the submission's own files: a page among them would be on the formgrader's side.
        return tag == "a" and bool(_LINK.match(value))
    if name == "src":
        # Nothing from elsewhere, which would tell its owner who reads and when.
        return tag == "img" and bool(_PICTURE.fullmatch(value)) and ".." not in value
    if name == "class":
        return tag in ("code", "div", "pre", "span") and all(map(_COLOUR.fullmatch, value.split()))
    return True


@pass_context
def markdown(context: Context, source: str) -> str:
    """A Jinja filter in the place of nbconvert's ``markdown2html``: no scripts, no forms, nothing loaded.

    Never raises: text that cannot be rendered is shown as it was typed.
    """
    cell: Any = context.get("cell", {})
    attachments = cell.get("attachments", {})
    if rendering.drawing():
        drawn = limit_of(context).run(lambda: as_html(source, attachments))
        return drawn if drawn is not None else rendering.plain(source)
    return rendering.markdown(source, attachments, context.get("resources", {}))


def limit_of(context: Context) -> TimeLimit:
    """What the page that is being drawn may still take."""
    resources = context.get("resources", {})
    limit: TimeLimit = resources.setdefault("dockbook_limit", TimeLimit(PIECE_S, PAGE_S, PAGE_CHARS))
    return limit


def as_html(source: str, attachments: Mapping[str, Any]) -> str:
    """Markdown as HTML, in whatever time it takes; as it was typed where it cannot be rendered."""
    try:
        renderer = _Renderer(escape=False, attachments=dict(attachments), exclude_anchor_links=True)
        return clean(str(MarkdownWithMath(renderer=renderer).render(source)))
    except Exception:  # noqa: BLE001 - parsers of Markdown and HTML raise anything; one cell is not the page
        return f"<pre>{escape(source)}</pre>"


class _Renderer(IPythonRenderer):
    """nbconvert's, which ends the whole page at a picture that is not there."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture; in the place of one that is missing, its name."""
        prefix, name = "attachment:", unquote(url.partition(":")[2])
        if not url.startswith(prefix):
            return str(super().image(text, url, title))
        # Names with blanks are encoded in the text.
        kinds = self.attachments.get(name) or self.attachments.get(url.removeprefix(prefix)) or {}
        for mime in PICTURES:
            if mime in kinds:
                return str(super().image(text, f"data:{mime};base64,{kinds[mime]}", title))
        return f"<em>(a picture is missing: {escape(name)})</em>"


def code_colours() -> str:
    """CSS of the colours for highlighted code, light and dark."""
    dark = _colours("github-dark")
    return f"{_colours('xcode')}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _colours(style: str) -> str:
    rules: list[Any] = HtmlFormatter(style=style).get_style_defs(".highlight").splitlines()
    # The box around code is the page's own; only the words get colours. Nothing in it is an error.
    kept = (rule for rule in map(str, rules) if re.match(r"\.highlight \.(?!hll|err)", rule))
    return "\n".join(kept)


def clean(html: str) -> str:
    """This HTML without what could act, load from elsewhere, or pass for a part of the page."""
    return sanitized(html, tags=TAGS, attributes=ATTRIBUTES, allowed=_allowed)


def sanitized(
    html: str,
    *,
    tags: frozenset[str],
    attributes: Mapping[str, set[str]],
    allowed: Callable[[str, str, str], bool],
) -> str:
    """HTML with these tags and attributes alone; ``allowed(tag, attribute, value)`` says which values stay.

    Text of other tags stays, what is in scripts and styles does not.
    """
    return nh3.clean(
        html,
        tags=set(tags),
        attributes=dict(attributes),
        attribute_filter=lambda tag, name, value: value if allowed(tag, name, value.strip()) else None,
        url_schemes=set(PROTOCOLS),
        link_rel=None,
    )
