"""An attack: what is handed in, why it might work, and what must come of it.

Each is embedded in half-right work on the tiny course: `sum` is solved and `greeter` is not, or the other way
round (``honest="greeter"``) where the attack is about the value that `sum` asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grader.course import marks
from tests.grading import tiny

POINTS = {"greeter": 3, "sum": 2}
TASKS = tuple(POINTS)

MARKED = "any(word in str(text) for word in ('check(', 'assert'))"
"""Python for: this text is a test's, ours or one that an instructor of stock nbgrader writes."""

Edit = Callable[[NotebookNode], None]
Files = Callable[[Path], None]


@dataclass(frozen=True)
class Attack:
    """``code`` is a cell after the set-up cell, or with ``late`` one after the honest half's test.

    ``edit`` changes the notebook, ``files`` what lies in the submission's folder beside it.
    ``told``: what an instructor must find in the notes, the findings or the outputs (a regular expression).
    ``worth``: the tasks that must pass, where that is not the honest half, and ``because`` the reason.
    ``stock``: why this is not run on stock nbgrader; empty: it is. ``damages``: stock gets a fresh sandbox
    after it.
    """

    family: int
    name: str
    why: str
    code: str = ""
    edit: Edit | None = None
    files: Files | None = None
    honest: str = "sum"
    late: bool = False
    told: str = ""
    worth: tuple[str, ...] | None = None
    because: str = ""
    stock: str = ""
    damages: bool = False

    def __post_init__(self) -> None:
        assert (self.worth is None) == (self.because == ""), f"{self.name}: say why it is worth that"
        assert self.code or self.edit or self.files, self.name

    def __str__(self) -> str:
        return f"{self.family} {self.name}"

    @property
    def student(self) -> str:
        """The name that it is handed in under."""
        return f"a{self.family:02}-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    @property
    def passes(self) -> tuple[str, ...]:
        """The tasks that must pass, and no other."""
        return (self.honest,) if self.worth is None else self.worth

    @property
    def scores(self) -> Mapping[str, int]:
        """What the gradebook must hold."""
        return {task: POINTS[task] if task in self.passes else 0 for task in TASKS}

    @property
    def half(self) -> int:
        """Points of the honest half."""
        return POINTS[self.honest]

    def arm(self, notebook: NotebookNode) -> None:
        """Put the attack into a notebook whose honest half is solved already."""
        if self.late:
            _honest_first(notebook, self.honest)
        if self.code:
            place = _after_test(notebook, self.honest) if self.late else 2
            notebook.cells.insert(place, new_code_cell(self.code))
        if self.edit is not None:
            self.edit(notebook)


def _honest_first(notebook: NotebookNode, task: str) -> None:
    """Move a task's solution and test to the front: the student's order holds, and a dead engine is dead."""
    own = [cell for cell in notebook.cells if marks(cell).get("grade_id") in (task, f"test-{task}")]
    rest = [cell for cell in notebook.cells if cell not in own]
    notebook.cells = [*rest[:2], *own, *rest[2:]]


def _after_test(notebook: NotebookNode, task: str) -> int:
    return 1 + next(i for i, c in enumerate(notebook.cells) if marks(c).get("grade_id") == f"test-{task}")


def tests(notebook: NotebookNode) -> list[NotebookNode]:
    """The test cells."""
    return [tiny.cell(notebook, f"test-{task}") for task in TASKS]


def answer(source: str) -> Edit:
    """An edit: `sum` answered by this code."""

    def edit(notebook: NotebookNode) -> None:
        tiny.cell(notebook, "sum").source = source

    return edit


def greeter(source: str) -> Edit:
    """An edit: this code in place of `greeter`'s solution."""

    def edit(notebook: NotebookNode) -> None:
        tiny.cell(notebook, "greeter").source = source

    return edit
