"""axe-core on a page: no serious or critical fault in what is ours."""

from __future__ import annotations

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

JUPYTERS = (
    "#jp-MainMenu",  # the menus
    "#jp-MainLogo",
    "#jp-left-stack",  # files, running kernels, contents
    ".jp-SideBar",  # the strips of icons at both sides
    ".lm-TabBar",
    ".jp-Toolbar",
    "#jp-bottom-panel",  # the status bar
    ".jp-skiplink",
    ".jp-Notebook-footer",
    ".jp-InputArea",  # editors and prompts
    ".jp-OutputPrompt",
    '.jp-RenderedText[data-mime-type^="application/vnd.jupyter"]',  # what a cell printed: wide, it scrolls
    ".jp-OutputArea-promptOverlay",
    ".jp-Collapser",
    ".jp-WindowedPanel-scrollbar",
)
"""JupyterLab's own: left out of what axe looks at."""
THEMSELVES = ([".jp-WindowedPanel-viewport"],)
"""JupyterLab's, with ours in them: their own faults do not count, those of what is in them do."""


def assert_no_serious_fault(page: Page, *ours: str) -> None:
    """Of everything in the page but JupyterLab's own; ``ours`` must be among it."""
    for selector in ours:
        assert page.locator(selector).first.is_visible(), f"{selector} is not there to be looked at"
    context = {"exclude": [[selector] for selector in JUPYTERS]}
    found = Axe().run(page, context=context)
    serious = [
        (one["id"], node["target"], node["html"][:300])
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
        if node["target"] not in THEMSELVES
    ]
    assert not serious, json.dumps(serious, indent=1)
