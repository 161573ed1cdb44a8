"""Worked answers, folded under a check that has passed: the task in Python and on the command line.

An author writes them in ``answers.toml``, next to the chapter's notebook: a table for each task with
the texts ``python`` and ``shell``, each the content of a cell. A student's folder has the file under a
hidden name, so that it is not read by accident; the folder of a graded submission has none.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import Any

FILE, HIDDEN = "answers.toml", ".answers.toml"
HANDS = {"python": "In Python", "shell": "On the command line"}
MAX_CHARS = 4000


def read(path: Path) -> dict[str, dict[str, str]]:
    """The answers to each task, by ``python`` and ``shell``; what is not a text is left out.

    Raises OSError and ValueError for a file that cannot be read.
    """
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = {task: table for task, table in found.items() if isinstance(table, dict)}
    return {
        task: {hand: table[hand].strip("\n") for hand in HANDS if isinstance(table.get(hand), str)}
        for task, table in tables.items()
    }


def as_html(task: str, folder: Path | None = None) -> str:
    """A folded block with the task's answers; empty where there are none. Never raises: it is an addition."""
    try:
        answers = read((folder or Path()) / HIDDEN).get(task, {})
    except (OSError, ValueError, RecursionError):
        return ""
    parts = [
        f"<div>{HANDS[hand]}:</div>"
        f'<pre style="margin: 2px 0 6px 12px; white-space: pre-wrap">{escape(text[:MAX_CHARS])}</pre>'
        for hand, text in answers.items()
        if text
    ]
    if not parts:
        return ""
    head = '<summary style="cursor: pointer">How it can be done</summary>'
    return f'<details style="margin-top: 4px">{head}{"".join(parts)}</details>'
