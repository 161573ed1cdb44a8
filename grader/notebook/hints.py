"""``hint("task")``: the chapter's hints, one step further with each call.

They are in ``hints.toml`` next to the notebook: a table ``[hints]`` with a list of texts for each task.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import Any

from grader.expect.show import with_code
from grader.expect.words import closest, quote, visible

FILE = "hints.toml"
MAX_CHARS = 2000


class Hint:
    """One step of a hint, or why there is none, as a notebook shows it."""

    def __init__(self, title: str, text: str = "", more: str = "") -> None:
        self.title = title
        self.text = text
        self.more = more

    def __repr__(self) -> str:
        lines = (f"{self.title}: {self.text}" if self.text else self.title, self.more)
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        text = with_code(self.text)
        more = f'<br><span style="opacity: 0.7">{escape(self.more)}</span>' if self.more else ""
        head = f"<b>{escape(self.title)}</b>{': ' if text else ''}"
        return f'<div style="border-left: 4px solid #4a7ebb; padding: 2px 8px">{head}{text}{more}</div>'


class Hints:
    """What ``hint`` is. ``folder``: where the notebook is (None: the kernel's folder when it is called)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._given: dict[str, int] = {}

    def tasks(self) -> list[str]:
        """The chapter's tasks: each has hints. Empty where they cannot be read."""
        try:
            return list(_read((self._folder or Path()) / FILE))
        except (OSError, ValueError, RecursionError):
            return []

    def __call__(self, task: str = "") -> Hint:
        """The next hint for a task. Never raises: a hint must not break a notebook that is graded."""
        try:
            known = _read((self._folder or Path()) / FILE)
        except (OSError, ValueError, RecursionError) as error:
            return Hint("No hints", f"{FILE} cannot be read here: {visible(str(error), 200)}")
        if not known:
            return Hint("No hints", f"there is no {FILE} next to this notebook")
        name: object = task  # a cell is not type-checked
        if not isinstance(name, str) or name.strip() not in known:
            return self._no_such_task(name, known)
        return self._next(name.strip(), known[name.strip()])

    def _next(self, task: str, steps: list[str]) -> Hint:
        given = self._given.get(task, 0)
        if given >= len(steps):
            again = "There are no more hints. Read the ones above once more, then what the check says."
            return Hint(f"Hint for {task}", again)
        self._given[task] = given + 1
        left = len(steps) - given - 1
        more = f'Run hint("{task}") again for the next one.' if left else "This was the last one."
        return Hint(f"Hint {given + 1} of {len(steps)} for {task}", steps[given], more)

    def _no_such_task(self, name: object, known: dict[str, list[str]]) -> Hint:
        tasks = f"There are hints for: {', '.join(known)}."
        if name == "":
            return Hint("Hint for which task?", more=tasks)
        near = closest(name, known) if isinstance(name, str) else ""
        meant = f' Did you mean hint("{near}")?' if near else ""
        return Hint(f"No task {quote(name, 40)} has hints", more=f"{tasks}{meant}")


def _read(path: Path) -> dict[str, list[str]]:
    """The texts of each task; empty without a file. What is not a list of texts is left out."""
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    table = found.get("hints", found)
    hints: dict[str, list[str]] = {}
    for task, steps in table.items() if isinstance(table, dict) else ():
        if isinstance(steps, list) and steps and all(isinstance(step, str) for step in steps):
            hints[task] = [" ".join(step.split())[:MAX_CHARS] for step in steps]
    return hints
