"""Whether a chapter's source can be released: every fault with its cell, before nbgrader meets it.

nbgrader says of such a notebook that its "metadata may be corrupted", or shows a traceback; no cell is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from grader.course import is_points
from grader.expect.words import visible
from grader.notebook_shape import name_of, refuse

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from grader.course import Chapter

_REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}
"""What is between BEGIN and END lines, and the mark of the cells in which it may be."""
_WHERE = {
    "SOLUTION": "an answer",
    "HIDDEN TESTS": "a test",
    "MARK SCHEME": "a manually graded task",
}


def require_sound(chapter: Chapter) -> None:
    """Raises CourseError with the unusable cells; also when the notebook is missing."""
    refuse(chapter.notebook, list(faults(chapter.source)))


def faults(notebook: NotebookNode) -> Iterator[str]:
    """Everything about the cells of an instructor's notebook that keeps it from being released, in words."""
    ids: dict[str, str] = {}
    grade_ids: dict[str, str] = {}
    for number, cell in enumerate(notebook.cells, 1):
        name = name_of(cell, number)
        cell_id = str(cell.get("id", ""))
        if cell_id and cell_id in ids:
            yield f"{name} has the id {cell_id!r} of {ids[cell_id]}"
        ids.setdefault(cell_id, name)
        marks = cell.metadata.get("nbgrader")
        yield from (f"{name} {fault}" for fault in (*_regions(cell, marks), *_pictures(cell, marks)))
        if "nbgrader" not in cell.metadata:
            continue
        if not isinstance(marks, Mapping):
            yield f"{name} has marks of nbgrader's that cannot be read"
            continue
        yield from (f"{name} {fault}" for fault in list(_marks(cell, marks)) or _refused(cell))
        grade_id = marks.get("grade_id")
        if not _counts(marks) or not isinstance(grade_id, str):
            continue
        if grade_id in grade_ids:
            yield f"{name} has the grade id of {grade_ids[grade_id]}"
        grade_ids.setdefault(grade_id, name)


def _counts(marks: Mapping[str, Any]) -> bool:
    return any(marks.get(mark) for mark in ("grade", "solution", "locked", "task"))


def _marks(cell: NotebookNode, marks: Mapping[str, Any]) -> Iterator[str]:
    if not _counts(marks):
        return
    grade, solution, task = (bool(marks.get(mark)) for mark in ("grade", "solution", "task"))
    grade_id = marks.get("grade_id")
    if not isinstance(grade_id, str) or not grade_id.strip():
        yield "has no grade id"
    points = marks.get("points")
    if (grade or task) and not is_points(points):
        yield f"has {visible(str(points), 20)} as its points" if "points" in marks else "has no points"
    if task and cell.cell_type != "markdown":
        yield f"is a manually graded task, and that is Markdown, not {cell.cell_type}"
    if not task and cell.cell_type == "markdown" and grade != solution:
        kind = "a test, and that is code" if grade else "an automatically graded answer, and that is code"
        yield f"is marked as {kind}, not Markdown"


def _refused(cell: NotebookNode) -> Iterator[str]:
    """Whatever else nbgrader's own schema has against a cell's marks."""
    from nbgrader.nbgraderformat import MetadataValidator, SchemaTooOldError

    try:
        MetadataValidator().validate_cell(cell)
    except SchemaTooOldError:
        yield "has marks of an older nbgrader, which `nbgrader update` brings up to date"
    except Exception as error:  # noqa: BLE001 - its validator's, and those of comparing odd types
        why = str(getattr(error, "message", error)).partition("\n")[0]
        yield f"has marks that nbgrader does not accept: {visible(why)}"


def _regions(cell: NotebookNode, marks: object) -> Iterator[str]:
    """Regions that do not begin or end, or that are in a cell from which nothing is removed."""
    for what, mark in _REGIONS.items():
        opened = False
        for line in str(cell.source).splitlines():
            if f"BEGIN {what}" in line:
                if opened:
                    yield f"has two BEGIN {what} without an END between them"
                opened = True
                if not (isinstance(marks, Mapping) and marks.get(mark)):
                    yield f"has BEGIN {what} and is not marked as {_WHERE[what]}"
            elif f"END {what}" in line:
                if not opened:
                    yield f"has END {what} without a BEGIN before it"
                opened = False
        if opened:
            yield f"has BEGIN {what} without an END"


def _pictures(cell: NotebookNode, marks: object) -> Iterator[str]:
    """Pasted pictures that only a solution or mark scheme shows: nbgrader leaves them in the release."""
    text, inside = [], False
    for line in str(cell.source).splitlines():
        inside = (inside or any(f"BEGIN {what}" in line for what in _REGIONS)) and not any(
            f"END {what}" in line for what in _REGIONS
        )
        text += [] if inside else [line]
    if isinstance(marks, Mapping) and marks.get("solution") and "BEGIN SOLUTION" not in str(cell.source):
        text = []  # all of it is taken out
    shown = unquote("\n".join(text))
    for name in cell.get("attachments", {}):
        if f"attachment:{name}" not in shown:
            yield f"has a pasted picture ({visible(name, 60)}) that only its solution shows, if anything does"
