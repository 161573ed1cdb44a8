"""Put the instructor's cells into a student's notebook: what is run, in which order, on which side.

The rules (a pure function of the submitted notebook and the chapter):

- The student's order holds. Every code cell that is not a known test runs as student code, however often.
- A test is the instructor's, whatever the submission says: found in the *source* notebook, never by
  submitted metadata. Submitted marks only say *where* it is: by grade id, else by cell id, else by its
  released text. It runs once, at its first place; further copies are student code.
- A test that is before its task's solution cell (a copy that came first, a swapped mark) runs after it.
- A missing test runs after its task's solution cell and the cells added after it, else at the end.
- Other marked cells are found by grade id, cell id, their text, else by the cells around them. A missing one
  that a person grades is put back, with a note that its answer has to be looked for.
- Known locked cells get the instructor's text back; known cells get the instructor's type and marks.
- Tags, outputs, and every other piece of submitted metadata are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from grader.course import Chapter, Task, is_by_hand, marks
from grader.grading.judge.outputs import PICTURES, is_base64
from grader.grading.judge.recognise import SubmittedCell, is_locked, recognise, same, strip_hidden_tests

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_UNMARKED = (
    "the cells have lost nbgrader's marks, as in some editors (Google Colab, Deepnote); "
    "they were found by their ids, texts or places"
)
_LOST = "The cell of this answer is not in the notebook. The answer may be in another cell: look for it."


MOST_READ = 5_000
"""Cells of a notebook that are looked at."""
MOST_ADDED = 500
"""Cells that a student may have added to a chapter's own."""
MOST_SHOWN = 50_000
"""Characters of a cell in the graded notebook and on pages."""
MOST_PICTURES = 500
"""Pictures pasted into the text cells of one notebook."""
_MOST_NOTES = 10


@dataclass(frozen=True)
class Step:
    """One code cell to run: ``index`` in the reassembled notebook; a test has its task."""

    kind: Literal["student", "test"]
    index: int
    source: str
    task: Task | None = None


@dataclass(frozen=True)
class Note:
    """Something about the submission worth telling; ``task`` when it concerns one."""

    text: str
    task: str = ""


@dataclass(frozen=True)
class Reassembled:
    """The notebook for grading. Its test cells show the released text: no hidden tests."""

    notebook: NotebookNode
    steps: tuple[Step, ...]
    notes: tuple[Note, ...] = ()


def reassemble(submitted: NotebookNode | None, chapter: Chapter) -> Reassembled:
    """The notebook to grade. Without a submitted one: the instructor's tests alone, nothing to run."""
    tasks = {task.test_id: task for task in chapter.tasks}
    known = _marked(chapter)
    notes: list[Note] = []
    cells = _read(submitted, notes)
    recognise(cells, known, chapter)
    _leave_out_surplus(cells, chapter, notes)
    _notes_on_tests(cells, tasks, known, notes)
    own_ids = {str(cell.get("id", "")) for cell in chapter.source.cells}
    _put_back(cells, tasks, own_ids, _take_early(cells, tasks, notes))
    if submitted is not None:
        _put_back_answers(cells, known, notes)
    return _build(cells, tasks, known, chapter, notes)


def has_cells_of(submitted: NotebookNode, chapter: Chapter) -> bool:
    """Whether at least half of what the chapter gives points for is in this notebook, whatever its name."""
    known, cells = _marked(chapter), _read(submitted, [])
    recognise(cells, known, chapter)
    graded = {name for name, cell in known.items() if marks(cell).get("grade") or is_by_hand(cell)}
    return 2 * len(graded & {cell.known for cell in cells}) >= max(1, len(graded))


def _marked(chapter: Chapter) -> dict[str, NotebookNode]:
    """The instructor's marked cells by grade id, in their order."""
    return {
        str(marks(cell)["grade_id"]): cell for cell in chapter.source.cells if marks(cell).get("grade_id")
    }


