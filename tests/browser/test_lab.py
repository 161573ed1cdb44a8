"""`dockbook lab` as a student meets it: a browser, the chapter, a real container's output."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import docker
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
DOCKBOOK = Path(sys.executable).with_name("dockbook")
CHAPTER = "ch03-using-docker"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = pytest.mark.timeout(600)


class Lab:
    """A running `dockbook lab`: its printed lines, its address."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        env = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        self.process = subprocess.Popen(
            [DOCKBOOK, "lab", "--no-browser", "--workspace", workspace, "--as", "ann"],
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

    def end(self) -> int:
        """As Ctrl-C does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("lab") / "dockbook")
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def address(lab: Lab) -> str:
    # The engine image may have to be built first.
    return lab.wait_for("JupyterLab: ", 540)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium; elsewhere the one that `playwright install chromium` brings."""
    found = shutil.which("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, headless=True, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """JupyterLab with the chapter open and its kernel ready."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(address.replace("/lab?", f"/lab/tree/{CHAPTER}/{CHAPTER}.ipynb?"))
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Python 3.*\| Idle")).first).to_be_visible(timeout=60_000)
    yield page
    page.close()


def cell(page: Page, marker: str):
    """The code cell whose source holds this text."""
    return page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=marker)).first


def run(page: Page, marker: str) -> None:
    """Run the cell with this text, as a student does."""
    one = cell(page, marker)
    one.scroll_into_view_if_needed()
    one.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def shot(page: Page, name: str) -> None:
    BUILD.mkdir(exist_ok=True)
    page.screenshot(path=BUILD / f"{name}.png")


def test_the_lab_says_which_engine_and_why(lab, address):
    (line,) = [line for line in lab.lines if line.startswith("Engine: ")]
    assert re.match(r"Engine: (sandbox|nested|vm|host) \(.+\), ready in \d+\.\d s\.", line)
    assert "dockbook engine env" in line
    assert re.match(r"http://127\.0\.0\.1:\d+/lab\?token=\w+$", address)
    assert (lab.workspace / CHAPTER / f"{CHAPTER}.ipynb").is_file()


def test_the_first_cells_print_what_a_real_container_said(lab, page):
    run(page, "%load_ext grader")
    run(page, "docker run --name hello")
    output = cell(page, "docker run --name hello").locator(".jp-OutputArea-output")
    expect(output.first).to_contain_text("Hello world", timeout=60_000)
    run(page, 'client.containers.run("debian:trixie", ["/bin/echo"')
    typed = cell(page, 'client.containers.run("debian:trixie", ["/bin/echo"').locator(".jp-OutputArea-output")
    expect(typed.first).to_contain_text("Hello world", timeout=60_000)
    shot(page, "lab")

    # The engine that a terminal finds has the container: nothing here was a stored output.
    said = subprocess.run(
        [DOCKBOOK, "engine", "status", "--json"], capture_output=True, text=True, check=True
    )
    engines = [one for one in json.loads(said.stdout) if one["owner_pid"] == lab.process.pid]
    client = docker.DockerClient(base_url=engines[0]["docker_host"])
    try:
        assert client.containers.get("hello").logs() == b"Hello world\n"
    finally:
        client.close()


def test_a_student_sees_validate_and_none_of_the_instructors_menus(page):
    expect(page.get_by_text("Validate", exact=True).first).to_be_visible()
    page.get_by_role("menuitem", name="File", exact=True).first.wait_for()
    assert page.get_by_text("Jupyter news").count() == 0
    assert page.get_by_role("menuitem", name=re.compile("Nbgrader|Formgrader", re.IGNORECASE)).count() == 0


def test_a_task_that_is_not_done_says_so_without_a_traceback_of_ours(page):
    run(page, "with check(")
    output = cell(page, "with check(").locator(".jp-OutputArea-output").first
    expect(output).to_be_visible(timeout=60_000)
    assert "Traceback" not in output.inner_text()
    shot(page, "lab-finding")


def test_validate_runs_the_notebook_and_names_the_tasks_that_are_not_done(page):
    page.get_by_text("Validate", exact=True).first.click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text(re.compile("cells? failed", re.IGNORECASE), timeout=300_000)
    expect(dialog).to_contain_text("greeter")
    shot(page, "lab-validate")
    dialog.get_by_role("button").first.click()


def test_in_the_end_nothing_is_left(lab, page):
    """Last on purpose: it ends the lab that the others use."""
    family = psutil.Process(lab.process.pid).children(recursive=True)
    assert family
    assert lab.end() == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    said = subprocess.run(
        [DOCKBOOK, "engine", "status", "--json"], capture_output=True, text=True, check=True
    )
    assert [one for one in json.loads(said.stdout) if one["owner_pid"] == lab.process.pid] == []
