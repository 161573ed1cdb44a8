"""The course as files: where it is, its chapters, and what each chapter's notebook asks.

Everything here is read from the instructor's source. Nothing of a submission comes near it.
"""

from __future__ import annotations

import codecs
import difflib
import fnmatch
import json
import os
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from grader import variables, worked_answers
from grader.errors import CourseError, NoCourse
from grader.test_cell import read_test

if TYPE_CHECKING:
    from nbformat import NotebookNode

COURSE_FILE = "chapters.toml"
MAX_FILES = 2000
"""Files of a submission at most."""
MAX_NAME = 1000
"""Bytes of a relative name in it: a longer path may be too long for the place that it is copied to."""
# What an editor, Python, an operating system or the course puts next to a person's files.
_IGNORED = (
    *(".ipynb_checkpoints", "__pycache__", "*.pyc"),
    *("__MACOSX", "._*", ".DS_Store", "Thumbs.db", "desktop.ini"),
    worked_answers.HIDDEN,  # the course's own
)
_SHIPPED = Path(__file__).with_name("_course")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\Z")
_MOST, _MOST_S = 10**12, 10**6
"""The largest limit, and the largest in seconds: more cannot be counted or waited for."""


def ignored(name: str) -> bool:
    """Whether a file or folder of this name never belongs to a submission: no student's own work."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in _IGNORED)


@dataclass(frozen=True)
class Limits:
    """What one submission may use while it is graded: seconds, bytes, mebibytes (``*_mb``), counts."""

    cell_s: float = 60
    total_s: float = 600
    output_bytes: int = 1_000_000
    notebook_bytes: int = 20_000_000
    files_bytes: int = 50_000_000
    memory_mb: int = 768
    processes: int = 512
    disk_mb: int = 1024


@dataclass(frozen=True)
class Task:
    """One graded task, from the instructor's notebook.

    ``test_id`` is the test cell's grade id; ``test_source`` holds the hidden tests. ``after`` names the
    tasks that must have passed; ``answers`` the student's variables that the test asks for. ``private``: on
    an engine that is not the course's own it is not reached.
    """

    id: str
    points: float
    test_id: str
    test_source: str
    solution_id: str
    after: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True)
class Chapter:
    """One chapter. ``folder`` and ``notebook`` may not exist yet: see ``written``. ``about``: one line.

    ``released``: the folder of what students were given, once it was.
    """

    id: str
    title: str
    folder: Path
    limits: Limits
    images: tuple[str, ...] = ()
    about: str = ""
    released: Path | None = None

    @property
    def notebook(self) -> Path:
        """The instructor's notebook, solutions and hidden tests included."""
        return self.folder / f"{self.id}.ipynb"

    @property
    def written(self) -> bool:
        """Whether the chapter's notebook is there."""
        return self.notebook.is_file()

    def require(self) -> Self:
        """This chapter. Raises CourseError when it is not written yet."""
        if not self.written:
            raise CourseError(
                f'Chapter {self.id} ("{self.title}") is not written yet: there is no {self.notebook}.',
                next_step="choose a chapter that is there (`dockbook doctor` names the course's folder).",
            )
        return self

    @cached_property
    def source(self) -> NotebookNode:
        """The instructor's notebook, format 4. Raises CourseError if it is missing or cannot be read."""
        import nbformat

        from grader.notebook_shape import require_shape

        self.require()
        try:
            with warnings.catch_warnings():
                # Notebooks from before cell ids existed are valid, too.
                warnings.simplefilter("ignore")
                text = _decoded(self.notebook.read_bytes())
                require_shape(json.loads(text), self.notebook)
                notebook: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
                require_shape(notebook, self.notebook)
            return notebook
        except CourseError:
            raise
        # nbformat raises whatever its parsers raise.
        except Exception as error:
            raise CourseError(
                f"The chapter's notebook {self.notebook} cannot be read: {error}",
                next_step="restore it from version control.",
            ) from error

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The graded tasks in the notebook's order. Raises CourseError when a test cell is not usable."""
        return tuple(_tasks(self.source, self.notebook))

    @property
    def max_score(self) -> float:
        """Points of all tasks."""
        return sum(task.points for task in self.tasks)

    @cached_property
    def setup(self) -> str:
        """Source of the first code cell: what a fresh kernel needs before any other cell can run."""
        return next((str(cell.source) for cell in self.source.cells if cell.cell_type == "code"), "")

    def task(self, task_id: str) -> Task:
        """The task of that name. Raises CourseError with the close names."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise CourseError(
            f"Chapter {self.id} has no task {task_id!r}.",
            next_step=_suggest(task_id, [task.id for task in self.tasks]),
        )


@dataclass(frozen=True)
class Course:
    """A course folder: ``chapters.toml``, ``source/``, and next to them what nbgrader makes."""

    root: Path
    chapters: tuple[Chapter, ...]

    @classmethod
    def find(cls, path: Path | str | None = None, *, shipped: bool = True) -> Self:
        """The course: at ``path``, else at $DOCKBOOK_COURSE, else ``course`` here or above, else as shipped.

        ``shipped``: whether the copy inside the package will do. Raises CourseError when a place that was
        named holds no course, or when the course that was found is faulty; NoCourse when there is none.
        """
        if path is not None:
            return cls.read(_named(Path(path), "the path given"))
        if named := os.environ.get(variables.COURSE):
            return cls.read(_named(Path(named), f"${variables.COURSE}"))
        here = Path.cwd()
        for folder in (here, *here.parents):
            for candidate in (folder, folder / "course"):
                # A course that cannot be read is still this course: no reason to use another.
                if os.path.lexists(candidate / COURSE_FILE):
                    return cls.read(candidate)
        if shipped and (_SHIPPED / COURSE_FILE).is_file():
            return cls.read(_SHIPPED)
        raise NoCourse(
            f"No course found: no {COURSE_FILE} in {here}, in a folder `course` there or above.",
            next_step=f"go to the course's folder, name it with --course, or set {variables.COURSE} to it.",
        )

    @classmethod
    def read(cls, root: Path) -> Self:
        """The course in ``root``. Raises CourseError when its chapters.toml is not usable."""
        root = root.resolve()
        path = root / COURSE_FILE
        try:
            data = tomllib.loads(_decoded(path.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            raise CourseError(
                f"{path} cannot be read: {error}", next_step="correct it, or restore it from version control."
            ) from error
        limits = _limits(Limits(), data.get("limits", {}), path)
        entries = data.get("chapter", [])
        if not isinstance(entries, list):
            raise CourseError(f"{path}: chapter is not a list.", next_step="begin each with [[chapter]].")
        chapters = tuple(_chapter(root, entry, limits, path) for entry in entries)
        ids = [chapter.id for chapter in chapters]
        if twice := next((one for one in ids if ids.count(one) > 1), None):
            raise CourseError(f"{path}: two chapters have the id {twice!r}.", next_step="rename one.")
        if not chapters:
            raise CourseError(f"{path} lists no [[chapter]].", next_step="add one with an id and a title.")
        return cls(root, chapters)

    @property
    def shipped(self) -> bool:
        """Whether this is the read-only copy inside the installed package."""
        return self.root == _SHIPPED.resolve()

    @property
    def written(self) -> tuple[Chapter, ...]:
        """The chapters whose notebooks are there."""
        return tuple(chapter for chapter in self.chapters if chapter.written)

    def chapter(self, name: str) -> Chapter:
        """The chapter called ``name`` (``ch03`` or ``ch03-using-docker``), written or not.

        Raises CourseError with the close names when there is none.
        """
        wanted = name.strip().rstrip("/")
        for chapter in self.chapters:
            if wanted in (chapter.id, chapter.id.split("-")[0]):
                return chapter
        raise CourseError(
            f"There is no chapter {name!r} in {self.root / COURSE_FILE}.",
            next_step=_suggest(wanted, [chapter.id for chapter in self.chapters]),
        )


def _decoded(data: bytes) -> str:
    """Text as editors save it: on Windows with a byte order mark at the beginning, in UTF-8 or UTF-16."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if marked else "utf-8-sig").replace("\r\n", "\n")


