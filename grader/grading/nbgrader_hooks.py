"""What makes stock nbgrader use the trusted run, by config alone (``course/nbgrader_config.py``).

nbgrader's converter keeps its two passes, its folders and its gradebook. Replaced are: reading a submission
(a broken file becomes an empty notebook, not an aborted batch), the cells (reassembled), the execution, and
the saving of points, which here come from the verdict alone. A preprocessor that is skipped, fails or finds
nothing leaves zero or "needs a person", never points.
"""

from __future__ import annotations

import copy
import os
import stat
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import compute_checksum
from traitlets import Bool, Enum

from grader.course import Chapter, Course, marks
from grader.engine.base import GRADING_BACKENDS
from grader.errors import CourseError, GradingBusy
from grader.expect.words import visible
from grader.grading.journal import Journal
from grader.grading.judge.received import times_of_platforms_alone
from grader.grading.judge.results import SubmissionResult, TaskResult, number
from grader.grading.judge.run import grade_submission, sandbox_factory
from grader.grading.judge.submission import Submission, read_submission
from grader.grading.lock import course_lock, held_by_another
from grader.grading.verdicts import Verdicts

VERDICT = "dockbook_verdict"
Resources = dict[str, Any]


class _Reading:
    """What is read for one run of nbgrader's: the course once, and the submission at hand once.

    nbgrader makes new steps for each submission and each of its two passes, and has none of them keep
    anything.
    """

    def __init__(self, course: Course, submission: Submission | None = None) -> None:
        self.course = course
        self._submission = submission

    def submission(self, folder: Path, chapter: Chapter, student: str) -> Submission:
        """The student's. What ``given`` has given is not looked for in nbgrader's folder."""
        if self._submission is None or self._submission.student != student:
            self._submission = read_submission(folder, chapter, student)
        return self._submission


_given: ContextVar[_Reading | None] = ContextVar("given", default=None)
_readings: WeakKeyDictionary[BaseConverter, _Reading] = WeakKeyDictionary()
"""Of the converters of stock nbgrader, which are given nothing: one for each `nbgrader autograde`."""


@contextmanager
def given(course: Course, submission: Submission) -> Iterator[None]:
    """While this lasts, the hooks take these and read nothing from nbgrader's folders."""
    token = _given.set(_Reading(course, submission))
    try:
        yield
    finally:
        _given.reset(token)


def _reading(converter: BaseConverter) -> _Reading:
    found = _given.get() or _readings.get(converter)
    if found is None:
        found = _readings[converter] = _Reading(Course.read(Path(converter.coursedir.root)))
    return found


class TolerantExporter(NotebookExporter):
    """Lets a damaged submission through as an empty notebook; the next step, reassembling, reads the file.

    It is also our first step in a run: while another process grades here, it ends the run with a message,
    before nbgrader has removed what was there. Raises NbGraderException then.
    """

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        converter = self.parent
        if isinstance(converter, BaseConverter):
            times_of_platforms_alone(converter.coursedir)
            busy = held_by_another(_reading(converter).course)
            if busy is not None:
                converter.log.error(_folded(str(busy)))
                raise NbGraderException(str(busy))

    def from_filename(
        self, filename: str, resources: Resources | None = None, **kw: Any
    ) -> tuple[NotebookNode, Resources]:
        """As nbconvert's; what cannot be read becomes an empty notebook."""
        converter = self.parent
        if getattr(converter, "_sanitizing", False):
            # Its cells are read from the file when it is reassembled: nothing of the raw notebook goes this
            # way.
            converted = self.from_notebook_node(new_notebook(), resources=resources, **kw)
        else:
            converted = super().from_filename(filename, resources=resources, **kw)
        return cast("tuple[NotebookNode, Resources]", converted)


class _Trusted(NbGraderPreprocessor):
    """Finds the course, the chapter and the submission that nbgrader is at."""

    def _chapter(self, resources: Resources) -> Chapter:
        return self._course().chapter(resources["nbgrader"]["assignment"]).require()

    def _course(self) -> Course:
        return _reading(self._converter()).course

    def _converter(self) -> BaseConverter:
        converter = self.parent.parent
        if not isinstance(converter, BaseConverter):
            raise CourseError(
                f"{type(self).__name__} runs only inside nbgrader's converters.",
                next_step="use `nbgrader autograde` or `dockbook grade`.",
            )
        return converter

    def _submission(self, resources: Resources, chapter: Chapter) -> Submission:
        converter, facts = self._converter(), resources["nbgrader"]
        place, student = converter.coursedir, facts["student"]
        folder = place.format_path(place.submitted_directory, student, facts["assignment"])
        return _reading(converter).submission(Path(folder), chapter, student)


