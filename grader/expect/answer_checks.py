"""Questions about the student's answers: ``answer = 42``."""

from __future__ import annotations

import math
from typing import Self

from grader.expect.answer_data import Answer, Json, plain, same
from grader.expect.check_context import CheckContext, EndOfBlock
from grader.expect.container import ContainerSubject
from grader.expect.words import either, listing, quote
from grader.state import Reference, familiar

_WRONG = "Look again at what the question asks, and at the output above."


class AnswerSubject:
    """``engine.answer("name")``. The expected value stays out of the findings unless ``reveal``."""

    def __init__(self, context: CheckContext, name: str, said: Answer) -> None:
        self.context = context
        self.what = f"answer {name}"
        self.name = name
        if said.state == "unavailable":
            context.unknowable.append(name)
            raise EndOfBlock
        if said.state == "missing":
            context.end(self.what, "value", "", "none", f"Assign it in the cell above: `{name} = ...`.")
        if said.state == "odd":
            context.end(self.what, "value", "plain data", said.why, _odd_hint(said.why))
        self.value: Json = said.value
        if said.value is None:
            context.end(self.what, "value", "", "None", "Put your answer there in place of None.")

    def _differs(self, expected: str, hint: str = _WRONG) -> Self:
        self.context.find(self.what, "value", expected, quote(self.value), hint)
        return self

    def equals(self, value: Json, *, reveal: bool = False, exact: bool = False) -> Self:
        """The same data; True is not 1. Text may have blanks or a line's end around it, unless ``exact``.

        Example: ``engine.answer("exit_code").equals(4)``
        """
        said = self.value
        if isinstance(said, str) and isinstance(value, str):
            if said.strip() == value.strip() and (not exact or said == value):
                return self
            if said.strip() == value.strip():
                hint = "Nearly: there is an extra space or newline at one end; `.strip()` removes it."
                return self._differs(quote(value) if reveal else "", hint)
        elif same(said, plain(value).value):
            return self
        return self._differs(quote(value) if reveal else "", self._kind_hint(value))

    def _kind_hint(self, value: Json) -> str:
        """What to do when the answer has the wrong type, or differs only a little."""
        said = self.value
        if isinstance(said, list) and isinstance(value, list):
            trimmed = [item.strip() if isinstance(item, str) else item for item in said]
            if same(trimmed, plain(value).value):
                return "Nearly: there are extra spaces or newlines around its texts; `.strip()` removes them."
            return _WRONG
        if _kind(said) == _kind(value):
            return _WRONG
        if str(said) == str(value):
            return f"The value is right, its type is not: it should be {_kind(value)}, not {_kind(said)}."
        hint = f"It should be {_kind(value)}, not {_kind(said)}."
        if isinstance(said, list):
            hint += " `name = !command` keeps a list of lines: `name[0]` is the first."
        return hint

    def is_one_of(self, *values: Json, reveal: bool = False) -> Self:
        """Equals one of these.

        Example: ``engine.answer("signal").is_one_of("SIGTERM", "TERM", 15)``
        """
        strip = self.value.strip() if isinstance(self.value, str) else self.value
        if any(same(strip, plain(value).value) for value in values):
            return self
        return self._differs(either(list(map(quote, values))) if reveal else "")

    def names_image(self, ref: str, *, tag: bool = True, reveal: bool = False) -> Self:
        """Names this image, in any form that Docker takes. ``tag``: with its tag written out.

        Example: ``engine.answer("full_name").names_image("hello-world:latest")``
        """
        said = self.value
        if not isinstance(said, str):
            return self._differs(quote(ref) if reveal else "", self._kind_hint(ref))
        named, expected = Reference.parse(said), quote(ref) if reveal else ""
        if named is None or named.tagged != familiar(ref):
            return self._differs(expected)
        if tag and not named.tag:
            hint = "A full name has a tag: write the one that Docker uses when none is given."
            return self._differs(expected, hint)
        return self

    def contains(self, text: str, *, reveal: bool = False) -> Self:
        """Text with this in it, or a list with it as an item.

        Example: ``engine.answer("line").contains("Linux version")``
        """
        said = self.value
        if (isinstance(said, str) and text in said) or (isinstance(said, list) and text in said):
            return self
        hint = _WRONG if isinstance(said, (str, list)) else f"It should be text, not {_kind(said)}."
        return self._differs(quote(text) if reveal else "", hint)

    def has_items(self, *values: Json, reveal: bool = False) -> Self:
        """A list of exactly these, in any order.

        Example: ``engine.answer("names").has_items("books", "reader")``
        """
        said = self.value
        if not isinstance(said, list):
            return self._differs("", f"It should be a list, not {_kind(said)}.")
        left = list(said)
        for value in values:
            match = next((item for item in left if same(item, plain(value).value)), _NONE)
            if match is _NONE:
                return self._differs(quote(list(values)) if reveal else "", _WRONG)
            left.remove(match)  # type: ignore[arg-type]  # not the sentinel
        return self if not left else self._differs(quote(list(values)) if reveal else "", _WRONG)

    def is_close(self, value: float, tolerance: float, *, reveal: bool = False) -> Self:
        """A number within ``tolerance`` of ``value`` (the same unit).

        Example: ``engine.answer("megabytes").is_close(124, tolerance=5)``
        """
        said = self.value
        if isinstance(said, bool) or not isinstance(said, (int, float)):
            return self._differs("", f"It should be a number, not {_kind(said)}.")
        try:
            near = math.fabs(said - value) <= tolerance
        except OverflowError:  # an integer beyond what a float holds
            near = False
        return self if near else self._differs(f"about {value:g}" if reveal else "")

    def names(self, box: ContainerSubject) -> Self:
        """The name of a container, or its id, short or full.

        Example: ``engine.answer("culprit").names(engine.container("grumble"))``
        """
        said = self.value
        if isinstance(said, str):
            found = self.context.snapshot.container(said.strip())
            if found is not None and found.id == box.id:
                return self
        return self._differs("", "Give the container's name, or its id of 12 digits or more.")

    def container(self) -> ContainerSubject:
        """The container that the answer names; without one the block ends.

        Example: ``engine.answer("culprit").container().exited(4)``
        """
        said = self.value
        found = self.context.snapshot.container(said.strip()) if isinstance(said, str) else None
        if found is None:
            names = listing(box.name for box in self.context.snapshot.containers)
            hint = f"Give a container's name, or its id of 12 digits or more. Containers here: {names}."
            self.context.end(self.what, "value", "a container of this engine", quote(said), hint)
        return ContainerSubject(self.context, found)


_NONE = object()


def _kind(value: object) -> str:
    """In words, so that numbers are one kind."""
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "nothing")


def _odd_hint(why: str) -> str:
    if "bytes" in why:
        return "Bytes become text with `.decode()`."
    if "Container" in why or "Image" in why:
        return "Give its name or id: `.name`, `.id`."
    if why in ("a set", "a frozenset"):
        return "A set has no order: make a list of it, as with `sorted(...)`."
    if why in ("a map", "a filter", "a zip", "a generator", "a reversed"):
        return "It yields its items only once: `list(...)` keeps them."
    return "Use a number, text, True or False, or a list or dict of these."
