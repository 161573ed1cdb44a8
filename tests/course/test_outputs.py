"""What the stored notebooks show: every cell's output, and nothing of the machine that made it."""

from __future__ import annotations

import re

from nbval.plugin import get_sanitize_patterns

from grader.course import Chapter, is_test, marks
from tests.course.notebooks import COURSE, FIRST_CELL, code, texts_of


def test_outputs_are_stored(chapter: Chapter) -> None:
    """Run from top to bottom, once: the counts say so. Nothing failed but what is meant to."""
    counts = [cell.execution_count for cell in code(chapter)]
    assert counts == list(range(1, len(counts) + 1)), "run `dockbook store`"
    for cell in code(chapter):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert bool(errors) is ("raises-exception" in cell.metadata.get("tags", ())), cell.id
        for output in cell.outputs:
            if output.output_type == "execute_result":
                assert output.execution_count == cell.execution_count, cell.id
        if is_test(cell):
            shown = " ".join(text for output in cell.outputs for text in texts_of(output))
            assert f"{marks(cell)['grade_id'].removeprefix('test-')}: passed" in shown, cell.id


def test_cells_that_end_in_a_value_show_it(chapter: Chapter) -> None:
    """An expression, a `print` or a `!` line has its output stored."""
    for cell in code(chapter):
        last = cell.source.splitlines()[-1]
        if marks(cell) or cell.source == FIRST_CELL or last.startswith(("forget(", "scene(")):
            continue
        if last.startswith(("!", "print(")) or not re.match(r"\S+ = |from |import |\s", last):
            assert cell.outputs, f"{cell.id} has no output stored"


def test_outputs_hold_nothing_of_the_machine_they_came_from(chapter: Chapter) -> None:
    """No paths, addresses or ids but those that nbval's sanitizer hides."""
    patterns = get_sanitize_patterns((COURSE.root / "nbval.cfg").read_text(encoding="utf-8"))
    for cell in code(chapter):
        for output in cell.outputs:
            for text in texts_of(output):
                assert "\r\n" not in text, f"{cell.id}: line ends of a terminal"
                assert "\x1b" not in text, f"{cell.id}: colours of a terminal"
                for regex, replacement in patterns:
                    text = re.sub(regex, replacement, text)  # noqa: PLW2901 - step by step, as nbval does
                found = re.findall(
                    r"/(?:home|root|tmp|opt(?!/webapp)|work|Users|run|var)/|\b[0-9a-f]{12,}\b|"
                    # /opt/webapp is in an image, "every interface" and "this machine" are on all of them.
                    r"\b(?!0\.0\.0\.0\b|127\.0\.0\.1\b)\d+\.\d+\.\d+\.\d+\b",
                    text,
                )
                assert not found, f"{cell.id}: {found} in an output"
                assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), f"{cell.id}: a date in an output"
