"""A student's values as plain data: compared as JSON is, without running what they bring."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.expect import Answer, plain, same, say
from grader.expect.answer_data import MAX_CHARS

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


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
