"""nbgrader's parts, loaded with the course's own configuration. The only place that drives its converters."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbgrader.api
from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.utils import capture_log, temp_attrs
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from grader.course import Chapter, Course
from grader.errors import CourseError, GradebookError
from grader.grading.judge.files import in_the_way, regular_files
from grader.grading.judge.received import times_of_platforms_alone
from grader.grading.judge.results import SubmissionResult
from grader.grading.judge.submission import Submission
from grader.grading.lock import folder_of
from grader.grading.nbgrader_hooks import given
from grader.handouts import given_files

CONFIG_FILE = "nbgrader_config.py"
LOCK_WAIT_S = 10
"""Seconds to wait for another process's transaction."""


class SafeCopy(BaseConverter):
    """Copies a submission's own files without following links. Runs after Autograde's own set-up."""

    own_files: Path | None = None
    """The submission's folder; None where nothing of it is to be copied."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """In place of nbgrader's copy."""
        if self.own_files is None:
            return
        target = Path(self._format_dest(assignment_id, student_id))
        chapter = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", assignment_id))
        # What nbgrader writes after this, here and for the feedback; it would fail at anything in its way.
        written = [f"{assignment_id}.ipynb", f"{assignment_id}.html"]
        own = [name for name, _ in given_files(chapter)] + written
        for name, path in regular_files(self.own_files):
            if name.endswith(".ipynb") or name in written or in_the_way(name, own):
                continue
            copied = target / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            # What cannot be read is named by the run, which could not take it along either.
            with contextlib.suppress(OSError):
                shutil.copyfile(path, copied, follow_symlinks=False)


class OneNotebook(BaseConverter):
    """Converts one notebook that it is given, where nbgrader would look for it by a pattern.

    Ids may have the signs of patterns in them (``[q]``).
    """

    notebook_file: Path

    def init_notebooks(self) -> None:
        """In place of nbgrader's search."""
        self.assignments = {str(self.notebook_file.parent): [str(self.notebook_file)]}
        self.notebooks: list[str] = []


class TrustedAutograde(OneNotebook, Autograde, SafeCopy):
    """nbgrader's Autograde with its usual configuration and the copy above."""


class OneFeedback(OneNotebook, GenerateFeedback):
    """nbgrader's GenerateFeedback with its usual configuration."""


@contextlib.contextmanager
def _nbgrader() -> Iterator[None]:
    """Around every call of nbgrader: its use of SQLAlchemy's sessions causes warnings, none about this
    package.

    Its gradebook opens a new SQLAlchemy engine each time, half a dozen for a submission, and SQLAlchemy keeps
    the statements that it compiled for each of them: time and memory that grow with the class. One serves.
    """
    with warnings.catch_warnings(), temp_attrs(nbgrader.api, create_engine=_one_engine):
        warnings.simplefilter("ignore", SAWarning)
        yield


_one_engine = cache(nbgrader.api.create_engine)


