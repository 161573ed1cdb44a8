"""A session in a real browser far away: the start page, chapter 3 from end to end, a container's page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.binder.sessions import COURSE, TOKEN, WORKSPACE, Session, far_away
from tests.browser.lab import chromium, new_page, open_chapter, shot
from tests.browser.test_course import NotebookPage, green, read_and_do
from tests.engine.dockerd import Dockerd

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]
CHAPTER = COURSE.chapter("ch03")
SOON_MS = 60_000


@pytest.fixture(scope="module")
def address(dockerd: Dockerd, session: Session) -> Iterator[str]:
    """What a browser elsewhere is given."""
    with far_away(dockerd, session.container) as found:
        yield f"{found}lab?token={TOKEN}"


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    with chromium() as browser:
        page = new_page(browser)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        page.close()
    assert faults == []


def test_it_opens_on_the_start_page_with_an_engine(page: Page, address: str) -> None:
    page.goto(address)
    start = page.locator(".dockbook-start")
    expect(start).to_be_visible(timeout=SOON_MS)
    expect(start.locator(".dockbook-title")).to_have_text([one.title for one in COURSE.written])
    expect(start).to_contain_text(re.compile(r"Docker Engine \d+\.\d+\.\d+ is running"), timeout=SOON_MS)
    expect(start).to_contain_text("virtual machine")
    shot(page, "binder-start")


def test_chapter_3_is_read_run_and_solved(page: Page, address: str, session: Session) -> None:
    """Every cell, every task; one task is done wrong first."""
    text = session.run("cat", f"{WORKSPACE}/{CHAPTER.id}/{CHAPTER.id}.ipynb")
    opened = NotebookPage(page, nbformat.reads(text, as_version=4))
    open_chapter(page, address, CHAPTER.id)
    read_and_do(opened, CHAPTER)
    assert green(opened, CHAPTER) == [task.id for task in CHAPTER.tasks]
    opened.save()
    shot(page, "binder-chapter")


def test_the_panel_leads_to_a_containers_page(page: Page, session: Session) -> None:
    """Through the session's proxy: to the browser, 127.0.0.1 is another machine."""
    page.get_by_role("button", name="Docker live").click()
    session.run("docker", "run", "-d", "--name", "web", "-p", "5001:5000", "training/webapp")
    exact = re.compile("^web$")
    web = page.locator(".dockbook-panel .dockbook-item", has=page.locator(".dockbook-strong", has_text=exact))
    expect(web.locator(".dockbook-state")).to_have_text("running", timeout=SOON_MS)
    link = web.get_by_role("link")
    expect(link).to_have_attribute("href", re.compile(r"/proxy/5001/$"))
    shot(page, "binder-panel")
    with page.expect_popup() as opened:
        link.click()
    shown = opened.value
    # Emulated, the program in the container listens some seconds after the container runs: load it again.
    for _ in range(30):
        shown.wait_for_load_state()
        if shown.locator("body").inner_text().strip() == "Hello world!":
            break
        shown.wait_for_timeout(1000)
        shown.reload()
    expect(shown.locator("body")).to_have_text("Hello world!")
    assert shown.url.endswith("/proxy/5001/")
    shot(shown, "binder-proxied")
    shown.close()
    session.run("docker", "rm", "-f", "web")
