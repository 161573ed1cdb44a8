"""Findings, hostile strings, answers and comparisons: everything that needs no engine and no block."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.expect import Answer, CheckFailed, Finding, Outcome, Verdict, as_html, as_text, plain, same, say
from grader.expect.answer_data import MAX_CHARS
from grader.expect.finding import MAX_WORDS
from grader.expect.words import closest, command, exit_code, listing, misspelt, quote, visible

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


# Hostile strings


@given(ANY_TEXT, st.integers(20, 200))
def test_whatever_is_said_becomes_one_short_printable_line(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert visible(shown, limit) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines", r"two\nlines"),
        ("\u202eback", r"\u202eback"),
        ("\udcff", r"\udcff"),
        ("naïve 你好", "naïve 你好"),
        ("a" * 130, "a" * 109 + "… (10 more)"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_a_finding_is_printable_and_bounded_whoever_makes_it(subject: str, found: str, hint: str) -> None:
    finding = Finding(subject, "property", "", found, hint)
    assert str(finding).isprintable()
    assert all(len(value) <= MAX_WORDS for value in finding.as_dict().values())
    assert json.loads(json.dumps(finding.as_dict())) == finding.as_dict()


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


# How outcomes look


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


def test_words_for_values() -> None:
    assert quote("it") == "'it'"
    assert quote(True) == "true"
    assert quote(["a", 1]) == '["a", 1]'
    assert quote(object()) == "a object"
    assert command(()) == "no command"
    assert listing([]) == "none"
    assert listing("abc", 2) == "'a', 'b' and 1 more"
    assert exit_code(0) == "0"
    assert exit_code(127).startswith("127 (the command was not found")
    assert exit_code(134) == "134 (ended by signal 6)"
    assert closest("Greetr", ["greeter", "web"]) == "greeter"
    assert closest("x", ["greeter"]) == ""


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("greeter", ["greetr", "web"], "greetr"),
        ("greeter", ["gretere"], "gretere"),
        ("greeter", ["Greeter"], "Greeter"),
        ("greeter", ["greetre"], "greetre"),
        ("salute-anna", ["salute_anna"], "salute_anna"),
        ("salute-anna", ["salute-plain"], ""),
        ("greeting", ["greeter"], ""),
        ("ada", ["bob", "adb"], "adb"),
        ("ada", ["bab"], ""),
        ("web", [], ""),
        ("kiosk", ["kiosk-5000"], ""),
    ],
)
def test_a_misspelt_name_is_no_other_one(name: str, known: list[str], found: str) -> None:
    assert misspelt(name, known) == found


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=4))
def test_any_names_can_be_compared(name: str, known: list[str]) -> None:
    assert misspelt(name, known) in ("", *known)


# Answers


@given(JSON)
def test_plain_data_crosses_unchanged(value: Any) -> None:
    said = Answer.from_text(plain(value).to_text())
    assert said.state == "given"
    assert same(said.value, value)
    assert same(value, said.value)


@given(JSON, JSON)
def test_equality_is_that_of_json(left: Any, right: Any) -> None:
    assert same(left, right) == same(right, left)
    if same(left, right):
        assert left == right


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (None, False, False),
        ("1", 1, False),
        ([1, [2]], [1, [2]], True),
        ([True], [1], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        (math.nan, math.nan, False),
    ],
)
def test_what_is_equal(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal


class Liar:
    """Equal to everything, in every way that Python asks."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int

    def __repr__(self) -> str:
        return "42"


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class LyingText(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Hostile(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name for you")


class Nameless(metaclass=Hostile):
    pass


class LyingList(list[str]):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None

    def __iter__(self) -> Iterator[str]:
        return iter(["forged"])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (LyingInt(1), 1),
        (LyingText("a"), "a"),
        ([1, LyingInt(1)], [1, 1]),
        ({"a": LyingText("a")}, {"a": "a"}),
        ({LyingText("a"): 1}, {"a": 1}),
        (LyingList(["a", "b"]), ["a", "b"]),
        ((1, (2,)), [1, [2]]),
    ],
)
def test_a_subclass_brings_nothing_but_its_value_along(value: object, kept: object) -> None:
    said = plain(value)
    assert said == Answer("given", kept)  # type: ignore[arg-type]
    assert json.loads(said.to_text())["value"] == kept
    assert type(said.value) is type(kept)
    assert all(
        type(item) in (int, str, list) for item in (said.value if isinstance(said.value, list) else ())
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Liar(), "a Liar"),
        ({1: 2}, "keys"),
        (Nameless(), "a Nameless"),
        (b"bytes", "a bytes"),
        ({1}, "a set"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        pytest.param(10**5000, "too long", id="huge"),
        pytest.param("x" * (MAX_CHARS + 1), "characters", id="long"),
        ([[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]], "nested"),
    ],
)
def test_what_is_not_plain_data_is_named_and_never_compared(value: object, why: str) -> None:
    said = plain(value)
    assert said.state == "odd"
    assert why in said.why
    assert said.value is None
    assert Answer.from_text(said.to_text()) == said


def test_a_list_inside_itself_is_not_plain() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert plain(ring).state == "odd"


def test_a_variable_that_is_not_there_is_missing() -> None:
    assert say("answer", {}) == Answer("missing")
    assert say("answer", {"answer": 3}) == Answer("given", 3)
    assert Answer.from_text(Answer("missing").to_text()) == Answer("missing")


@given(ANY_TEXT | JSON.map(json.dumps))
def test_whatever_a_kernel_sends_is_an_answer_or_odd(text: str) -> None:
    assert Answer.from_text(text).state in ("given", "missing", "odd")


@pytest.mark.parametrize(
    "text",
    [
        '{"state": "given", "value": NaN}',
        '{"state": "given", "value": Infinity}',
        '{"state": "given", "value": 1e999}',
        pytest.param('{"state": "given", "value": ' + "9" * 5000 + "}", id="huge"),
        '{"state": "unavailable"}',
        '{"state": "passed"}',
        '"given"',
        pytest.param("[" * 60_000, id="deep"),
        pytest.param("x" * 1_000_000, id="long"),
        "",
    ],
)
def test_a_kernel_that_cheats_in_json_gives_no_answer(text: str) -> None:
    assert Answer.from_text(text).state == "odd"