def _read(submitted: NotebookNode | None, notes: list[Note]) -> list[SubmittedCell]:
    cells: list[SubmittedCell] = []
    if submitted is None:
        return cells
    given = submitted.get("cells") or []
    strange, pictures = 0, MOST_PICTURES
    if len(given) > MOST_READ:
        notes.append(Note(f"the notebook has {len(given):,} cells; the first {MOST_READ:,} were read"))
    for position, cell in enumerate(given[:MOST_READ], 1):
        kind = cell.get("cell_type") if isinstance(cell, Mapping) else None
        source = cell.get("source") if isinstance(cell, Mapping) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if kind not in ("code", "markdown", "raw") or not isinstance(source, str):
            strange += 1
            if strange <= _MOST_NOTES:
                notes.append(Note(f"cell {position} is not a notebook cell and was left out"))
            continue
        pasted = _pictures(cell.get("attachments"), pictures) if kind == "markdown" else {}
        pictures -= len(pasted)
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
        grade_id, cell_id = marks(cell).get("grade_id"), cell.get("id")
        cells.append(
            SubmittedCell(
                kind=kind,
                source=_clean(source),
                id=cell_id if isinstance(cell_id, str) and _CELL_ID.match(cell_id) else "",
                grade_id=grade_id if isinstance(grade_id, str) else "",
                tags=tuple(str(tag)[:60] for tag in tags[:20]) if isinstance(tags, list) else (),
                attachments=pasted,
            )
        )
    if not pictures:
        notes.append(Note(f"of pasted pictures the first {MOST_PICTURES:,} are shown"))
    return cells


def _pictures(attachments: object, most: int) -> dict[str, dict[str, str]]:
    """What is a picture among a text cell's attachments: the only ones that can be shown."""
    found: dict[str, dict[str, str]] = {}
    for name, kinds in attachments.items() if isinstance(attachments, Mapping) else ():
        if len(found) >= most:
            break
        if not isinstance(name, str) or not isinstance(kinds, Mapping):
            continue
        for mime in PICTURES:
            data = kinds.get(mime)
            if isinstance(data, list) and all(isinstance(line, str) for line in data):
                data = "".join(data)
            if isinstance(data, str) and is_base64(data):
                found.setdefault(_clean(name), {})[mime] = data
    return found


def _leave_out_surplus(cells: list[SubmittedCell], chapter: Chapter, notes: list[Note]) -> None:
    """Limit the cells that are not the chapter's graded ones: more than any honest work needs are left
    out."""
    most, count = MOST_ADDED + len(chapter.source.cells), 0
    kept = []
    for cell in cells:
        count += not cell.known
        if cell.known or count <= most:
            kept.append(cell)
    if count > most:
        notes.append(
            Note(f"the notebook has {count:,} cells besides the graded ones; the first {most:,} were taken")
        )
        cells[:] = kept


def _shown(source: str, position: int, notes: list[Note]) -> str:
    """A cell's text for the graded notebook and the pages: it runs whole, however long it is."""
    if len(source) <= MOST_SHOWN:
        return source
    if len(notes) < 5 * _MOST_NOTES:
        notes.append(
            Note(f"cell {position} is {len(source):,} characters long; {MOST_SHOWN:,} of them are shown")
        )
    return f"{source[:MOST_SHOWN]}\n# ... {len(source) - MOST_SHOWN:,} more characters, not shown ..."


def _clean(source: str) -> str:
    """Text that can be encoded: a lone surrogate from JSON would break every later step."""
    return source.encode("utf-8", "replace").decode("utf-8")


def _notes_on_tests(
    cells: list[SubmittedCell], tasks: Mapping[str, Task], known: Mapping[str, Any], notes: list[Note]
) -> None:
    """What is unlike the release. "Tampered" is for changed text alone: editors and merges do the rest."""
    present = {cell.known: cell for cell in cells if cell.known}
    copies = [cell.grade_id for cell in cells if cell.grade_id in known and not cell.known]
    unmarked = [test_id for test_id in tasks if test_id in present and not present[test_id].grade_id]
    if len(unmarked) > 1:
        notes.append(Note(_UNMARKED))
    for test_id, task in tasks.items():
        cell = present.get(test_id)
        said = f"test cell {test_id!r}"
        if cell is None:
            notes.append(Note(f"{said} is not in the notebook; the instructor's was put back", task.id))
            continue
        if same(cell.source) not in (same(strip_hidden_tests(task.test_source)), same(task.test_source)):
            notes.append(Note(f"tampered: {said} was changed; the instructor's was used", task.id))
        elif cell.kind != "code":
            notes.append(Note(f"{said} is a {cell.kind} cell here; it ran as code", task.id))
        if cell.grade_id not in ("", test_id) or [test_id] == unmarked:
            notes.append(Note(f"{said} has lost its mark; it was found by its id, text or place", task.id))
        if cell.tags and list(cell.tags) != list(known[test_id].metadata.get("tags", [])):
            notes.append(Note(f"{said} is tagged {', '.join(cell.tags)}; tags are not followed", task.id))
        if test_id in copies:
            notes.append(Note(f"{said} is there more than once; it counts once, at its first place", task.id))
        if task.solution_id in copies:
            notes.append(Note(f"solution cell {task.solution_id!r} is there more than once", task.id))
        if task.solution_id and task.solution_id not in present:
            notes.append(Note(f"solution cell {task.solution_id!r} is missing", task.id))


