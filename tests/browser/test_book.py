"""The reading edition in a real browser: fits a phone, fetches nothing, reads well in light and dark."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from grader.course import Course
from grader.grading.html_export import make_book
from tests.browser.lab import ROOT, chromium

CHAPTERS = [chapter.id for chapter in Course.read(ROOT / "course").written]
PAGES = ["", *CHAPTERS]

# Characters in a line, for each paragraph of some length.
MEASURE = """() => [...document.querySelectorAll('.prose > p')].filter(p => p.innerText.length > 250).map(p =>
{
  const lines = Math.round(p.getBoundingClientRect().height / parseFloat(getComputedStyle(p).lineHeight));
  return p.innerText.length / lines;
})"""

# The least contrast (WCAG 2) of a text with the colour behind it, and which text.
CONTRAST = r"""() => {
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const lum = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const ground = e => parse(getComputedStyle(e).backgroundColor);
  let worst = [99, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest('.anchor-link') || !element.getClientRects().length) continue;
    let behind = element;
    while (behind !== document.body && (ground(behind)[3] ?? 1) === 0) behind = behind.parentElement;
    const a = lum(parse(getComputedStyle(element).color)), b = lum(ground(behind));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst[0]) worst = [ratio, `${element.tagName}.${element.className}: ${text.slice(0, 40)}`];
  }
  return worst;
}"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return make_book(Course.read(ROOT / "course"), tmp_path_factory.mktemp("reading") / "book").parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def open_page(browser: Browser, book, name: str, width: int, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page of a chapter ("": the contents), and what was asked of anybody for it."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((book / name / "index.html").as_uri())
    return page, asked


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_asks_nobody(browser, book, name, width):
    page, asked = open_page(browser, book, name, width)
    for box in page.locator("details").all():
        box.evaluate("box => { box.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).length") == 0
    # What is wide scrolls in its own box: nothing sticks out of one that does not.
    stuck = page.evaluate(
        "[...document.querySelectorAll('main *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".filter(e => !e.closest('pre, .wide, .rich, p:has(> a > img)')).map(e => e.outerHTML.slice(0, 80))"
    )
    assert stuck == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_lines_have_a_good_measure(browser, book, name):
    """45 to 75 characters are called comfortable; which of these a chapter has follows its words."""
    page, _ = open_page(browser, book, name, 1280)
    assert 50 <= statistics.median(page.evaluate(MEASURE)) <= 80
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_text_stands_out_from_what_is_behind_it(browser, book, name, scheme):
    page, _ = open_page(browser, book, name, 1280, scheme)
    for box in page.locator("details").all():
        box.evaluate("box => { box.open = true }")
    ratio, where = page.evaluate(CONTRAST)
    assert ratio >= 4.5, where
    page.close()


def test_one_reads_from_the_contents_through_to_the_end(browser, book):
    page, _ = open_page(browser, book, "", 360)
    page.locator(".chapters a").first.click()
    for name in CHAPTERS:
        assert f"/{name}/" in page.url
        if name != CHAPTERS[-1]:
            page.locator("footer a[rel=next]").click()
    page.get_by_role("link", name="Contents").first.click()
    assert page.locator("h1").inner_text() == "Learn Docker"
    page.locator(".chapters a").nth(2).click()
    page.locator(".sections a").last.click()
    assert page.evaluate("document.querySelector(':target').tagName") == "H2"
    page.close()
