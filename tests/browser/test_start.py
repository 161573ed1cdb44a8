"""The start page as a student meets it: the chapters, what is next, and how it changes with their work."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from grader.course import Course
from tests.browser.access import assert_no_serious_fault
from tests.browser.lab import DOCKBOOK, ROOT, Lab, new_page, open_chapter, shot
from tests.browser.test_course import NotebookPage
from tests.course.test_cases import solution

COURSE = Course.read(ROOT / "course")
CHAPTER = COURSE.chapter("ch03")
TASKS = len(CHAPTER.tasks)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """JupyterLab as `dockbook lab` opens it."""
    page = new_page(browser)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    assert faults == []


def dockbook(*arguments: str) -> None:
    subprocess.run([DOCKBOOK, *arguments], check=True, capture_output=True, timeout=60)


def row(page: Page, chapter: str) -> Locator:
    return page.locator(f".dockbook-chapter[data-chapter='{chapter}']")


def to_start(page: Page) -> None:
    page.get_by_role("button", name="Start page").click()
    expect(page.locator(".dockbook-start")).to_be_visible()


def move_start_page(page: Page) -> None:
    """The start page's tab, dragged to the right edge: the notebook stays at its left."""
    tab = page.locator(".lm-DockPanel-tabBar").get_by_role("tab", name="Start", exact=True).bounding_box()
    dock = page.locator("#jp-main-dock-panel").bounding_box()
    assert tab and dock
    page.mouse.move(tab["x"] + 40, tab["y"] + 10)
    page.mouse.down()
    page.mouse.move(dock["x"] + dock["width"] / 2, dock["y"] + dock["height"] / 2, steps=5)
    page.mouse.move(dock["x"] + dock["width"] - 20, dock["y"] + dock["height"] / 2, steps=5)
    page.mouse.up()


def theme(page: Page, name: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Theme$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile(f"^{name}$")).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", name)


def test_the_lab_opens_on_the_chapters_in_order(page: Page) -> None:
    start = page.locator(".dockbook-start")
    expect(start).to_be_visible(timeout=60_000)
    expect(start.locator(".dockbook-title")).to_have_text([one.title for one in COURSE.written])
    for chapter in COURSE.written:
        expect(row(page, chapter.id)).to_contain_text(chapter.about)
        expect(row(page, chapter.id)).to_contain_text(f"not begun, {len(chapter.tasks)} tasks")
    first = COURSE.written[0]
    expect(page.locator(".dockbook-next")).to_contain_text(f"Begin with1. {first.title}")
    expect(start).to_contain_text(re.compile(r"Docker Engine \d+\.\d+\.\d+ is running"))
    expect(start).to_contain_text("A private engine in a sandbox")
    expect(page.locator(".jp-Launcher")).to_have_count(0)
    shot(page, "start")


