"""A student's answer (``answer = 42``) as plain data, on its way from their kernel to the check."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from grader.expect.words import visible

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_CHARS = 64 * 1024
"""Characters of one answer as JSON."""
_MAX_DEPTH = 20


@dataclass(frozen=True)
class Answer:
    """An answer: ``given``, with its value; or ``missing``, ``odd`` (see ``why``), ``unavailable`` here."""

    state: Literal["given", "missing", "odd", "unavailable"]
    value: Json = None
    why: str = ""

    def to_text(self) -> str:
        """For the way out of a kernel: one JSON object."""
        return json.dumps({"state": self.state, "value": self.value, "why": self.why})

    @classmethod
    def from_text(cls, text: str) -> Answer:
        """Read what a kernel sent. The kernel is the student's: whatever is not an answer is ``odd``."""
        if len(text) > MAX_CHARS + 1000:
            return cls("odd", why="something too long to be read")
        try:
            sent = json.loads(text, parse_constant=_no_such_number)
        except (ValueError, RecursionError):
            return cls("odd", why="something that cannot be read")
        state = sent.get("state") if isinstance(sent, dict) else None
        if state == "missing":
            return cls("missing")
        if state == "given":
            return plain(sent.get("value"))
        why = sent.get("why") if isinstance(sent, dict) else None
        return cls("odd", why=visible(why) if isinstance(why, str) else "something that cannot be read")


def _no_such_number(name: str) -> float:
    raise ValueError(name)


def say(name: str, namespace: Mapping[str, object]) -> Answer:
    """What the variable ``name`` holds, as plain data."""
    if name not in namespace:
        return Answer("missing")
    return plain(namespace[name])


def plain(value: object) -> Answer:
    """A value as plain data, a copy in JSON's own types: no object brings its own idea of equality along.

    Equivalent data counts as well: a tuple, IPython's list of lines (``x = !command``) and any
    other sequence is a list, a path is its text, a number of a library's own is a number.
    """
    try:
        kept = _plain(value, 0)
        text = json.dumps(kept)
    except _NotPlain as odd:
        return Answer("odd", why=str(odd))
    except (ValueError, RecursionError):  # an integer of more digits than Python will write
        return Answer("odd", why="something too long to be read")
    if len(text) > MAX_CHARS:
        return Answer("odd", why=f"something of more than {MAX_CHARS} characters")
    return Answer("given", kept)


class _NotPlain(Exception):
    pass


_LISTS = (Sequence, KeysView, ValuesView, ItemsView)
_BYTES = (bytes, bytearray, memoryview)  # Python calls them sequences of numbers


def _plain(value: object, depth: int) -> Json:
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]  # JSON's own
    # The classes' own methods, past those of a subclass: the copy is of the exact type.
    if issubclass(kind, str):
        return str.__getitem__(value, slice(None))  # type: ignore[index]  # text
    if issubclass(kind, int):
        return int.__int__(value)  # type: ignore[arg-type]  # a number
    if issubclass(kind, float):
        return _finite(float.__float__(value))  # type: ignore[arg-type]  # a number
    if depth >= _MAX_DEPTH:
        raise _NotPlain("something nested too deeply")
    try:
        return _like_plain(value, kind, depth)
    except (_NotPlain, RecursionError):
        raise
    except Exception as error:
        raise _NotPlain(_article(kind)) from error


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _NotPlain(f"{value}, which compares with nothing")
    return value


def _like_plain(value: Any, kind: type, depth: int) -> Json:
    """Plain data, or an equivalent. Its methods are the student's, and may raise anything."""
    if issubclass(kind, dict):
        items = list(islice(dict.items(value), MAX_CHARS + 1))
        if any(not isinstance(key, str) for key, _ in items):
            raise _NotPlain("a dict whose keys are not all text")
        return {str.__getitem__(key, slice(None)): _plain(item, depth + 1) for key, item in items}
    if issubclass(kind, list):
        return _items(list.__iter__(value), depth)
    if issubclass(kind, _LISTS) and not issubclass(kind, _BYTES):
        return _items(value, depth)
    if issubclass(kind, os.PathLike):
        return _plain(os.fspath(value), depth + 1)
    if hasattr(kind, "__index__"):
        return operator.index(value)
    raise _NotPlain(_article(kind))


def _items(values: Iterable[object], depth: int) -> Json:
    return [_plain(item, depth + 1) for item in islice(values, MAX_CHARS + 1)]


def _article(kind: type) -> str:
    # Past whatever the class, or its metaclass, says about its name.
    name = visible(str(type.__dict__["__name__"].__get__(kind)), 40)
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values: true is not 1, 1 is 1.0, nothing equals a NaN."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return type(left) is type(right) and left == right
