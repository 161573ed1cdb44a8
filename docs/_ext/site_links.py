"""Links in files that the site includes: what is a page here stays here, the rest is on GitHub."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^]]*\])*)\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[([^]]*)\]\(([^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def relink(text: str, place: str, page: str, pages: Mapping[str, str], repository: str) -> str:
    """``text`` as it may appear in ``page``, a document of the site.

    ``place``: the file's folder in the repository. ``pages``: by path in the repository, the documents that
    include a file; what is in ``docs`` is one itself. ``repository``: the address for everything else.
    """

    def target(link: str) -> str:
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, hash_, anchor = link.partition("#")
        whole = posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(place, path))
        own = pages.get(whole, whole.removeprefix("docs/") if whole.startswith("docs/") else "")
        if own:
            near = posixpath.relpath(own.removesuffix(".md"), posixpath.dirname(page) or ".")
            return f"{near}.md{hash_}{anchor}"
        return f"{repository}/{whole}{hash_}{anchor}"

    def image(found: re.Match[str]) -> str:
        if re.match(r"[a-z]+:", found[2]):
            return found[0]
        whole = posixpath.normpath(posixpath.join(place, found[2]))
        up = posixpath.relpath(".", posixpath.join("docs", posixpath.dirname(page)))
        return f"![{found[1]}]({up}/{whole})"

    def relinked(text: str) -> str:
        return _LINK.sub(lambda found: f"[{found[1]}]({target(found[2])})", _IMAGE.sub(image, text))

    return "".join(part if part.startswith("```") else relinked(part) for part in _FENCED.split(text))
