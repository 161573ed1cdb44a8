"""Whether what was read as a notebook has the parts that all have; and cells' names for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grader.errors import CourseError
from grader.expect.words import quote, visible

MOST_FAULTS = 5
"""Faults in one message."""


def require_shape(notebook: object, path: Path) -> None:
    """Raises CourseError unless this, read from ``path``, has the parts that every notebook has."""
    refuse(path, list(_misshapen(notebook)))


def refuse(path: Path, found: list[str]) -> None:
    """Raises CourseError with these faults of the notebook ``path``, if there are any."""
    if found:
        more = f" (and {len(found) - MOST_FAULTS} more)" if len(found) > MOST_FAULTS else ""
        raise CourseError(
            f"{path}: {'; '.join(found[:MOST_FAULTS])}{more}.",
            next_step="correct it in JupyterLab (nbgrader's marks are set in its Create Assignment panel), "
            "or restore it from version control.",
        )


def _misshapen(notebook: object) -> Iterator[str]:
    """What in a notebook does not follow the format, in words."""
    if not isinstance(notebook, Mapping):
        yield f"it is not a notebook: {_kind(notebook)}"
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
            yield f"cell {number} is not a cell: {_kind(cell)}"


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
        yield f"metadata that is not a dictionary: {_kind(metadata)}"
    elif not _all(metadata.get("tags", []), str):
        yield f"tags that are not a list of words: {quote(metadata['tags'], 40)}"
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


def name_of(cell: Mapping[str, Any], number: int) -> str:
    """A cell for a person: its place in the notebook, from 1, and its grade id, id or first words."""
    metadata, source = cell.get("metadata"), cell.get("source")
    marks = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    grade_id = marks.get("grade_id") if isinstance(marks, Mapping) else None
    text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
    first = next((line for line in text.splitlines() if line.strip()), "empty")
    return f"cell {number} ({visible(str(grade_id or cell.get('id') or first), 40)})"
