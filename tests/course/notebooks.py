"""The course's notebooks, for tests that read them: cells by kind, headings, pictures, what outputs show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from grader.course import Chapter, Course

COURSE = Course.read(Path(__file__).parents[2] / "course")
FIRST_CELL = "%load_ext grader\nimport docker\nclient = docker.from_env()"
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<to>[^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<to>[^)\s]*)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def code(chapter: Chapter) -> list[NotebookNode]:
    return [cell for cell in chapter.source.cells if cell.cell_type == "code"]


def prose(chapter: Chapter) -> list[str]:
    return [cell.source for cell in chapter.source.cells if cell.cell_type == "markdown"]


def headings(chapter: Chapter, level: int) -> list[str]:
    text = "\n".join(FENCE.sub("", cell) for cell in prose(chapter))
    return re.findall(rf"(?m)^#{{{level}}} (.+)$", text)


def gaps(chapter: Chapter) -> list[tuple[str, int]]:
    """Before each cell to run, the words to read since the last one; what is folded is not counted."""
    found, words = [], 0
    for cell in chapter.source.cells:
        if cell.cell_type == "code":
            found.append((str(cell.id), words))
            words = 0
            continue
        text = re.sub(r"(?s)<details>.*?</details>", "", FENCE.sub("", cell.source))
        words += len(LINK.sub(r"\g<text>", PICTURE.sub("", text)).split())
    return found


def pictures(chapter: Chapter) -> list[tuple[str, str]]:
    return [(found["alt"], found["to"]) for text in prose(chapter) for found in PICTURE.finditer(text)]


def texts_of(output: Any) -> list[str]:
    """All strings that an output shows."""
    if isinstance(output, str):
        return [output]
    if isinstance(output, dict):
        return [text for value in output.values() for text in texts_of(value)]
    if isinstance(output, list):
        return [text for value in output for text in texts_of(value)]
    return []
