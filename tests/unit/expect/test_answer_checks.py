"""A student's answers, right and wrong, of every type."""

from __future__ import annotations

import http
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import pytest
from IPython.utils.text import LSString, SList

from grader.expect import Answer, Outcome
from tests.unit.inspectors import FakeInspector, ask, container, only_finding


class Always:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Raises:
    def __index__(self) -> int:
        raise RuntimeError("not here")

    def __fspath__(self) -> str:
        raise RuntimeError("nor there")


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        (42, lambda a: a.equals(42)),
        (42.0, lambda a: a.equals(42)),
        (" Hello\n", lambda a: a.equals("Hello")),
        (["a", 1], lambda a: a.equals(["a", 1]).has_items(1, "a")),
        ("b", lambda a: a.is_one_of("a", "b")),
        ("Hello world", lambda a: a.contains("world")),
        (["a", "b"], lambda a: a.contains("b")),
        (3.14, lambda a: a.is_close(3.1416, 0.01)),
        ("web", lambda a: a.container().is_running()),
        (False, lambda a: a.equals(False)),
        (SList(["a", "b"]), lambda a: a.equals(["a", "b"])),
        ([SList(["a"]), ("b",)], lambda a: a.equals([["a"], ["b"]])),
        (("a", 1), lambda a: a.equals(["a", 1]).has_items(1, "a").contains("a")),
        ({"a": 1}.keys(), lambda a: a.equals(["a"])),
        (range(2), lambda a: a.equals([0, 1])),
        (deque("ab"), lambda a: a.equals(["a", "b"])),
        (PurePosixPath("/vault/7"), lambda a: a.equals("/vault/7")),
        (LSString("web"), lambda a: a.equals("web").container()),
        (OrderedDict(a=(1,)), lambda a: a.equals({"a": [1]})),
        (http.HTTPStatus.CONFLICT, lambda a: a.equals(409).is_close(409, 0)),
        ("a", lambda a: a.equals("a", exact=True)),
        ("busybox:latest", lambda a: a.names_image("busybox")),
        ("docker.io/library/busybox:latest", lambda a: a.names_image("busybox:latest")),
        ("index.docker.io/busybox:latest", lambda a: a.names_image("busybox")),
        ("library/busybox", lambda a: a.names_image("busybox", tag=False)),
    ],
)
def test_right_answers(answer: object, question: Callable[[Any], object]) -> None:
    inspector = FakeInspector(container(), variables={"x": answer})
    assert ask(inspector, lambda e: question(e.answer("x"))) == Outcome.passed()


@pytest.mark.parametrize(
    ("answer", "question", "words"),
    [
        (True, lambda a: a.equals(1), "found true"),
        ("4242", lambda a: a.equals(4242), "should be a number, not text"),
        (Always(), lambda a: a.equals(4242), "found an Always"),
        ([Always()], lambda a: a.equals([4242]), "found an Always"),
        (float("nan"), lambda a: a.equals(4242), "found nan"),
        (b"4242", lambda a: a.equals("4242"), "`.decode()`"),
        (None, lambda a: a.equals(4242), "in place of None"),
        ("x", lambda a: a.is_one_of("a", 4242), "found 'x'"),
        (["a", "a"], lambda a: a.has_items("a", 4242), 'found ["a", "a"]'),
        (["a", "b", "c"], lambda a: a.has_items("a", "b"), "found"),
        ("ab", lambda a: a.has_items("a"), "should be a list, not text"),
        (3, lambda a: a.contains("4242"), "should be text"),
        ("abc", lambda a: a.contains("4242"), "found 'abc'"),
        (4243, lambda a: a.is_close(4242, 0.5), "found 4243"),
        (10**400, lambda a: a.is_close(4242, 0.5), "found 1000"),
        (True, lambda a: a.is_close(1, 1), "should be a number"),
        ("db", lambda a: a.container(), "Containers here: 'web'"),
        ("4242\n", lambda a: a.equals("4242", exact=True), "`.strip()` removes"),
        (["4242\n"], lambda a: a.equals(["4242"]), "`.strip()` removes"),
        (SList(["b"]), lambda a: a.equals("a 4242"), "text, not a list. `name = !command`"),
        (["b"], lambda a: a.equals(4242), "a number, not a list"),
        ("no", lambda a: a.equals(False), "should be true or false, not text"),
        ({1, 2}, lambda a: a.equals([1, 4242]), "found a set. A set has no order"),
        (map(str, (1, 2)), lambda a: a.equals(["4242"]), "`list(...)` keeps them"),
        (Raises(), lambda a: a.equals(4242), "found a Raises"),
        ("busybox", lambda a: a.names_image("busybox:4242"), "found 'busybox'"),
        ("busybox", lambda a: a.names_image("busybox"), "A full name has a tag"),
        ("busybox:1", lambda a: a.names_image("busybox"), "found 'busybox:1'"),
        ("Busybox:latest", lambda a: a.names_image("busybox"), "found 'Busybox:latest'"),
        (7, lambda a: a.names_image("busybox"), "text, not a number"),
    ],
)
def test_wrong_answers_do_not_tell_the_right_one(
    answer: object, question: Callable[[Any], object], words: str
) -> None:
    inspector = FakeInspector(container(), variables={"x": answer})
    told = only_finding(inspector, lambda e: question(e.answer("x")))
    assert words in told
    assert "4242" not in told or "4242" in str(answer)


def test_a_right_answer_is_told_where_the_course_says_so() -> None:
    inspector = FakeInspector(variables={"x": 1})
    assert "expected 42" in only_finding(inspector, lambda e: e.answer("x").equals(42, reveal=True))
    assert "expected" not in only_finding(inspector, lambda e: e.answer("x").equals(42))


def test_an_answer_that_cannot_be_known_here_is_not_reached() -> None:
    class Outside(FakeInspector):
        def answer(self, name: str) -> Answer:
            return Answer("unavailable")

    outcome = ask(Outside(container()), lambda e: e.answer("x").equals(1))
    assert outcome == Outcome.not_reached("asks for 'x': run the check in the notebook")
    # What can be seen without it still counts.
    failed = ask(Outside(container()), lambda e: (e.container("web").is_stopped(), e.answer("x")))
    assert failed.status == "failed"
