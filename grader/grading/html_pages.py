"""The HTML of the reading edition: made safe, and looked through for links and for what must not be in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from grader.grading.safe_markdown import ATTRIBUTES, TAGS, sanitized

_TAGS = TAGS | {"section", "figure", "caption"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]|\w[\w.%/ -]*\Z", re.IGNORECASE)
_LINK = re.compile(r"https?://|mailto:|#|(\.\./)?\w[\w.%/-]*(#[\w-]*)?\Z", re.IGNORECASE)
_CLASS = re.compile(r"(highlight|hl-[a-z0-9]+|anchor-link|[a-z]{1,2}[0-9]?)\Z")
_NOTEBOOK = re.compile(r"\.\./(?P<id>[a-z0-9-]+)/(?P=id)\.ipynb(?P<anchor>#.*)?\Z")
_ATTRIBUTES = ATTRIBUTES | {"th": set()} | {f"h{level}": {"id"} for level in range(1, 7)}
_TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
_FIGURE = re.compile(r'<p>(<img [^>]*?src="(\w[^":]*)"[^>]*>)</p>')


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and bool(_LINK.match(value))
    if name == "src":
        # Nothing from elsewhere: the book is read offline, and no server learns who reads it.
        return tag == "img" and bool(_PICTURE.match(value)) and ".." not in value
    if name == "class":
        return all(map(_CLASS.match, value.split()))
    return True


def clean_page(html: str) -> str:
    """This HTML without what could act or load from elsewhere. Tables are in boxes of their own that scroll,
    and a figure on its own links to its file, so that a phone can show it large."""
    cleaned = sanitized(html, tags=_TAGS, attributes=_ATTRIBUTES, allowed=_allowed)
    cleaned = _FIGURE.sub(r'<p><a href="\2">\1</a></p>', cleaned)
    return _TABLE.sub(lambda found: f'<div class="wide">{found[0]}</div>', cleaned)


def chapter_link(target: str) -> str:
    """A link to another chapter's notebook as a link to its page; other links unchanged."""
    found = _NOTEBOOK.match(target)
    return f"../{found['id']}/index.html{found['anchor'] or ''}" if found else target


@dataclass
class Page(HTMLParser):
    """A page as a reader's program sees it. ``refers``: each link and picture; ``ids``; ``lines`` of text,
    texts of pictures included; ``headings``: level, id, text."""

    refers: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headings: list[tuple[int, str, str]] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _heading: list[str] | None = None
    _in_anchor: bool = False

    def __post_init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)

    @classmethod
    def read(cls, html: str) -> Page:
        """The page of this text."""
        page = cls()
        page.feed(html)
        page.close()
        return page

    @property
    def text(self) -> str:
        """Its text in order."""
        return "".join(self._text)

    @property
    def lines(self) -> set[str]:
        """Lines of its text, without the white space around them."""
        return {line.strip() for line in self.text.splitlines()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.refers += [given[name] for name in ("href", "src") if name in given]
        self._text += [f"\n{given[name]}\n" for name in ("alt", "title") if name in given]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), given.get("id", ""), ""))
            self._heading = []
        self._in_anchor = tag == "a" and given.get("class") == "anchor-link"

    def handle_endtag(self, tag: str) -> None:
        if self._heading is not None and re.fullmatch("h[1-6]", tag):
            level, anchor, _ = self.headings[-1]
            self.headings[-1] = (level, anchor, "".join(self._heading).strip())
            self._heading = None
        if tag in ("p", "li", "td", "th", "pre", "h1", "h2", "h3", "h4", "div"):
            self._text.append("\n")
        self._in_anchor = False

    def handle_data(self, data: str) -> None:
        self._text.append(data)
        if self._heading is not None and not self._in_anchor:
            self._heading.append(data)

    def local(self) -> list[tuple[PurePosixPath, str]]:
        """The files next to it that it refers to, each with the anchor: "" for none, file "." for its own."""
        found = []
        for target in self.refers:
            parts = urlsplit(target)
            if not parts.scheme and not parts.netloc:
                found.append((PurePosixPath(unquote(parts.path)), unquote(parts.fragment)))
        return found