def _named(path: Path, how: str) -> Path:
    for candidate in (path, path / "course"):
        if (candidate / COURSE_FILE).is_file():
            return candidate
    raise CourseError(
        f"{path} ({how}) is not a course folder: it has no {COURSE_FILE}.",
        next_step="name the folder that holds chapters.toml and source/.",
    )


def _suggest(wanted: str, names: list[str]) -> str:
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
    return f"did you mean {' or '.join(close)}?" if close else f"choose one of: {', '.join(names)}."


def _limits(base: Limits, given: Any, path: Path) -> Limits:
    known = {field.name for field in fields(Limits)}
    if not isinstance(given, Mapping):
        raise CourseError(f"{path}: limits must be a table.", next_step=f"use these keys: {sorted(known)}.")
    for key, value in given.items():
        if key not in known or not _usable(key, value):
            raise CourseError(
                f"{path}: the limit {key} = {_shown(value)} is not usable.",
                next_step="limits are positive numbers, whole ones unless they are seconds, of at most "
                f"{_MOST_S:,} s or {_MOST:,}, with one of these names: {', '.join(sorted(known))}.",
            )
    return replace(base, **{key: value if key.endswith("_s") else int(value) for key, value in given.items()})


def _usable(key: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    seconds = key.endswith("_s")
    return 0 < value <= (_MOST_S if seconds else _MOST) and (seconds or value % 1 == 0)


def _shown(value: object) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # Python writes out no number of more than 4300 digits
        return f"a {type(value).__name__}"


def _chapter(root: Path, entry: Any, limits: Limits, path: Path) -> Chapter:
    if not isinstance(entry, Mapping):
        raise CourseError(
            f"{path}: {_shown(entry)} is not a chapter.", next_step="begin each with [[chapter]]."
        )
    name = entry.get("id")
    for key in ("title", "about"):
        if not isinstance(entry.get(key, None if key == "title" else ""), str):
            found = f"{key} = {_shown(entry[key])}" if key in entry else f"no {key}"
            raise CourseError(
                f"{path}: the chapter {_shown(name)} has {found}.", next_step=f'write {key} = "...".'
            )
    images = entry.get("images", [])
    if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
        raise CourseError(
            f"{path}: images = {_shown(images)} of the chapter {_shown(name)} is not usable.",
            next_step='list names: images = ["busybox:latest"].',
        )
    if not isinstance(name, str) or not _ID.match(name):
        raise CourseError(
            f"{path}: the chapter id {_shown(name)} is not usable.",
            next_step="use lowercase letters, digits and hyphens, as in ch03-using-docker.",
        )
    return Chapter(
        id=name,
        title=entry["title"],
        folder=root / "source" / name,
        limits=_limits(limits, entry.get("limits", {}), path),
        images=tuple(images),
        about=entry.get("about", ""),
        released=root / "release" / name,
    )


def is_points(value: object) -> bool:
    """Whether a mark can be the points of a task."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def marks(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The nbgrader metadata of a cell; empty when it has none (or nonsense)."""
    metadata = cell.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def is_test(cell: Mapping[str, Any]) -> bool:
    """Whether an instructor's cell is an automatic test: a graded code cell that is not a solution."""
    found = marks(cell)
    return bool(cell["cell_type"] == "code" and found.get("grade") and not found.get("solution"))


def is_by_hand(cell: Mapping[str, Any]) -> bool:
    """Whether a person grades an instructor's cell: *Manually graded answer* (text or code) or *task*."""
    found = marks(cell)
    answer = found.get("grade") and (found.get("solution") or cell["cell_type"] != "code")
    return bool(found.get("task") or answer)


def _tasks(source: NotebookNode, path: Path) -> Iterator[Task]:
    solution, seen = "", set[str]()
    for cell in source.cells:
        found = marks(cell)
        if found.get("solution") and not is_by_hand(cell):
            solution = str(found.get("grade_id", ""))
        if not is_test(cell):
            continue
        test_id = str(found.get("grade_id", ""))
        where = f"{path}, test cell {test_id!r}"
        facts = read_test(str(cell.source), where)
        if facts.task in seen:
            raise CourseError(f"{where}: task {facts.task!r} has two tests.", next_step="rename one.")
        seen.add(facts.task)
        points = found.get("points", 0)
        if not is_points(points):
            raise CourseError(
                f"{where}: {_shown(points)} is not a number of points.", next_step="correct it."
            )
        yield Task(
            id=facts.task,
            points=float(points),
            test_id=test_id,
            test_source=str(cell.source),
            solution_id=solution,
            after=facts.after,
            answers=facts.answers,
            private=facts.private,
        )
