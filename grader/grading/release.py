"""Make a chapter's release: nbgrader's own, then searched for anything that must not leave."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.chapter_faults import require_sound
from grader.course import Chapter, Course
from grader.errors import CourseError
from grader.grading.gradebook import Books
from grader.grading.judge.files import regular_files
from grader.grading.lock import course_lock

_REGIONS = (("BEGIN SOLUTION", "END SOLUTION"), ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS"))
_SHORT = 4  # a line of fewer characters (`)`, `]`) tells nothing


def release(course: Course, chapters: Sequence[Chapter | str] = ()) -> list[Path]:
    """Release chapters (none named: all that are written) and enter them in the gradebook.

    Returns the release folders. Can be repeated. Raises CourseError when a chapter is not written, cannot be
    released, or its release would show a solution or a hidden test; such a release is removed. Raises
    GradingBusy while another process grades in this course.
    """
    if course.shipped:
        raise CourseError(
            f"{course.root} is the copy inside the installed package.",
            next_step="release from a clone of the course, or copy that folder and name it with --course.",
        )
    named = [course.chapter(name) if isinstance(name, str) else name for name in chapters]
    wanted = named or list(course.written)
    if not wanted:
        raise CourseError(f"No chapter is written in {course.root}.", next_step="add source/ID/ID.ipynb.")
    for chapter in wanted:
        require_sound(chapter.require())
        _ = chapter.tasks  # refuses test cells that could never be graded
    books = Books(course)
    with course_lock(course, "release " + ", ".join(chapter.id for chapter in wanted)):
        books.require_writable()
        return [_release(books, chapter) for chapter in wanted]


def _release(books: Books, chapter: Chapter) -> Path:
    books.generate_assignment(chapter)
    folder = books.folder("release", ".", chapter).resolve()
    leak = next(leaks(chapter, folder), None)
    if leak is not None:
        shutil.rmtree(folder)
        raise CourseError(
            f"The release of {chapter.id} would show {leak}; it was removed.",
            next_step="keep solutions and hidden tests between their BEGIN and END lines.",
        )
    return folder


def leaks(chapter: Chapter, folder: Path) -> Iterator[str]:
    """What in a release should not be there, in words that do not show it."""
    secret = secrets(chapter.source)
    markers = [marker for pair in _REGIONS for marker in pair]
    for name, path in regular_files(folder):
        text = _text(path)
        for marker in markers:
            if marker in text:
                yield f'"{marker}" in {name}'
        lines = {line.strip() for line in text.splitlines()}
        for line, where in secret.items():
            if line in lines:
                yield f"a line of {where} in {name}"


def secrets(source: NotebookNode) -> dict[str, str]:
    """Lines that are only inside solutions and hidden tests, and the cell each belongs to."""
    hidden: dict[str, str] = {}
    shown: set[str] = set()
    for position, cell in enumerate(source.cells, 1):
        end = ""
        for line in str(cell.source).splitlines():
            starts = next((stop for begin, stop in _REGIONS if begin in line), "")
            if starts or (end and end in line):
                end = starts
            elif end and len(line.strip()) >= _SHORT:
                grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", position)
                hidden[line.strip()] = f"cell {grade_id!r}"
            elif not end:
                shown.add(line.strip())
    return {line: where for line, where in hidden.items() if line not in shown}


def _text(path: Path) -> str:
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        parts = [str(cell.source) for cell in notebook.cells]
        outputs = [str(output) for cell in notebook.cells for output in cell.get("outputs", [])]
        return "\n".join([*parts, *outputs])
    return path.read_text(encoding="utf-8", errors="replace")
