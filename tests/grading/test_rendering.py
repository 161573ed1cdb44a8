"""What takes too long to draw is shown as plain text, and costs nobody else's page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.expect.finding import Finding, Outcome
from grader.grading import rendering, safe_markdown
from grader.grading.feedback import title_of
from tests.unit.grading.test_feedback import page, verdict_cell

SLOW = "\\\\(" * 100_000
"""Mathematics that begin and do not end: for each, its end is looked for to the end of the text."""


@pytest.fixture
def short(monkeypatch):
    """As if it had taken its whole time."""
    monkeypatch.setattr(rendering, "CELL_S", 0.7)
    monkeypatch.setattr(rendering, "SHARE_S", 2)


def test_what_takes_its_time_is_plain_text_and_the_next_is_drawn(short):
    context: Any = {"cell": {}, "resources": {}}
    html = safe_markdown.markdown(context, SLOW + "<script>alert(1)</script>")
    assert rendering.TOO_LONG in html
    assert "&lt;script&gt;" in html and "<script" not in html
    assert "<strong>b</strong>" in safe_markdown.markdown(context, "**b**")


def test_all_of_a_page_together_have_their_time(short, monkeypatch):
    asked: list[str] = []
    ask = rendering.Renderer.ask

    def count(*given):
        asked.append("once more")
        return ask(*given)

    monkeypatch.setattr(rendering.Renderer, "ask", count)
    context: Any = {"cell": {}, "resources": {}}
    for _ in range(20):
        assert rendering.TOO_LONG in safe_markdown.markdown(context, SLOW)
    assert 2 <= len(asked) <= 4
    another: Any = {"cell": {}, "resources": {}}
    assert "<strong>" in safe_markdown.markdown(another, "**b**")


def test_a_library_that_fails_costs_one_drawing():
    assert "<pre>" in rendering.markdown("![x](attachment:a)", {"a": 5}, {})
    assert "<strong>b</strong>" in rendering.markdown("**b**", {}, {})


def test_a_page_that_takes_too_long_is_plain_and_has_every_finding(monkeypatch):
    monkeypatch.setattr(rendering, "PAGE_S", 4)
    failed = Outcome.failed(Finding("the sum", "value", "42", "41", "Add again."))
    soup = page(new_markdown_cell(SLOW), verdict_cell(failed, 0))
    assert "shown as plain text" in soup.text
    assert "Add again." in soup.text
    assert "2 of 5.5 points" in soup.text


def test_code_and_colours_without_end_are_shown_and_most_as_typed():
    """Each of a thousand names is a piece of HTML of its own, and so is each colour of a terminal."""
    names, colours = "a." * 24_000, "\x1b[31mx" * 9000
    cells = [new_code_cell(names, outputs=[new_output("stream", text=colours)]) for _ in range(10)]
    soup = page(new_code_cell("honest = 1"), *cells, verdict_cell(Outcome.passed(), 2))
    assert "shown as plain text" not in soup.text
    assert soup.text.count(names) == 10
    assert soup.text.count("x" * 9000) == 10
    assert "honest" in [one.text for one in soup.select("span.n")]
    assert len(str(soup)) < 2 * safe_markdown.PAGE_CHARS


def test_when_nothing_can_be_drawn_the_points_and_findings_are_there(monkeypatch):
    monkeypatch.setattr(rendering, "page", lambda *_: None)
    soup = page(verdict_cell(Outcome.failed(Finding("<b>it</b>", "value", "42", "41", "Add again.")), 0))
    assert "Add again." in soup.text and "sum: not yet, 0 of 2 points" in soup.text
    assert not soup.find_all("b")


def test_a_heading_of_blanks_is_found_in_no_time():
    notebook = new_notebook(cells=[new_markdown_cell("# a" + " " * 200_000 + "b")])
    started = time.process_time()
    assert title_of(notebook, {}).startswith("a")
    assert time.process_time() - started < 1


def test_no_file_beside_a_submission_is_imported(tmp_path, monkeypatch):
    for name in ("bleach.py", "nbconvert.py", "json.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    renderer = rendering.Renderer()
    try:
        asked = {"what": "markdown", "source": "**b**", "attachments": {}}
        assert "<strong>" in str(renderer.ask(asked, 20)[0])
    finally:
        renderer.close()


def test_its_memory_is_bounded():
    renderer = rendering.Renderer()
    try:
        renderer.ask({"what": "markdown", "source": "x", "attachments": {}}, 20)
        assert renderer._process is not None
        limits = Path(f"/proc/{renderer._process.pid}/limits").read_text()
        assert f"Max address space         {rendering.MEMORY_BYTES}" in limits
        assert "Max cpu time              unlimited" not in limits
    finally:
        renderer.close()
