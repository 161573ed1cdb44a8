"""A student's notebook on disk: whether it can be read, and what its stored outputs say.

No engine is asked and nothing runs. A stored output is what the notebook *shows*: anyone can write one, so
it never counts for a grade.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.expect.finding import Outcome
from grader.expect.show import as_text


@dataclass(frozen=True)
class StoredTask:
    """A task's check as the notebook shows it: ``passed`` is its last stored output's word."""

    task: str
    points: float
    passed: bool
    run: bool


@dataclass(frozen=True)
class Stored:
    """What a readable notebook holds. ``code`` counts its code cells that have something in them, ``run``
    those of them that were run; ``sources`` is a digest of the text in its cells, without outputs."""

    tasks: tuple[StoredTask, ...]
    code: int
    run: int
    sources: str

    @property
    def passed(self) -> int:
        """How many checks show a pass."""
        return sum(task.passed for task in self.tasks)

    @property
    def points(self) -> float:
        """Points of the tasks whose checks show a pass. Not the grade."""
        return sum(task.points for task in self.tasks if task.passed)

    @property
    def max_points(self) -> float:
        """Points of all tasks, as the notebook has them."""
        return sum(task.points for task in self.tasks)


def trouble(path: Path) -> str:
    """Why JupyterLab cannot open this file as a notebook; empty if it can. Raises PermissionError."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return "it is a folder"
        if not stat.S_ISREG(mode):
            return "it is not a regular file"  # reading a pipe would wait for ever
        return trouble_in(path.read_bytes())
    except FileNotFoundError:
        return "it is a link to nothing"
    except PermissionError:
        raise
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"  # a link to itself, a failing disk


def trouble_in(data: bytes) -> str:
    """The same for a file's content."""
    if not data.strip():
        return "it is empty"
    try:
        found = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return "it is not text"
    except json.JSONDecodeError as error:
        return f"it is cut off or is not JSON at line {error.lineno}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:  # a number of too many digits
        return f"it is not valid JSON: {str(error)[:80]}"
    if not isinstance(found, dict) or type(found.get("nbformat")) is not int:
        return "it is JSON, but not a notebook"
    if found["nbformat"] < 4:
        return ""  # JupyterLab converts it
    cells = found.get("cells")
    if not isinstance(cells, list):
        return "it has no cells"
    for position, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            return f"its cell {position} is not a valid cell"
        if not isinstance(cell.get("source"), str | list):
            return f"its cell {position} has no text"
    return ""


def read_stored(data: bytes) -> Stored:
    """What a notebook without trouble holds; of one in an old format, nothing."""
    found = json.loads(data.decode("utf-8"))
    listed_cells = found.get("cells")
    cells = [
        cell
        for cell in (listed_cells if isinstance(listed_cells, list) else [])
        if isinstance(cell, dict) and isinstance(cell.get("cell_type"), str)
    ]
    code = [cell for cell in cells if cell["cell_type"] == "code" and text_of(cell.get("source")).strip()]
    listed = json.dumps([[cell["cell_type"], text_of(cell.get("source"))] for cell in cells])
    return Stored(
        tasks=tuple(_tasks(cells)),
        code=len(code),
        run=sum(_was_run(cell) for cell in code),
        sources=hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def text_of(value: object) -> str:
    """A notebook's text: stored whole or in lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _tasks(cells: list[dict[str, Any]]) -> Iterator[StoredTask]:
    for cell in cells:
        marks = _table(_table(cell, "metadata"), "nbgrader")
        name, points = marks.get("grade_id"), marks.get("points")
        if not (marks.get("grade") is True and not marks.get("solution") and isinstance(name, str)):
            continue
        if cell["cell_type"] == "code":
            task = name.removeprefix("test-")
            worth = points if isinstance(points, int | float) and 0 <= points < 1e6 else 0
            yield StoredTask(task, float(worth), _shows_pass(cell, task), _was_run(cell))


def _shows_pass(cell: dict[str, Any], task: str) -> bool:
    """Whether the check's last word, stored with its cell, is that the task passed."""
    outputs = cell.get("outputs")
    said = [one for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []
    if any(one.get("output_type") == "error" for one in said):
        return False
    texts = [text_of(_table(one, "data").get("text/plain")) for one in said]
    word = as_text(task, Outcome.passed())
    # It may be followed by the chapter's progress: "greeter: passed (1 of 7 tasks)".
    return any(text == word or text.startswith(f"{word} (") for text in texts)


def _was_run(cell: dict[str, Any]) -> bool:
    return isinstance(cell.get("execution_count"), int) or bool(cell.get("outputs"))


def _table(source: dict[str, Any], key: str) -> dict[str, Any]:
    value = source.get(key)
    return value if isinstance(value, dict) else {}