def test_a_page_that_is_loaded_anew_is_where_it_was(page: Page) -> None:
    page.get_by_role("button", name="Open a terminal").click()
    expect(page.locator(".jp-Terminal")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(3000)  # JupyterLab keeps the layout a moment after it changed
    page.reload()
    expect(page.locator(".jp-Terminal")).to_be_visible(timeout=60_000)
    expect(page.locator(".dockbook-start")).to_be_hidden()
    expect(page.get_by_role("tab", name="Start", exact=True)).to_have_count(1)


def test_the_terminal_has_docker_and_dockbook(page: Page, lab: Lab) -> None:
    page.locator(".jp-Terminal .xterm-screen").click()
    said = lab.workspace / "said.txt"
    page.keyboard.insert_text(
        "{ docker version --format '{{.Server.Version}}'; command -v dockbook; } > said.txt"
    )
    page.keyboard.press("Enter")
    lines: list[str] = []
    for _ in range(200):
        page.wait_for_timeout(100)
        lines = said.read_text().splitlines() if said.exists() else []
        if len(lines) == 2:
            break
    assert len(lines) == 2, lines
    assert re.match(r"\d+\.\d+", lines[0])
    assert lines[1].endswith("/dockbook")
    to_start(page)


def test_a_task_that_was_done_shows_at_once_when_it_is_saved(page: Page, lab: Lab) -> None:
    link = row(page, CHAPTER.id).get_by_role("link", name=CHAPTER.title)
    assert str(link.get_attribute("href")).endswith(f"/lab/tree/{CHAPTER.id}/{CHAPTER.id}.ipynb")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Python 3.*\| Idle")).first).to_be_visible(timeout=60_000)
    opened = NotebookPage(page, nbformat.read(lab.notebook(CHAPTER.id), as_version=4))
    task = CHAPTER.tasks[0]
    opened.go_to(0)
    for place in range(opened.place(task.solution_id)):
        opened.run(place)
    expect(opened.solve(task, solution(CHAPTER, task.id).strip())).to_contain_text(f"{task.id}: passed")
    # Beside the notebook, to see it change without a click.
    move_start_page(page)
    state = row(page, CHAPTER.id).locator(".dockbook-words")
    expect(state).to_be_visible()
    expect(state).to_have_text(f"not begun, {TASKS} tasks")
    page.locator(".jp-NotebookPanel .jp-Cell.jp-mod-selected .jp-InputPrompt").click()
    opened.save()
    expect(state).to_have_text(f"1 of {TASKS} tasks", timeout=10_000)
    assert_no_serious_fault(page, ".dockbook-start", ".jp-OutputArea-output")
    shot(page, "start-beside")


def test_what_was_handed_in_shows_when_one_comes_back(page: Page, lab: Lab) -> None:
    dockbook("submit", CHAPTER.id, "--workspace", str(lab.workspace))
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(row(page, CHAPTER.id)).to_contain_text(re.compile(r"submitted \d|submitted \w"))
    lab.notebook(COURSE.written[1].id).write_text("{")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(row(page, COURSE.written[1].id)).to_contain_text("damaged: it is cut off")
    expect(page.locator(".dockbook-next")).to_contain_text(f"Continue: 1 of {TASKS} tasks done in")
    expect(page.locator(".dockbook-next").get_by_role("link", name="Continue")).to_be_visible()


def test_it_reads_in_both_themes_and_when_it_is_narrow(page: Page, address: str) -> None:
    page.goto(address.replace("/lab?", "/lab?reset&"))
    expect(row(page, CHAPTER.id)).to_be_visible(timeout=60_000)
    for name in ("JupyterLab Light", "JupyterLab Dark"):
        theme(page, name)
        for width in (1280, 700):
            page.set_viewport_size({"width": width, "height": 900})
            assert_no_serious_fault(page, ".dockbook-start", ".dockbook-tops")
            start = page.locator(".dockbook-start")
            assert start.evaluate("one => one.scrollWidth <= one.clientWidth"), "nothing is cut off"
            shot(page, f"start-{name.split()[1].lower()}-{width}")
    page.set_viewport_size({"width": 1280, "height": 900})
    theme(page, "JupyterLab Light")


def test_a_link_to_a_notebook_leads_to_the_notebook(browser: Browser, address: str) -> None:
    page = new_page(browser)
    open_chapter(page, address, CHAPTER.id)
    page.wait_for_timeout(2000)
    expect(page.locator(".jp-Notebook")).to_be_visible()
    expect(page.locator(".dockbook-start")).to_have_count(0)
    page.close()


def test_the_page_says_when_it_cannot_be_told(page: Page) -> None:
    page.route(
        "**/dockbook/start*", lambda route: route.fulfill(status=503, json={"message": "<b>No</b> course."})
    )
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".dockbook-bad[role=status]")).to_have_text(
        "Your progress could not be read: <b>No</b> course."
    )
    expect(page.locator(".dockbook-chapter")).to_have_count(len(COURSE.written))
    page.unroute("**/dockbook/start*")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".dockbook-bad[role=status]")).to_be_hidden()
