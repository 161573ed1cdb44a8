"""`dockbook lab` as a student meets it: a browser, the chapter, a real container's output."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import docker
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import DOCKBOOK, new_page, open_chapter, shot

CHAPTER = "ch03-using-docker"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """JupyterLab with the chapter open and its kernel ready."""
    page = new_page(browser)
    open_chapter(page, address, CHAPTER)
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


def test_the_lab_says_which_engine_and_why(lab, address):
    (line,) = [line for line in lab.lines if line.startswith("Engine: ")]
    assert re.match(r"Engine: (sandbox|nested|vm|host) \(.+\), ready in \d+\.\d s\.", line)
    assert "dockbook engine env" in line
    assert re.match(r"http://127\.0\.0\.1:\d+/lab\?token=\w+$", address)
    assert lab.notebook(CHAPTER).is_file()


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