def _take_early(
    cells: list[SubmittedCell], tasks: Mapping[str, Task], notes: list[Note]
) -> dict[str, SubmittedCell]:
    """Take out the tests that are before their solution cells: there is nothing to check yet."""
    early = {}
    at = {cell.known: place for place, cell in enumerate(cells) if cell.known}
    for test_id, task in tasks.items():
        if at.get(test_id, len(cells)) < at.get(task.solution_id, -1):
            early[test_id] = cells[at[test_id]]
            notes.append(Note(f"test cell {test_id!r} was before its task; it ran after it", task.id))
    cells[:] = [cell for cell in cells if cell.known not in early]
    return early


def _put_back(
    cells: list[SubmittedCell],
    tasks: Mapping[str, Task],
    own_ids: set[str],
    early: Mapping[str, SubmittedCell],
) -> None:
    """Insert the missing tests, each before the first of the instructor's cells that follows."""
    present = {cell.known for cell in cells}
    for test_id, task in tasks.items():
        if test_id in present:
            continue
        place = next((i for i, cell in enumerate(cells) if cell.known == task.solution_id), len(cells))
        place += 1
        while place < len(cells) and not cells[place].known and cells[place].id not in own_ids:
            place += 1
        cells.insert(place, early.get(test_id) or SubmittedCell("code", "", "", test_id, (), known=test_id))


def _put_back_answers(cells: list[SubmittedCell], known: Mapping[str, Any], notes: list[Note]) -> None:
    """Insert missing cells that a person grades, so that there is a box for their points."""
    present = {cell.known for cell in cells}
    place = 0
    for grade_id, original in known.items():
        if grade_id in present:
            place = next(at for at, cell in enumerate(cells, 1) if cell.known == grade_id)
        elif is_by_hand(original):
            text = f"# {_LOST}" if original.cell_type == "code" else _LOST
            place = place or len(cells)
            cells.insert(place, SubmittedCell(original.cell_type, text, "", grade_id, (), known=grade_id))
            place += 1
            what = "the task" if marks(original).get("task") else "the answer"
            notes.append(Note(f"{what} {grade_id!r} is not in the notebook; it was put back to be graded"))


def _build(
    cells: list[SubmittedCell],
    tasks: Mapping[str, Task],
    known: Mapping[str, Any],
    chapter: Chapter,
    notes: list[Note],
) -> Reassembled:
    notebook = new_notebook(metadata=_notebook_metadata(chapter))
    steps: list[Step] = []
    used: set[str] = {str(cell.get("id", "")) for cell in known.values()}
    for index, cell in enumerate(cells):
        original = known.get(cell.known)
        kind = original.cell_type if original is not None else cell.kind
        source = cell.source
        if original is not None and is_locked(original):
            source = strip_hidden_tests(str(original.source))
        built = _new_cell(kind, _shown(source, index + 1, notes))
        pictures = cell.attachments
        if original is not None and is_locked(original):
            pictures = original.get("attachments", {})
        if pictures and kind == "markdown":
            built.attachments = nbformat.from_dict(pictures)
        if original is not None:
            built.id = original.get("id") or built.id
            built.metadata["nbgrader"] = NotebookNode(marks(original))
        else:
            built.id = cell.id if cell.id and cell.id not in used else _free_id(index, used)
            used.add(built.id)
        if cell.copy_of:
            built.metadata["dockbook"] = NotebookNode(copy_of=cell.copy_of)
        notebook.cells.append(built)
        if cell.known in tasks:
            task = tasks[cell.known]
            steps.append(Step("test", index, task.test_source, task))
        elif kind == "code":
            steps.append(Step("student", index, source))
    nbformat.validate(notebook)
    return Reassembled(notebook, tuple(steps), tuple(notes))


def _new_cell(kind: str, source: str) -> NotebookNode:
    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}[kind]
    cell: NotebookNode = make(source=source)
    return cell


def _free_id(index: int, used: set[str]) -> str:
    number = index
    while (name := f"student-{number}") in used:
        number += 1
    return name


def _notebook_metadata(chapter: Chapter) -> dict[str, Any]:
    metadata = chapter.source.metadata
    return {key: metadata[key] for key in ("kernelspec", "language_info") if key in metadata}
