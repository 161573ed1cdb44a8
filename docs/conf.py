"""The documentation's settings: ``sphinx-build -W -n --keep-going -b html docs build/docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(ROOT)]

import check_reference  # noqa: E402 - in _ext, as the next one
import site_links  # noqa: E402

from grader import __version__  # noqa: E402

REPOSITORY = "https://github.com/dockbook/dockbook"
INCLUDED = {
    "ARCHITECTURE.md": "project/architecture",
    "CHANGELOG.md": "project/changelog",
    "CONTRIBUTING.md": "project/contributing",
    "RELEASING.md": "project/releasing",
    "SECURITY.md": "project/security",
    "course/INSTRUCTOR.md": "instructor/guide",
}
"""Files of the repository, and the page that includes each."""

project = "Dockbook"
author = "Dockbook contributors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
root_doc = "index"
exclude_patterns = ["_ext"]
nitpicky = True
add_function_parentheses = True
toc_object_entries_show_parents = "hide"
# Code in a sentence is Docker's or a shell's as often as Python's.
highlight_language = "text"

html_theme = "furo"
html_title = f"Dockbook {version}"
html_static_path = ["_static"]
html_css_files = ["dockbook.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
    "navigation_with_keys": True,
}

# Addresses outside are asked for by the workflow alone, which has a network.
linkcheck_ignore = [] if os.environ.get("DOCKBOOK_LINKCHECK") == "all" else [r"https?://"]
linkcheck_anchors = True


def _fill_in(_app: Any, _page: str, source: list[str]) -> None:
    source[0] = check_reference.expand(source[0], check_reference.public_checks())


def _relink(app: Any, path: Path, _page: str, content: list[str]) -> None:
    folder = (HERE / path).resolve().parent.relative_to(ROOT)
    # The page is asked for here: MyST gives the last part of its name alone.
    content[0] = site_links.relink(
        content[0], str(folder), app.env.docname, INCLUDED, f"{REPOSITORY}/blob/main"
    )


def setup(app: Any) -> None:
    """Fill in the reference of checks; lead the links of included files to where they can be followed."""
    app.connect("source-read", _fill_in)
    app.connect("include-read", _relink)
