"""The map holds: all 102 statements of the tutorial lead to cells and tasks that exist."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from grader.course import Chapter, Course

ROOT = Path(__file__).parents[2]
COURSE = Course.read(ROOT / "course")
STATEMENTS = 102
OUT_OF_DATE = {3, 4, 18, 19, 20, 24, 25, 31, 48, 68, 71, 80, 81, 86, 94, 97, 100}
"""Statements that are wrong or out of date today: the map must say how."""


def statements(chapter: Chapter) -> list[dict[str, Any]]:
    path = COURSE.root / "coverage" / f"{chapter.id.split('-')[0]}.toml"
    with path.open("rb") as handle:
        found: list[dict[str, Any]] = tomllib.load(handle)["statement"]
    return found


def cells_missing(chapter: Chapter, mapped: list[dict[str, Any]]) -> list[str]:
    """What the map names and the chapter has not."""
    ids = {cell.id for cell in chapter.source.cells}
    code = {cell.id for cell in chapter.source.cells if cell.cell_type == "code"}
    tasks = {task.id for task in chapter.tasks}
    missing = []
    for entry in mapped:
        missing += [f"cell {cell}" for cell in entry["cells"] if cell not in ids]
        missing += [f"code cell {cell}" for cell in entry.get("done", ()) if cell not in code]
        missing += [f"task {entry['task']}"] if entry.get("task", next(iter(tasks))) not in tasks else []
    return missing


def test_every_statement_has_its_place() -> None:
    counts = Counter(entry["number"] for chapter in COURSE.written for entry in statements(chapter))
    assert counts == dict.fromkeys(range(1, STATEMENTS + 1), 1)


@pytest.mark.parametrize("chapter", COURSE.written, ids=lambda chapter: chapter.id)
def test_the_chapter_has_what_the_map_names(chapter: Chapter) -> None:
    mapped = statements(chapter)
    assert cells_missing(chapter, mapped) == []
    taught = [entry for entry in mapped if entry["cells"]]
    done = [entry for entry in mapped if entry.get("done")]
    checked = [entry for entry in mapped if entry.get("task")]
    print(f"{chapter.id}: {len(taught)} taught, {len(done)} done, {len(checked)} checked")
    assert len(taught) == len(mapped)


@pytest.mark.parametrize("chapter", COURSE.written, ids=lambda chapter: chapter.id)
def test_what_is_out_of_date_is_corrected(chapter: Chapter) -> None:
    silent = [
        entry["number"]
        for entry in statements(chapter)
        if entry["number"] in OUT_OF_DATE and not entry.get("correction")
    ]
    assert silent == []


@pytest.mark.parametrize("chapter", COURSE.written, ids=lambda chapter: chapter.id)
def test_a_deleted_cell_or_task_would_be_noticed(chapter: Chapter) -> None:
    mapped = statements(chapter)
    for entry in mapped:
        for cell in entry["cells"]:
            assert cells_missing(chapter, [{**entry, "cells": [f"{cell}-deleted"]}])
        if entry.get("task"):
            assert cells_missing(chapter, [{**entry, "task": f"{entry['task']}-deleted"}])