class Books:
    """nbgrader in one course: its folders, its converters, its gradebook. One at a time writes.

    nbgrader's converters change the working directory while they run: use one thread.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        _own_programs()
        try:
            self.config: Config = PyFileConfigLoader(CONFIG_FILE, path=str(course.root)).load_config()
        except ConfigFileNotFound as error:
            raise CourseError(
                f"There is no {CONFIG_FILE} in {course.root}.", next_step="restore it from version control."
            ) from error
        self.config.CourseDirectory.root = str(course.root)
        self.log = _quiet_log()
        self.coursedir: Any = CourseDirectory(config=self.config, log=self.log)
        times_of_platforms_alone(self.coursedir)
        self._api: Any = NbGraderAPI(self.coursedir, config=self.config, log=self.log)

    def folder(self, step: str, student: str, chapter: Chapter) -> Path:
        """``submitted``, ``autograded``, ``feedback`` or ``release`` folder of one student's chapter."""
        return Path(self.coursedir.format_path(step, student, chapter.id))

    @property
    def submitted(self) -> Path:
        """The folder of submissions."""
        return self.course.root / str(self.coursedir.submitted_directory)

    def students(self, chapter: Chapter) -> list[str]:
        """The students who submitted something for this chapter, sorted."""
        base = self.submitted
        if not base.is_dir():
            return []
        return sorted(
            entry.name
            for entry in base.iterdir()
            if not entry.name.startswith(".") and self._handed_in(entry.name, chapter)
        )

    def _handed_in(self, student: str, chapter: Chapter) -> bool:
        folder = self.folder("submitted", student, chapter)
        return folder.is_symlink() or folder.is_dir()

    def released(self, chapter: Chapter) -> bool:
        """Whether the gradebook knows the chapter's notebook."""
        if not (self.course.root / "gradebook.db").exists():
            return False
        with self.open() as gradebook:
            try:
                gradebook.find_notebook(chapter.id, chapter.id)
            except MissingEntry:
                return False
        return True

    def require_released(self, chapter: Chapter) -> None:
        """Raises CourseError when the gradebook does not know the chapter."""
        if not self.released(chapter):
            raise CourseError(
                f"Chapter {chapter.id} was never released here, so the gradebook does not know its tasks.",
                next_step=f"run `dockbook release {chapter.id}`.",
            )

    @contextlib.contextmanager
    def open(self) -> Iterator[Gradebook]:
        """The gradebook. Raises GradebookError when it cannot be opened, read or written."""
        with _nbgrader():
            try:
                with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                    yield gradebook
            except (SQLAlchemyError, OSError) as error:
                raise self._unusable(str(error)) from error

    def require_writable(self) -> None:
        """Look at the gradebook before an hour's work is to go into it. Raises GradebookError.

        Asks SQLite itself for the lock that writing needs, so that a locked, a read-only and a damaged file
        are told apart. A gradebook behind another kind of URL is left to its server.
        """
        prefix = "sqlite:///"
        url = str(self.coursedir.db_url)
        path = Path(url.removeprefix(prefix))
        if not url.startswith(prefix) or not path.exists():
            return
        if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            raise self._unusable("it, or its folder, is read-only here")
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                found = db.execute("PRAGMA quick_check(1)").fetchone()
                version = db.execute("SELECT version_num FROM alembic_version").fetchone()
                db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from error
        if found and found[0] != "ok":
            raise self._unusable(f"it is damaged: {found[0]}")
        if version is None or version[0] != _current_version():
            raise self._unusable(
                f"it was made by another nbgrader (its tables' version is {version and version[0]})"
            )

    def _unusable(self, reason: str) -> GradebookError:
        return GradebookError(
            f"The gradebook {self.coursedir.db_url} cannot be used: {reason.splitlines()[0][:300]}",
            next_step="close what else uses it; for an older one make a copy, then `nbgrader db upgrade`.",
        )

    def generate_assignment(self, chapter: Chapter) -> None:
        """nbgrader's release of one chapter. Raises CourseError with nbgrader's words, or GradebookError."""
        with _nbgrader():
            said = self._api.generate_assignment(chapter.id, force=True, create=True)
        if not said["success"] and "sqlalchemy." in str(said.get("error", "")) + str(said.get("log", "")):
            raise self._unusable(_last_line(said))
        if not said["success"]:
            raise CourseError(
                f"nbgrader could not release {chapter.id}: {_last_line(said)}",
                next_step="correct the chapter's notebook; if its tasks changed after submissions came in, "
                "start a new gradebook.",
            )

    def autograde(self, chapter: Chapter, submission: Submission) -> str:
        """nbgrader's own Autograde for one submission, forced; empty, or its last words on a failure.

        nbgrader is shown a folder with an empty notebook in place of the submission: what a student's files
        are called means nothing to it, and a submission without a usable notebook has its page all the same.
        """
        student, folder = submission.student, submission.folder
        stage = folder_of(self.course) / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        notebook = stage / student / chapter.id / chapter.notebook.name
        notebook.parent.mkdir(parents=True)
        notebook.touch()
        wanted = {
            "assignment_id": chapter.id,
            "student_id": glob.escape(student),
            "submitted_directory": stage.relative_to(self.course.root).as_posix(),
            # It copies the source's files, and the feedback has them, too: what was released, nothing else.
            "source_directory": self.coursedir.release_directory,
        }
        linked = folder.is_symlink() or folder.parent.is_symlink()
        try:
            with _nbgrader(), temp_attrs(self.coursedir, **wanted), given(self.course, submission):
                converter = TrustedAutograde(coursedir=self.coursedir, parent=self._api)
                converter.force, converter.notebook_file = True, notebook
                converter.own_files = folder if folder.is_dir() and not linked else None
                said = _run(converter)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        return "" if said["success"] else _last_line(said)

    def feedback(self, chapter: Chapter, student: str) -> str:
        """nbgrader's feedback page for one student; empty, or nbgrader's last words on a failure."""
        wanted = {"assignment_id": chapter.id, "student_id": glob.escape(student)}
        with _nbgrader(), temp_attrs(self.coursedir, **wanted):
            converter = OneFeedback(coursedir=self.coursedir, parent=self._api)
            converter.force = True
            converter.notebook_file = self.folder("autograded", student, chapter) / chapter.notebook.name
            said = _run(converter)
        return "" if said["success"] else _last_line(said)

    def holds(self, chapter: Chapter, result: SubmissionResult) -> bool:
        """Whether the gradebook and nbgrader's folders have what follows from this verdict."""
        try:
            there = self.scores(chapter, result.student)
        except GradebookError:
            return False
        if there != {task.task: task.score for task in result.tasks}:
            return False
        graded = self.folder("autograded", result.student, chapter) / chapter.notebook.name
        page = self.folder("feedback", result.student, chapter) / f"{chapter.id}.html"
        return graded.is_file() and page.is_file()

    def scores(self, chapter: Chapter, student: str) -> dict[str, float | None]:
        """What the gradebook holds for one student: automatic points by task; None is ungraded.

        Raises GradebookError when it holds nothing.
        """
        with self.open() as gradebook:
            try:
                notebook = gradebook.find_submission_notebook(chapter.id, chapter.id, student)
            except MissingEntry as error:
                raise GradebookError(
                    f"The gradebook has no grades of {student} for {chapter.id}.",
                    next_step=f"run `dockbook grade {chapter.id}`.",
                ) from error
            by_test = {grade.name: grade.auto_score for grade in notebook.grades}
        return {task.id: by_test.get(task.test_id) for task in chapter.tasks}


