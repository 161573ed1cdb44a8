"""What a student says (``answer = 42``) as plain data, on its way from their kernel to the check."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grader.expect.words import visible

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_CHARS = 64 * 1024
"""Characters of one answer as JSON."""
_MAX_DEPTH = 20


@dataclass(frozen=True)
class Said:
    """An answer: ``given``, with its value; or ``missing``, ``odd`` (see ``why``), ``unavailable`` here."""

    state: Literal["given", "missing", "odd", "unavailable"]
    value: Json = None
    why: str = ""

    def to_text(self) -> str:
        """For the way out of a kernel: one JSON object."""
        return json.dumps({"state": self.state, "value": self.value, "why": self.why})

    @classmethod
    def from_text(cls, text: str) -> Said:
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


def say(name: str, namespace: Mapping[str, object]) -> Said:
    """What the variable ``name`` holds, as plain data."""
    if name not in namespace:
        return Said("missing")
    return plain(namespace[name])


def plain(value: object) -> Said:
    """A value as plain data: exact types only, so that no object brings its own idea of equality along."""
    try:
        kept = _plain(value, 0)
        text = json.dumps(kept)
    except _NotPlain as odd:
        return Said("odd", why=str(odd))
    except (ValueError, RecursionError):  # an integer of more digits than Python will write
        return Said("odd", why="something too long to be read")
    if len(text) > MAX_CHARS:
        return Said("odd", why=f"something of more than {MAX_CHARS} characters")
    return Said("given", kept)


class _NotPlain(Exception):
    pass


def _plain(value: object, depth: int) -> Json:
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is str:
        return value  # type: ignore[return-value]  # the exact types are JSON's
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise _NotPlain(f"{value}, which compares with nothing")
        return value  # type: ignore[return-value]
    if depth >= _MAX_DEPTH:
        raise _NotPlain("something nested too deeply")
    if kind is list:
        items: list[object] = value  # type: ignore[assignment]
        return [_plain(item, depth + 1) for item in items[: MAX_CHARS + 1]]
    if kind is dict:
        table: dict[object, object] = value  # type: ignore[assignment]
        if any(type(key) is not str for key in table):
            raise _NotPlain("a dict whose keys are not all text")
        return {str(key): _plain(item, depth + 1) for key, item in table.items()}
    # Past whatever the class, or its metaclass, says about its name.
    name = visible(str(type.__dict__["__name__"].__get__(kind)), 40)
    raise _NotPlain(f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}")


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
