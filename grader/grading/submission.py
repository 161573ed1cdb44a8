"""A submission, read from its folder. Whatever is wrong with it becomes a reason, never an exception."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat
from nbformat import NotebookNode

from grader.course import Chapter
from grader.grading import files
from grader.grading.graft import Grafted, Note, graft


@dataclass(frozen=True)
class Submission:
    """One student's work on one chapter, ready to be graded.

    ``state`` is ``ok``, or why there is nothing to run: ``missing`` or ``unreadable`` with ``problem`` in
    words. ``digest`` changes with any file of the submission.
    """

    student: str
    folder: Path
    state: Literal["ok", "missing", "unreadable"]
    grafted: Grafted
    digest: str
    problem: str = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is unlike the release, and what was left out."""
        return self.grafted.notes


def read_submission(folder: Path, chapter: Chapter, student: str) -> Submission:
    """Read ``folder`` (one student's copy of the chapter). Raises only CourseError, for the chapter."""
    if folder.is_symlink() or folder.parent.is_symlink():
        return _nothing(folder, chapter, student, "unreadable", "the submission's folder is a link")
    if not folder.is_dir():
        return _nothing(folder, chapter, student, "missing", "there is no submission")
    path = folder / chapter.notebook.name
    if not path.exists() and not path.is_symlink():
        others = [name for name, _ in files.regular_files(folder) if name.endswith(".ipynb")]
        found = f"; found instead: {', '.join(others[:3])}" if others else ""
        return _nothing(folder, chapter, student, "missing", f"the submission has no {path.name}{found}")
    try:
        submitted = parse(files.read_regular(path, chapter.limits.notebook_bytes), path.name)
    except files.Unreadable as error:
        return _nothing(folder, chapter, student, "unreadable", str(error))
    grafted = graft(submitted, chapter)
    strange = [Note(text) for text in files.passed_over(folder)]
    if strange:
        grafted = Grafted(grafted.notebook, grafted.steps, (*grafted.notes, *strange[:10]))
    return Submission(student, folder, "ok", grafted, files.digest(folder, chapter))


def parse(data: bytes, name: str) -> NotebookNode:
    """A notebook of any format version, as version 4. Raises Unreadable with the reason."""
    if not data.strip():
        raise files.Unreadable(f"{name} is empty")
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise files.Unreadable(f"{name} is no complete notebook: {reason[:200]}") from error
    if not isinstance(raw, dict) or not ("cells" in raw or "worksheets" in raw):
        raise files.Unreadable(f"{name} is no notebook: it has no cells")
    try:
        with warnings.catch_warnings():
            # Missing ids and the like: the graft makes its own.
            warnings.simplefilter("ignore")
            raw.setdefault("nbformat_minor", 0)
            raw.setdefault("metadata", {})
            notebook: NotebookNode = nbformat.from_dict(raw)
            if raw.get("nbformat") != 4:
                notebook = nbformat.convert(notebook, 4)
    # Hostile data makes nbformat's converters raise anything.
    except Exception as error:
        raise files.Unreadable(f"{name} is no notebook that can be read: {str(error)[:200]}") from error
    if not isinstance(notebook.get("cells"), list):
        raise files.Unreadable(f"{name} is no notebook: its cells are no list")
    return notebook


def _nothing(
    folder: Path, chapter: Chapter, student: str, state: Literal["missing", "unreadable"], problem: str
) -> Submission:
    bare = graft(None, chapter)
    # That the tests are not there is no news beside the problem itself.
    grafted = Grafted(bare.notebook, bare.steps, (Note(problem),))
    real = folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()
    found = files.digest(folder, chapter) if real else ""
    return Submission(student, folder, state, grafted, f"{state}:{found}", problem)
