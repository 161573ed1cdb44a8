"""A submission, read from its folder. Whatever is wrong with it becomes a reason, never an exception."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from grader.course import Chapter
from grader.expect.words import visible
from grader.grading.judge import files
from grader.grading.judge.reassemble import Note, Reassembled, has_cells_of, reassemble
from grader.grading.judge.received import received

MOST_NOTEBOOKS = 20
"""Notebooks that are looked into for the chapter's cells where none has its name."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_LARGE = 1_000_000
_ONE_AT_A_TIME = threading.Lock()
_MOST_OLD = 3_000_000


@contextmanager
def _reading(data: bytes) -> Iterator[None]:
    """A large notebook is read while no other one is: what it becomes may take twenty times its size."""
    with _ONE_AT_A_TIME if len(data) > _LARGE else nullcontext():
        yield


@dataclass(frozen=True)
class Submission:
    """One student's work on one chapter, ready to be graded.

    ``state`` is ``ok``, or why there is nothing to run: ``missing`` or ``unreadable`` with ``problem`` in
    words. ``digest`` changes with any file of the submission.
    """

    student: str
    folder: Path
    state: Literal["ok", "missing", "unreadable"]
    reassembled: Reassembled
    digest: str
    problem: str = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is unlike the release, and what was left out."""
        return self.reassembled.notes


def read_submission(folder: Path, chapter: Chapter, student: str) -> Submission:
    """Read ``folder`` (one student's copy of the chapter). Raises only CourseError, for the chapter."""
    if folder.is_symlink() or folder.parent.is_symlink():
        return _nothing(folder, chapter, student, "unreadable", "the submission's folder is a link")
    if not folder.is_dir():
        return _nothing(folder, chapter, student, "missing", "there is no submission")
    try:
        submitted, notes = _notebook(folder, chapter)
    except _Missing as error:
        return _nothing(folder, chapter, student, "missing", str(error))
    except files.Unreadable as error:
        return _nothing(folder, chapter, student, "unreadable", str(error))
    reassembled = reassemble(submitted, chapter)
    notes += [Note(text) for text in files.passed_over(folder)[:10]]
    packed_as = received(chapter.folder.parents[1], chapter.id, student).packed_as
    if packed_as not in ("", student):
        notes.append(
            Note(
                f"it was packed for the id {visible(packed_as, 64)} and graded for {visible(student, 64)}: "
                "values of a student's own (words, ports) follow from the id, capitals too"
            )
        )
    if notes:
        reassembled = Reassembled(reassembled.notebook, reassembled.steps, (*reassembled.notes, *notes))
    return Submission(student, folder, "ok", reassembled, files.digest(folder, chapter))


class _Missing(Exception):
    """There is no notebook of the chapter; ``str()`` says what there is."""


def _notebook(folder: Path, chapter: Chapter) -> tuple[NotebookNode, list[Note]]:
    """The notebook of a submission: by its name, else the one that has the chapter's cells.

    Browsers and JupyterLab rename what is there twice (``ch01 (1).ipynb``, ``ch01-Copy1.ipynb``), people use
    other capitals, or pack a folder more. Raises _Missing, or Unreadable.
    """
    wanted, most = chapter.notebook.name, chapter.limits.notebook_bytes
    others = [name for name, _ in files.regular_files(folder) if name.lower().endswith(".ipynb")]
    if os.path.lexists(folder / wanted):
        try:
            return parse(files.read_regular(folder / wanted, most), wanted), []
        except files.Unreadable as error:
            others_there = [name for name in others if name != wanted]
            raise files.Unreadable(f"{error}{_named('found next to it', others_there)}") from error
    found: dict[str, tuple[str, NotebookNode]] = {}
    for name in others[:MOST_NOTEBOOKS]:
        with contextlib.suppress(files.Unreadable):
            notebook = parse(files.read_regular(folder / name, most), name)
            if has_cells_of(notebook, chapter):
                found.setdefault(_content(notebook), (name, notebook))
    if len(found) == 1:
        ((name, notebook),) = found.values()
        return notebook, [Note(f"there is no {wanted}; {name} has the chapter's cells and was used instead")]
    if found:
        names = ", ".join(name for name, _ in found.values())
        raise _Missing(f"the submission has no {wanted}, and more than one with the chapter's cells: {names}")
    raise _Missing(f"the submission has no {wanted}{_named('found instead', others)}")


def _named(how: str, names: list[str]) -> str:
    return f"; {how}: {', '.join(names[:3])}" if names else ""


def _content(notebook: NotebookNode) -> str:
    """What two notebooks have in common that are copies of each other: kinds and texts of their cells."""
    cells = [cell for cell in notebook["cells"] if isinstance(cell, Mapping)]
    return json.dumps([[cell.get("cell_type"), cell.get("source")] for cell in cells], default=str)


def parse(data: bytes, name: str) -> NotebookNode:
    """A notebook of any format version, as version 4. Raises Unreadable with the reason."""
    if not data.strip():
        raise files.Unreadable(f"{name} is empty")
    try:
        # Windows' editors save as UTF-16, with a mark at the beginning.
        with _reading(data):
            raw = json.loads(data.decode("utf-8-sig" if data[:2] not in _UTF16 else "utf-16"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise files.Unreadable(f"{name} is not a complete notebook: {reason[:200]}") from error
    if not isinstance(raw, dict) or not ("cells" in raw or "worksheets" in raw):
        raise files.Unreadable(f"{name} is not a notebook: it has no cells")
    try:
        with warnings.catch_warnings():
            # Missing ids and the like: reassembling makes its own.
            warnings.simplefilter("ignore")
            raw.setdefault("nbformat_minor", 0)
            raw.setdefault("metadata", {})
            if raw.get("nbformat") == 4:
                # Reassembling takes what it needs out of them, and from nothing else.
                notebook = NotebookNode(cells=raw.get("cells"))
            else:
                notebook = _converted(raw, len(data))
    # Hostile data makes nbformat's converters raise anything.
    except Exception as error:
        raise files.Unreadable(f"{name} is not a notebook that can be read: {str(error)[:200]}") from error
    if not isinstance(notebook.get("cells"), list):
        raise files.Unreadable(f"{name} is not a notebook: its cells are not a list")
    return notebook


def _converted(raw: dict[str, Any], size: int) -> NotebookNode:
    """A notebook of another format version as version 4. Raises whatever nbformat's converters raise."""
    if size > _MOST_OLD:
        raise ValueError(
            f"in a format before 4, at most {_MOST_OLD:,} bytes are accepted: save it in a newer one"
        )
    converted: NotebookNode = nbformat.convert(nbformat.from_dict(raw), 4)
    return converted


def _nothing(
    folder: Path, chapter: Chapter, student: str, state: Literal["missing", "unreadable"], problem: str
) -> Submission:
    bare = reassemble(None, chapter)
    # Missing tests need no note in addition to the problem itself.
    reassembled = Reassembled(bare.notebook, bare.steps, (Note(problem),))
    real = folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()
    found = files.digest(folder, chapter) if real else ""
    return Submission(student, folder, state, reassembled, f"{state}:{found}", problem)
