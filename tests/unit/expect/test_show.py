"""An outcome as text, as HTML and as an exception."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from grader.expect import CheckFailed, Finding, Outcome, Verdict, as_html, as_text

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY_TEXT | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "</code></li>"]))
def test_nothing_said_becomes_html(text: str) -> None:
    finding = Finding(text, text, text, text, text)
    page = _Tags()
    page.feed(as_html(text, Outcome.failed(finding)))
    page.close()
    assert set(page.tags) <= {"div", "b", "ul", "li", "code", "br"}
    assert page.tags.count("li") == 1
    assert page.attributes == {"style"}
    assert finding.found in page.text


def test_a_pass_is_one_line_in_text_and_html() -> None:
    shown = Verdict("greeter", Outcome.passed())
    assert repr(shown) == "greeter: passed"
    html = shown._repr_html_()
    assert "<b>greeter</b>: passed" in html
    assert "\n" not in html
    assert "script" not in html


def test_findings_are_told_with_what_to_try() -> None:
    outcome = Outcome.failed(Finding("container web", "exit code", "0", "127", "Look for a typing mistake."))
    assert as_text("web", outcome) == (
        "web: not yet. 1 thing to fix:\n"
        "  - container web: exit code\n"
        "      expected: 0\n"
        "      found:    127\n"
        "      Look for a typing mistake."
    )
    assert as_text("web", Outcome.not_reached("needs 'a' first")) == "web: not reached: needs 'a' first"


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_line_is_longer_than_nbgrader_shows(prop: str, found: str, hint: str) -> None:
    lines = as_text("web", Outcome.failed(Finding("web", prop, found, found, hint))).split("\n")
    assert max(map(len, lines)) < 80
    assert all(line.isprintable() for line in lines)


def test_a_failed_check_is_words_everywhere() -> None:
    failed = CheckFailed("web", Outcome.failed(Finding("a", "b", "c", "d")))
    assert isinstance(failed, AssertionError)
    assert str(failed) == "web: not yet. 1 thing to fix:\n  - a: b\n      expected: c\n      found:    d"
    assert failed._render_traceback_() == str(failed).splitlines()
    assert pickle.loads(pickle.dumps(failed)).outcome == failed.outcome
