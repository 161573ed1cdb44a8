"""Single changes of a cell's lines for the shell: ``!docker run -d --name web busybox sleep 1000``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.course.text_operators import Edit, other_image

_OPTION = re.compile(r" --(name|network|network-alias|publish|env|volume) (\S+)")
_KINDS = {"publish": "ports", "env": "environment", "network-alias": "network"}
_RUN = re.compile(r"docker run(?: -d)?(?: --[a-z-]+ \S+)* (?P<image>[a-z][\w./:-]*)(?P<command> .*)?\Z")


def edits(source: str, first: int, last: int) -> Iterator[Edit]:
    """For each line of the cell that begins with ``!``."""
    at = 0
    for number, line in enumerate(source.splitlines(keepends=True)):
        if line.startswith("!") and first <= number <= last:
            yield from _line(line.rstrip("\n"), at)
        at += len(line)


def _line(line: str, at: int) -> Iterator[Edit]:
    yield Edit(at, at + len(line), "pass", "statement")
    for option in _OPTION.finditer(line):
        kind = _KINDS.get(option.group(1), option.group(1))
        yield Edit(at + option.start(), at + option.end(), "", kind)
        yield Edit(at + option.end(), at + option.end(), "s", kind)
    found = _RUN.search(line)
    if found is None:
        return
    start = line.index("docker run")
    detached = "docker run -d" if "docker run -d " in line else "docker run"
    yield Edit(at + start, at + start + len(detached), "docker create", "running")
    image = found.group("image")
    yield Edit(at + found.start("image"), at + found.end("image"), other_image(image), "image")
    if found.group("command"):
        command = found.start("command"), found.end("command")
        yield Edit(at + command[0], at + command[1], "", "command")
        words = found.group("command").split()
        yield Edit(at + command[1] - len(words[-1]), at + command[1], words[-1][::-1] + "1", "command")
