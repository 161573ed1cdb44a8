"""Every text that a person reads is plain English: none of the phrases that ``tests/words.toml`` lists."""

from __future__ import annotations

import json
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTED = tomllib.loads((ROOT / "tests" / "words.toml").read_text(encoding="utf-8"))
CHAPTERS = "course/"


def patterns(words: dict[str, str]) -> dict[str, tuple[re.Pattern[str], str]]:
    """Each phrase with what finds it, in whole words, and the better one."""
    found = {}
    for phrase, better in words.items():
        spaced = phrase.replace(" ", r"\s+")
        found[phrase] = re.compile(rf"(?<![\w-])(?:{spaced})(?![\w-])", re.IGNORECASE), better
    return found


EVERYWHERE = patterns(LISTED["words"])
ELSEWHERE = EVERYWHERE | patterns(LISTED["outside-chapters"])
EXCEPTIONS: dict[str, dict[str, str]] = LISTED["exceptions"]
FOLDERS = ("grader", "docs", "course", "binder", ".github", ".ci", ".devcontainer")
FILES = ("dockbook", "dockbook_entry.py", "*.md", "pyproject.toml")
"""What a person reads, as patterns for git; tests are for those who write them."""
INSIDE = ("grader/engine/image/recipe.py", "grader/engine/image/files/")
"""What goes into the engine image keeps its words: others would be another image, built by every user."""


def read_by_people() -> list[str]:
    """Tracked text files, without stored pictures."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *FOLDERS, *FILES],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [name for name in listed if name and not name.endswith((".svg", ".png", "words.txt"))]


def texts(name: str, content: str) -> Iterator[tuple[int, str]]:
    """The parts of a file that a person reads, each with the number of its first line."""
    if name.endswith(".ipynb"):
        for number, cell in enumerate(json.loads(content)["cells"], 1):
            source = "".join(cell["source"])
            yield number, source if cell["cell_type"] == "markdown" else "\n".join(re.findall("# .*", source))
    elif name.endswith(".py"):
        yield from code_texts(content)
    else:
        yield 1, content


def code_texts(content: str) -> Iterator[tuple[int, str]]:
    """Strings, and comments: those of successive lines together."""
    first, comment = 0, ""
    for part in tokenize.generate_tokens(StringIO(content).readline):
        if part.type == tokenize.COMMENT and part.start[0] == first + comment.count("\n") + 1 and comment:
            comment += f"\n{part.string.lstrip('# ')}"
        elif part.type == tokenize.COMMENT:
            yield first, comment
            first, comment = part.start[0], part.string.lstrip("# ")
        elif part.type in (tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            yield part.start[0], part.string
    yield first, comment


def found(name: str, content: str) -> Iterator[str]:
    """A line for each phrase: where it is, what it is, what to write instead."""
    if name.startswith(INSIDE):
        return
    listed = EVERYWHERE if name.startswith(CHAPTERS) else ELSEWHERE
    if not name.endswith(".ipynb"):  # most files have none, and need not be taken apart
        joined = re.sub(r"\n[ \t]*#[ \t]*", "\n", content)
        listed = {phrase: pair for phrase, pair in listed.items() if pair[0].search(joined)}
    if not listed:
        return
    for first, text in texts(name, content):
        for phrase, (pattern, better) in listed.items():
            for match in pattern.finditer(text) if name not in EXCEPTIONS.get(phrase, {}) else ():
                line = first if name.endswith(".ipynb") else first + text.count("\n", 0, match.start())
                place = f"cell {line}" if name.endswith(".ipynb") else line
                yield f"{name}:{place}: {' '.join(match[0].split())!r}: write {better}"


def test_no_text_has_an_odd_word() -> None:
    lines = [
        line for name in read_by_people() for line in found(name, (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not lines, "\n".join(["", *lines])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.md", "One line.\nThe folder can\nbe had.\n", "a.md:2: 'can be had': write is available"),
        ("a.py", '"""A docstring."""\n# built anew\n', "a.py:2: 'anew': write again, or new"),
        ("a.py", "x = 1\n# The folder is no\n# file.\n", "a.py:2: 'is no file': write is not a ..."),
        ("a.py", 'say(f"{path} is no file")\n', "a.py:1: 'is no file': write is not a ..."),
        ("a.js", "// Whoever asks waits.\n", "a.js:1: 'Whoever': write name the process or the person"),
    ],
)
def test_it_names_the_place_the_phrase_and_the_better_word(name: str, content: str, said: str) -> None:
    assert list(found(name, content)) == [said]


def test_it_reads_a_notebooks_prose_and_comments_but_not_its_code() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["It is built ", "anew.\n"]},
        {"cell_type": "code", "source": ["anew = 1  # not anew\n"], "outputs": [{"text": ["anew"]}]},
    ]
    lines = list(found("a.ipynb", json.dumps({"cells": cells})))
    assert [line.partition(": ")[0] for line in lines] == ["a.ipynb:cell 1", "a.ipynb:cell 2"]


def test_a_names_part_is_not_a_word() -> None:
    assert not list(found("a.py", '"""Recommended; course; hand-inspected; fresh-anew."""\noven = 1\n'))


def test_a_chapter_may_tell_of_people() -> None:
    assert not list(found("course/a.md", "Nobody has published a port."))


def test_every_exception_is_needed() -> None:
    for phrase, files in EXCEPTIONS.items():
        for name in files:
            content = (ROOT / name).read_text(encoding="utf-8")
            assert any(ELSEWHERE[phrase][0].search(text) for _, text in texts(name, content)), (phrase, name)
