"""Words for what a student sees: hostile strings, values, and names that were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.expect.words import closest, command, either, exit_code, listing, misspelt, quote, visible

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("texts", "words"),
    [([], "nothing"), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")],
)
def test_one_of_several(texts: list[str], words: str) -> None:
    assert either(texts) == words


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