def _run(converter: BaseConverter) -> dict[str, Any]:
    """What nbgrader says of a conversion, by its ``capture_log``.

    That takes Ctrl-C and a signal to end for failures of the conversion; here they are raised.
    """
    ended: list[BaseException] = []
    start = converter.start

    def begin() -> None:
        try:
            start()
        except (KeyboardInterrupt, SystemExit) as error:
            code = error.code if isinstance(error, SystemExit) else None
            # nbgrader ends itself with 1; 128 and more mean a signal.
            if code is None or (isinstance(code, int) and code >= 128):
                ended.append(error)
            raise

    with temp_attrs(converter, start=begin):
        said: dict[str, Any] = capture_log(converter)
    if ended:
        raise ended[0]
    return said


@cache
def _current_version() -> str | None:
    """The version of the tables that this nbgrader makes."""
    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


def _own_programs() -> None:
    """nbgrader starts `alembic` by name when it makes a gradebook: this environment's, activated or not."""
    own = str(Path(sys.executable).parent)
    found = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if own not in found:
        os.environ["PATH"] = os.pathsep.join([own, *found])


def _last_line(said: dict[str, Any]) -> str:
    # nbgrader indents what comes after a message's first line.
    lines = [line.strip() for line in str(said.get("log", "")).splitlines()]
    for line in reversed(lines):
        if line.startswith("grader.errors."):
            return line.partition(": ")[2]
    for line in reversed(lines):
        if "Error" in line and not line.startswith("["):
            return line.strip()
    lines = str(said.get("error") or said.get("log") or "no reason given").strip().splitlines()
    return lines[-1].strip()


def _quiet_log() -> logging.Logger:
    """nbgrader's log is captured for each call; nothing of it goes to the terminal."""
    log = logging.getLogger("dockbook.nbgrader")
    log.propagate = False
    log.setLevel(logging.INFO)
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log