class TrustedReassembly(_Trusted):
    """First pass: the instructor's cells in the student's order, whatever the file looked like."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Replace ``nb`` with the reassembled notebook. Raises GradingBusy while another process grades
        here."""
        busy = held_by_another(self._course())
        if busy is not None:
            raise busy
        submission = self._submission(resources, self._chapter(resources))
        for note in submission.notes:
            self.log.warning("%s: %s", submission.student, note.text)
        # The second pass takes the submission too; what nbgrader's next steps change is not its.
        return copy.deepcopy(submission.reassembled.notebook), resources


class TrustedExecute(_Trusted):
    """Second pass: the trusted run, or the verdict that is already there for exactly this work."""

    reuse = Bool(True, help="Take a verdict on the same submission, tests and grader if there is one").tag(
        config=True
    )
    backend = Enum(GRADING_BACKENDS, "sandbox", help="The backend of the engines for grading").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Put the executed notebook in ``nb``'s place and the verdict into the resources."""
        resources.pop(VERDICT, None)
        course, chapter = self._course(), self._chapter(resources)
        submission, verdicts = self._submission(resources, chapter), Verdicts(course, chapter)
        result = verdicts.load(submission) if self.reuse else None
        if result is None:
            factory = sandbox_factory(chapter.limits, self.backend)
            with _alone(course, f"autograde {chapter.id}"):
                result = grade_submission(chapter, submission, factory)
                verdicts.save(submission, result)
                Journal(course, chapter).note_judged(submission.student, verdicts.key(submission))
        self._tell(result)
        resources[VERDICT] = result
        return from_dict(result.notebook), resources

    def _tell(self, result: SubmissionResult) -> None:
        """What the formgrader shows in its window, and `nbgrader autograde` on the terminal."""
        outcomes = ", ".join(f"{task.task} {task.outcome.replace('_', ' ')}" for task in result.tasks)
        points = f"{number(result.score)} of {number(result.max_score)} points"
        self.log.info(_folded(f"Dockbook's verdict on {result.student}: {points} ({outcomes})"))
        for note in result.notes:
            self.log.warning(_folded(f"{result.student}: {note}"))
        for task in result.tasks:
            if task.outcome == "blocked":
                reason = visible(task.reason, 1000).rstrip(".")
                next_step = "Autograde it again when that is fixed, or grade it by hand."
                self.log.error(_folded(f"{result.student}: {task.task} is not graded: {reason}. {next_step}"))


def _folded(text: str) -> str:
    """In lines that the formgrader's window shows whole, and nbgrader's log indents."""
    return textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False)


@contextmanager
def _alone(course: Course, doing: str) -> Iterator[None]:
    """Hold the course, unless this very process (`dockbook grade`) does. Raises GradingBusy."""
    with ExitStack() as stack:
        try:
            stack.enter_context(course_lock(course, doing))
        except GradingBusy as busy:
            if busy.pid != os.getpid():
                raise
        yield


class TrustedSaveAutoGrades(_Trusted):
    """Second pass: points from the verdict alone, for every graded cell the *gradebook* has."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Write scores and comments. Without a verdict on this very submission every score is zero."""
        facts = resources["nbgrader"]
        verdict = resources.get(VERDICT)
        if not isinstance(verdict, SubmissionResult) or verdict.student != facts["student"]:
            verdict = None
        chapter = self._chapter(resources)
        with Gradebook(facts["db_url"]) as gradebook:
            save_verdict(gradebook, chapter, facts["notebook"], facts["student"], verdict, nb)
        return nb, resources


