"""Which of the instructor's marked cells a submission's cells are, whatever an editor has done to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from nbformat import NotebookNode

from grader.course import Chapter, is_by_hand, is_test, marks

MOST_ALIGNED = 1000
"""Cells of a submission at most that are compared by place: the comparison's time grows with its square."""
_BEGIN, _END = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"


@dataclass
class SubmittedCell:
    """A submitted cell, reduced to what counts.

    ``known`` is the grade id that it belongs to; ``copy_of`` that of an answer to be graded by hand of which
    another cell was taken.
    """

    kind: str
    source: str
    id: str
    grade_id: str
    tags: tuple[str, ...]
    known: str = ""
    copy_of: str = ""
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Pictures that were pasted into the text: by name and kind, in base64."""


def strip_hidden_tests(source: str) -> str:
    """A test cell's text as released: without the hidden regions, by nbgrader's rule."""
    lines, hidden = [], False
    for line in source.split("\n"):
        if _BEGIN in line:
            hidden = True
        elif _END in line:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def same(source: str) -> str:
    """Text for comparing: editors change line ends and trailing blanks without anyone asking for it."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def is_locked(original: NotebookNode) -> bool:
    """nbgrader's rule: a solution is the student's, a test or a read-only cell the instructor's."""
    found = marks(original)
    return not found.get("solution") and bool(found.get("grade") or found.get("locked") or is_test(original))


def recognise(cells: Sequence[SubmittedCell], known: Mapping[str, NotebookNode], chapter: Chapter) -> None:
    """Set ``known`` on the first cell that belongs to each of the instructor's marked cells (``known``).

    A locked cell is found by its text, else by grade id; others by grade id. Else by cell id, else
    by the cells around it.
    """
    left = set(known)
    by_id = {str(cell["id"]): grade_id for grade_id, cell in known.items() if cell.get("id")}
    by_text = {
        (cell.cell_type, same(text)): grade_id
        for grade_id, cell in known.items()
        if is_locked(cell)
        for text in (strip_hidden_tests(str(cell.source)), str(cell.source))
    }

    def take(cell: SubmittedCell, grade_id: str | None) -> None:
        if grade_id in left and not cell.known:
            cell.known = grade_id
            left.discard(grade_id)

    def text_of(cell: SubmittedCell) -> str | None:
        return by_text.get((cell.kind, same(cell.source)))

    ways: tuple[Callable[[SubmittedCell], str | None], ...] = (
        # A locked cell is what its text says: marks are lost or swapped when notebooks are merged.
        lambda cell: cell.grade_id if text_of(cell) == cell.grade_id else None,
        text_of,
        lambda cell: cell.grade_id,
        # A cell that says what it is, is not another: a second copy keeps its id in some editors.
        lambda cell: None if cell.grade_id in known else by_id.get(cell.id),
    )
    for named in ways:
        for cell in cells:
            take(cell, named(cell))
    if left and len(cells) <= MOST_ALIGNED:
        for cell, grade_id in _by_place(cells, known, chapter):
            take(cell, grade_id)
    for cell in cells:
        if not cell.known and cell.grade_id in known and is_by_hand(known[cell.grade_id]):
            cell.copy_of = cell.grade_id


def _by_place(
    cells: Sequence[SubmittedCell], known: Mapping[str, NotebookNode], chapter: Chapter
) -> list[tuple[SubmittedCell, str]]:
    """Cells in the place of missing marked ones, between known neighbours, one for one."""
    source = chapter.source.cells
    found = {cell.known for cell in cells if cell.known}

    def of_source(cell: NotebookNode) -> tuple[str, str]:
        grade_id = str(marks(cell).get("grade_id", ""))
        return ("", grade_id) if grade_id in found else (cell.cell_type, same(str(cell.source)))

    expected = [of_source(cell) for cell in source]
    given = [("", cell.known) if cell.known else (cell.kind, same(cell.source)) for cell in cells]
    pairs = []
    for change, start, end, first, last in SequenceMatcher(
        None, expected, given, autojunk=False
    ).get_opcodes():
        if change != "replace":
            continue
        for kind in ("code", "markdown"):
            lost = [cell for cell in source[start:end] if cell.cell_type == kind]
            there = [cell for cell in cells[first:last] if cell.kind == kind and not cell.known]
            if len(lost) == len(there):
                pairs += [
                    (cell, str(marks(original)["grade_id"]))
                    for cell, original in zip(there, lost, strict=True)
                    # A locked cell has its text to be known by; without it, it was taken out.
                    if marks(original).get("grade_id") and not is_locked(original)
                    if cell.grade_id not in known
                ]
    return pairs
