"""A running `dockbook lab` and a browser in front of it, driven as a student does."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
DOCKBOOK = Path(sys.executable).with_name("dockbook")
STUDENT = "ann"
VIEWPORT_W, VIEWPORT_H = 1280, 900
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Lab:
    """A running `dockbook lab`, or another command that serves pages: its printed lines, its address."""

    def __init__(self, workspace: Path, *command: str | Path) -> None:
        self.workspace = workspace
        lab = ("lab", "--fresh", "--no-browser", "--workspace", workspace, "--as", STUDENT)
        env = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        self.process = subprocess.Popen(
            [DOCKBOOK, *(command or lab)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip())

    def wait_for(self, start: str, seconds: float) -> str:
        """The rest of the first line that begins so. Fails with everything that was said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.lines.append(self._queue.get(timeout=0.2))
            except Empty:
                if self.process.poll() is not None:
                    break
                continue
            if self.lines[-1].startswith(start):
                return self.lines[-1].removeprefix(start).strip()
        pytest.fail(f"the lab never said {start!r}:\n" + "\n".join(self.lines))

    def address(self) -> str:
        """What to open in a browser, once JupyterLab answers there."""
        # The engine image may have to be built first.
        return self.wait_for("JupyterLab: ", 540)

    def notebook(self, chapter: str) -> Path:
        """The student's file of a chapter."""
        return self.workspace / chapter / f"{chapter}.ipynb"

    def end(self) -> int:
        """As Ctrl-C does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def running_lab(workspace: Path, *command: str | Path) -> Iterator[Lab]:
    """A lab (or what the command serves) over this workspace, ended on the way out."""
    lab = Lab(workspace, *command)
    try:
        yield lab
    finally:
        lab.end()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium; elsewhere the one that `playwright install chromium` brings."""
    found = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


def new_page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": VIEWPORT_W, "height": VIEWPORT_H})
    page.set_default_timeout(60_000)
    return page


def open_chapter(page: Page, address: str, chapter: str) -> None:
    """JupyterLab with this chapter alone open and its kernel ready."""
    page.goto(address.replace("/lab?", f"/lab/tree/{chapter}/{chapter}.ipynb?reset&"))
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Python 3.*\| Idle")).first).to_be_visible(timeout=60_000)


def shot(page: Page, name: str) -> None:
    """What the browser shows now, to look at: build/NAME.png."""
    BUILD.mkdir(exist_ok=True)
    page.screenshot(path=BUILD / f"{name}.png")