def save_verdict(
    gradebook: Gradebook,
    chapter: Chapter,
    notebook: str,
    student: str,
    verdict: SubmissionResult | None,
    nb: NotebookNode | None = None,
) -> None:
    """The one writer of points. ``nb`` is looked at only for what waits for a person to grade it.

    Of the cell kinds of nbgrader's *Create Assignment*, a test gets the verdict's points; a manually graded
    answer or task waits for a person. ``nb``: the graded notebook (``Reassembled.notebook``).
    """
    by_task = {task.task: task for task in verdict.tasks} if verdict else {}
    by_test = {task.test_id: by_task.get(task.id) for task in chapter.tasks}
    submitted = gradebook.find_submission_notebook(notebook, chapter.id, student)
    cells = _Cells(submitted.notebook, nb)
    for grade in submitted.grades:
        if grade.name in by_test:
            result = by_test[grade.name]
            blocked = result is not None and result.outcome == "blocked"
            grade.auto_score = None if blocked else (result.score if result else 0.0)
        else:
            grade.auto_score = None if cells.waits(grade.name) else 0.0
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
    for comment in submitted.comments:
        # More than one test may look at what a cell did.
        results = [by_task.get(task.id) for task in chapter.tasks if task.solution_id == comment.name]
        said = "\n\n".join(dict.fromkeys(filter(None, map(_comment, results))))
        comment.auto_comment = said or ("No response." if cells.unanswered(comment.name) else None)
    gradebook.db.commit()


class _Cells:
    """The marked cells of a graded notebook and what the gradebook has of the released one."""

    def __init__(self, released: Any, nb: NotebookNode | None) -> None:
        self._released = {cell.name: cell for cell in released.source_cells}
        self._answers = {cell.name for cell in released.solution_cells}
        self._tasks = {cell.name for cell in released.task_cells}
        self._there: dict[str, NotebookNode] = {}
        self._copies: dict[str, list[NotebookNode]] = {}
        for cell in nb.cells if nb is not None else []:
            if grade_id := marks(cell).get("grade_id"):
                self._there[grade_id] = cell
            elif name := cell.metadata.get("dockbook", {}).get("copy_of"):
                self._copies.setdefault(name, []).append(cell)

    def waits(self, name: str) -> bool:
        """Whether a person has to grade this cell, by nbgrader's rules.

        A task always; an answer, be it text or code, unless it is unchanged from the release. Not without
        a notebook to look at, and not a test that the chapter no longer has.
        """
        cell = self._there.get(name)
        if cell is None:
            return False
        if name in self._tasks:
            return True
        return (name in self._answers or cell.cell_type != "code") and not self.unanswered(name)

    def unanswered(self, name: str) -> bool:
        """Whether a solution cell, and every copy of it, is unchanged from the release, or not there at
        all."""
        cell, released = self._there.get(name), self._released.get(name)
        if name in self._tasks:
            return False
        if cell is None or released is None:
            return cell is None
        copies = self._copies.get(name, ())
        return bool(released.checksum == compute_checksum(cell)) and all(
            copy.source == released.source for copy in copies
        )


def _comment(result: TaskResult | None) -> str:
    """What to know in addition to the test's own output. nbgrader renders it as Markdown."""
    if result is None:
        return ""
    said = {"blocked": "Not graded yet: ", "not_reached": "Not reached: "}.get(result.outcome, "")
    text = visible(said + result.reason, 1000)
    # Reasons quote names of the student's: no HTML, no links, no pictures from elsewhere.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("[", "\\[")


def drop_links(*, notebooks: list[str], **_facts: object) -> None:
    """After nbgrader copied a submission's files: remove what it copied by following a link.

    nbgrader's copy follows links in a submission, and its feedback would hand the content back. It calls
    this with the submitted notebooks' paths; what it says of the student may be ``*``.
    """
    for notebook in notebooks:
        submitted = Path(notebook).parent
        parts = list(submitted.parts)
        if "submitted" not in parts:
            continue
        parts[len(parts) - 1 - parts[::-1].index("submitted")] = "autograded"
        graded = Path(*parts)
        for base, folders, names in os.walk(submitted, followlinks=False):
            for name in (*folders, *names):
                path = Path(base, name)
                mode = path.lstat().st_mode
                copied = graded / path.relative_to(submitted)
                # The graded notebook is not a copy, whatever the submitted one was.
                if path.suffix == ".ipynb" or stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    continue
                if copied.is_file():
                    copied.unlink()
