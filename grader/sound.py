"""Whether a chapter's source can be released: every fault with its cell, before nbgrader meets it.

nbgrader says of such a notebook that its "metadata may be corrupted", or shows a traceback; no cell is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from grader.course import is_points
from grader.errors import CourseError
from grader.expect.words import quote, visible

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

    from grader.course import Chapter

MOST_FAULTS = 5
"""Faults in one message."""
_REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}
"""What stands between BEGIN and END lines, and the mark of the cells in which it may."""
_WHERE = {
    "SOLUTION": "an answer",
    "HIDDEN TESTS": "a test",
    "MARK SCHEME": "a manually graded task",
}


def require_sound(chapter: Chapter) -> None:
    """Raises CourseError with the cells that nothing can be made of; also when the notebook is missing."""
    _refuse(chapter.notebook, list(faults(chapter.source)))


def require_shape(notebook: object, path: Path) -> None:
    """Raises CourseError unless this, read from ``path``, has the parts that every notebook has."""
    _refuse(path, list(_misshapen(notebook)))


def _refuse(path: Path, found: list[str]) -> None:
    if found:
        more = f" (and {len(found) - MOST_FAULTS} more)" if len(found) > MOST_FAULTS else ""
        raise CourseError(
            f"{path}: {'; '.join(found[:MOST_FAULTS])}{more}.",
            next_step="correct it in JupyterLab (nbgrader's marks are set in its Create Assignment panel), "
            "or restore it from version control.",
        )


def _misshapen(notebook: object) -> Iterator[str]:
    """What in a notebook is not what the format has in its place, in words."""
    if not isinstance(notebook, Mapping):
        yield f"it is no notebook: {_kind(notebook)}"
        return
    version = notebook.get("nbformat")
    if isinstance(version, bool) or not isinstance(version, int):
        yield f"its nbformat is {quote(version, 20)}, and that is a number"
    elif version < 4 and "cells" not in notebook:
        return  # nbformat makes version 4 of it, and that is looked at again
    if not isinstance(notebook.get("nbformat_minor", 0), int):
        yield f"its nbformat_minor is {quote(notebook['nbformat_minor'], 20)}, and that is a number"
    metadata = notebook.get("metadata")
    if not isinstance(metadata, Mapping):
        yield f"its metadata is {_kind(metadata)}, and that is a dictionary"
    else:
        for name in ("kernelspec", "language_info"):
            of_kernel = metadata.get(name, {})
            if not isinstance(of_kernel, Mapping):
                yield f"its {name} is {_kind(of_kernel)}, and that is a dictionary"
            elif of_kernel.get("language", "python") != "python":
                yield f"its {name} is for {quote(of_kernel['language'], 20)}, and a chapter is in python"
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        yield f"its cells are {_kind(cells)}, and that is a list"
        return
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, Mapping):
            yield from (f"{name_of(cell, number)} has {fault}" for fault in _misshapen_cell(cell))
        else:
            yield f"cell {number} is no cell: {_kind(cell)}"


def _misshapen_cell(cell: Mapping[str, Any]) -> Iterator[str]:
    if cell.get("cell_type") not in ("code", "markdown", "raw"):
        yield f"{quote(cell.get('cell_type'), 20)} as its cell_type"
    source = cell.get("source")
    if not _is_text(source):
        yield f"no text as its source: {_kind(source)}"
    if not isinstance(cell.get("id", ""), str):
        yield f"{quote(cell['id'], 20)} as its id"
    metadata = cell.get("metadata")
    if not isinstance(metadata, Mapping):
        yield f"metadata that is no dictionary: {_kind(metadata)}"
    elif not _all(metadata.get("tags", []), str):
        yield f"tags that are no list of words: {quote(metadata['tags'], 40)}"
    attachments = cell.get("attachments", {})
    if not isinstance(attachments, Mapping) or not _all(list(attachments.values()), Mapping):
        yield f"attachments that cannot be read: {quote(attachments, 40)}"
    outputs = cell.get("outputs", [])
    if cell.get("cell_type") == "code" and not (_all(outputs, Mapping) and all(map(_is_output, outputs))):
        yield f"outputs that cannot be read: {quote(outputs, 40)}"


def _is_output(output: Mapping[str, Any]) -> bool:
    bundles = (output.get("data", {}), output.get("metadata", {}))
    return (
        isinstance(output.get("output_type"), str)
        and _is_text(output.get("text", ""))
        and _all(list(bundles), Mapping)
        and all(_is_text(data) for kind, data in bundles[0].items() if kind.startswith("text/"))
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) or _all(value, str)


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _kind(value: object) -> str:
    """What JSON calls it."""
    names = {dict: "a dictionary", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


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


def name_of(cell: Mapping[str, Any], number: int) -> str:
    """A cell for a person: its place in the notebook, from 1, and its grade id, id or first words."""
    metadata, source = cell.get("metadata"), cell.get("source")
    marks = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    grade_id = marks.get("grade_id") if isinstance(marks, Mapping) else None
    text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
    first = next((line for line in text.splitlines() if line.strip()), "empty")
    return f"cell {number} ({visible(str(grade_id or cell.get('id') or first), 40)})"


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
    except Exception as error:  # noqa: BLE001 - its validator's, and what comes of comparing odd types
        why = str(getattr(error, "message", error)).partition("\n")[0]
        yield f"has marks that nbgrader does not take: {visible(why)}"


def _regions(cell: NotebookNode, marks: object) -> Iterator[str]:
    """Regions that do not begin or end, or stand in a cell from which nothing is taken out."""
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
