"""One lab and one browser for each module: the last test of one ends its lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.lab import Lab, chromium, running_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab") / "dockbook") as lab:
        yield lab


@pytest.fixture(scope="module")
def address(lab: Lab) -> str:
    return lab.address()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the session: while it is open, an event loop runs in this thread, where others want their own.
    with chromium() as browser:
        yield browser
