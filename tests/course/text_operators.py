"""Single changes inside a text: a script of the shell, a Dockerfile, the name of an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INSTRUCTION = re.compile(r"(FROM|RUN|COPY|CMD|ENTRYPOINT|LABEL|EXPOSE|ENV|WORKDIR|USER|VOLUME)\b")
_PART = re.compile(r"\s*(?:;|&&|\\n)\s*")
_WORD = re.compile(r"[A-Za-z0-9./-]*[A-Za-z0-9]")
_ASIDE = ("while", "do", "done", "for", "if", "then", "fi", "true")
_OTHER_IMAGE = {"busybox": "debian:trixie", "training/webapp": "httpd"}


@dataclass(frozen=True)
class Edit:
    """``new`` instead of the text from ``at`` to ``until``; ``kind`` is what it changes, in a word."""

    at: int
    until: int
    new: str
    kind: str


def other_image(name: str) -> str:
    """An image of the course that is not this one."""
    return _OTHER_IMAGE.get(name, "busybox")


def is_dockerfile(text: str) -> bool:
    """Whether a text begins as an instruction of a Dockerfile does."""
    return _INSTRUCTION.match(text.lstrip("fb'\"")) is not None


def in_script(text: str, at: int, kind: str) -> Iterator[Edit]:
    """``text``, a literal at ``at``: each part of it left out, the last word of each part another."""
    begin, end = _inside(text)
    parts = list(_between(text, begin, end, _PART))
    for number, (start, stop) in enumerate(parts):
        yield from _word(text, at, start, stop, kind)
        if len(parts) > 1:
            # With the separator behind it, or the one before when it is the last.
            last = number == len(parts) - 1
            first, behind = (parts[number - 1][1], stop) if last else (start, parts[number + 1][0])
            if text[start:stop].split(maxsplit=1)[0] not in _ASIDE:
                yield Edit(at + first, at + behind, "", kind)


def in_dockerfile(text: str, at: int) -> Iterator[Edit]:
    """Each instruction left out; its last word another, or its base; each step of a RUN left out."""
    begin, end = _inside(text)
    lines = [place for place in _between(text, begin, end, re.compile(r"\\n")) if place[0] < place[1]]
    for start, stop in lines:
        line = text[start:stop]
        base = re.match(r"FROM (\S+)", line)
        if len(lines) > 1:
            behind = stop + (2 if text[stop : stop + 2] == "\\n" else 0)
            yield Edit(at + start, at + behind, "", "dockerfile")
        if base:
            yield Edit(at + start + 5, at + start + base.end(), other_image(base.group(1)), "dockerfile")
        elif line.startswith("RUN ") and " && " in line:
            yield from _steps(text, at, start + 4, stop)
        else:
            yield from _word(text, at, start, stop, "dockerfile")


def _steps(text: str, at: int, start: int, stop: int) -> Iterator[Edit]:
    """The steps of one RUN."""
    yield from in_script(f'"{text[start:stop]}"', at + start - 1, "dockerfile")


def _inside(text: str) -> tuple[int, int]:
    """Where the text between a literal's quotes begins and ends."""
    quotes = re.match(r"[fbr]*('''|\"\"\"|'|\")", text)
    assert quotes is not None, text
    return quotes.end(), len(text) - len(quotes.group(1))


def _between(text: str, begin: int, end: int, separator: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The stretches between separators, none of them empty."""
    start = begin
    for found in separator.finditer(text, begin, end):
        if start < found.start():
            yield start, found.start()
        start = found.end()
    if start < end:
        yield start, end


def _word(text: str, at: int, start: int, stop: int, kind: str) -> Iterator[Edit]:
    """The last word of a stretch, changed: a number is one more, a value that is filled in is another."""
    filled = list(re.finditer(r"\{[^{}]+\}", text[start:stop]))
    words = [word for word in _WORD.finditer(text, start, stop) if word.group() not in _ASIDE]
    if filled:
        place = filled[-1]
        whole = place.group() == text[start:stop]
        new = "" if whole else "another"
        yield Edit(at + start + place.start(), at + start + place.end(), new, kind)
    elif words:
        word = words[-1]
        text_of = word.group()
        new = str(int(text_of) + 1) if text_of.isdigit() else _near(text_of)
        yield Edit(at + word.start(), at + word.end(), new, kind)


def _near(word: str) -> str:
    """Another word of the same length: the last letter is the next one."""
    last = word[-1]
    return word[:-1] + ("a" if last in "zZ" else "0" if last == "9" else chr(ord(last) + 1))
