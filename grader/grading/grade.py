"""Grade a chapter: a verdict for each submission, then nbgrader's folders, gradebook and feedback from it.

Two steps that never mix: verdicts (pure, one engine each, nothing shared, any number side by side) and one
writer of everything else. What is through both is noted in the journal: if the process is killed at any
moment, only the submissions in progress are lost, and the same command grades those again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import psutil

from grader.course import Chapter, Course, Limits
from grader.engine.base import Engine
from grader.engine.choose import backend as backend_of
from grader.errors import CourseError, EngineError, GradebookError
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.judge.results import ChapterResult, SubmissionResult
from grader.grading.judge.run import EngineFactory, grade_submission, merge_results, sandbox_factory
from grader.grading.judge.submission import Submission, read_submission
from grader.grading.lock import course_lock, folder_of
from grader.grading.report.gather import standings
from grader.grading.verdicts import Verdicts

Stage = Literal["running", "kept", "graded", "written"]
PER_CORE = 4
"""Submissions side by side for each core: a course's cells mostly wait (for containers, for time to pass)."""


@dataclass(frozen=True)
class Event:
    """What just happened to a submission, and the progress of the batch.

    ``done`` are through everything; ``kept`` had a verdict already, also as a stage; ``blocked`` could not be
    graded; ``running`` are being judged, and ``judged`` have been.
    """

    student: str
    stage: Stage
    total: int
    done: int = 0
    kept: int = 0
    running: int = 0
    blocked: int = 0
    judged: int = 0


Progress = Callable[[Event], None]
"""Told about each submission. It may be called from several threads, one at a time."""


def grade(
    course: Course,
    chapter: Chapter | str,
    *,
    students: Sequence[str] | None = None,
    again: bool = False,
    tasks: Collection[str] = (),
    jobs: int | None = None,
    backend: str = "sandbox",
    progress: Progress | None = None,
    engine_factory: EngineFactory | None = None,
) -> ChapterResult:
    """Grade the submissions of one chapter (or of the ``students`` named) and write all that follows.

    An existing verdict for the same work, tests and grader is reused; ``again`` grades again anyway,
    and with ``tasks`` changes only the outcome of those. One bad submission never stops the others.
    ``jobs``: submissions side by side, None for as many as this machine can handle (``default_jobs``).
    ``backend``: ``sandbox`` (``auto`` means that too) or ``vm``.

    Raises CourseError when nothing was released or submitted, or a named student or task does not exist;
    GradingBusy while another process grades in this course; GradebookError when the gradebook cannot be
    written, before any work goes into it.
    """
    backend = "sandbox" if backend == "auto" else backend
    if not backend_of(backend).grades:
        raise CourseError(
            f"Grading cannot use a {backend!r} engine: a submission could take over the machine.",
            next_step="use sandbox or vm.",
        )
    chapter = course.chapter(chapter) if isinstance(chapter, str) else chapter
    books = Books(course)
    chosen = _choose(books, chapter.require(), students)
    _ = chapter.tasks  # read once, here: workers that start together would each read it
    for name in tasks:
        chapter.task(name)
    with course_lock(course, f"grade {chapter.id}"), _scratch(course) as scratch:
        books.require_writable()
        batch = _Batch(
            books,
            chapter,
            engines=_Engines(engine_factory or sandbox_factory(chapter.limits, backend)),
            scratch=scratch,
            tell=progress or _silent,
            total=len(chosen),
        )
        if again:
            batch.regrade(chosen, tasks)
        batch.run(chosen, jobs or default_jobs(chapter.limits, backend))
        try:
            held = standings(books, chapter, batch.results)
        except GradebookError as error:
            held, batch.problems = {}, [*batch.problems, str(error)]
    return ChapterResult(chapter.id, tuple(batch.results), tuple(batch.problems), held)


def default_jobs(limits: Limits, backend: str = "sandbox") -> int:
    """How many submissions this machine can handle at a time: by its cores, and by memory if all reach a
    limit.

    An emulated virtual machine keeps one core busy, its keeper and the trusted side another.
    """
    if backend_of(backend).emulated:
        return max(1, (os.cpu_count() or 1) // 2)
    each = (limits.memory_mb + limits.disk_mb) << 20
    by_memory = psutil.virtual_memory().available // each
    return int(max(1, min(PER_CORE * (os.cpu_count() or 1), by_memory)))


@dataclass(frozen=True)
class _Judged:
    """What a worker gives the writer."""

    student: str
    submission: Submission
    result: SubmissionResult
    kept: bool


class _Engines:
    """Engines of a batch, so that all can be ended when the batch is."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._open: set[Engine] = set()
        self._lock = threading.Lock()
        self._over = False

    def __call__(self) -> Engine:
        if self._over:
            raise EngineError("The grading was interrupted.")
        engine = self._factory()
        with self._lock:
            self._open = {other for other in self._open if other.dispose_s is None} | {engine}
        return engine

    def end(self) -> None:
        """No more engines; the running ones are disposed of while in use."""
        self._over = True
        with self._lock:
            running = list(self._open)
        for engine in running:
            with contextlib.suppress(Exception):
                engine.close()


class _Batch:
    """One run over some submissions of a chapter."""

    def __init__(
        self,
        books: Books,
        chapter: Chapter,
        *,
        engines: _Engines,
        scratch: Path,
        tell: Progress,
        total: int,
    ) -> None:
        self.books, self.chapter, self.engines = books, chapter, engines
        self.scratch = scratch
        self._hear, self._lock, self._state = tell, threading.Lock(), Event("", "running", total)
        self.verdicts = Verdicts(books.course, chapter)
        self.verdicts.sweep()
        self.journal = Journal(books.course, chapter)
        self.results: list[SubmissionResult] = []
        self.problems: list[str] = []
        self.again: set[str] = set()
        self.tasks: Collection[str] = ()
        self.regrading = False

    def regrade(self, students: Sequence[str], tasks: Collection[str]) -> None:
        """Grade these again, except those that the same, interrupted regrading has already done."""
        self.regrading, self.tasks = True, tasks
        self.again = set(students) - self.journal.begin_regrade(students, tasks)

    def run(self, students: Sequence[str], jobs: int) -> None:
        """Judge and write them all."""
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="grader") as pool:
            try:
                # Each one is written as soon as it is done: a slow one does not hold up the others.
                for judged in _as_done(pool, self.judge, students, ahead=2 * jobs):
                    self.write(judged)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.engines.end()
                raise
        self.results.sort(key=lambda result: result.student)
        self.problems.sort()
        if self.regrading:
            self.journal.end_regrade()
        self.verdicts.prune(self.journal.keys())

    def judge(self, student: str) -> _Judged:
        """A worker's part: read, then the kept verdict or a trusted run. Writes nothing."""
        submission = read_submission(
            self.books.folder("submitted", student, self.chapter), self.chapter, student
        )
        kept = None if student in self.again else self.verdicts.load(submission)
        if kept is not None:
            self._tell(student, "kept", kept=1)
            return _Judged(student, submission, kept, kept=True)
        self._tell(student, "running", running=1)
        result = grade_submission(self.chapter, submission, self.engines, scratch=self.scratch)
        self._tell(student, "graded", running=-1, judged=1)
        before = self.verdicts.read(self.journal.judged(student)) if self.tasks else None
        if before is not None and before.student == student:
            result = merge_results(submission, before, result, self.tasks)
        return _Judged(student, submission, result, kept=False)

    def write(self, judged: _Judged) -> None:
        """The writer's part, one submission at a time: verdict, journal, gradebook, folders, feedback."""
        student, result, key = judged.student, judged.result, self.verdicts.key(judged.submission)
        if not judged.kept:
            self.verdicts.save(judged.submission, result)
            if student in self.again:
                self.journal.note_again(student)
        if not judged.kept or self.journal.judged(student) != key:
            self.journal.note_judged(student, key)
        if not (
            judged.kept and self.journal.written(student) == key and self.books.holds(self.chapter, result)
        ):
            with self.verdicts.handed(judged.submission, result):
                problem = write(self.books, self.chapter, judged.submission)
            if problem:
                self.problems.append(f"{student}: {problem}")
            elif not result.blocked:
                self.journal.note_written(student, key)
        # The notebook is on disk; hundreds of them are not kept in memory.
        self.results.append(replace(result, notebook={}))
        self._tell(student, "written", done=1, blocked=int(result.blocked))

    def _tell(self, student: str, stage: Stage, **more: int) -> None:
        with self._lock:
            counts = {name: getattr(self._state, name) + number for name, number in more.items()}
            self._state = replace(self._state, student=student, stage=stage, **counts)
            self._hear(self._state)


def write(books: Books, chapter: Chapter, submission: Submission) -> str:
    """Put a verdict into nbgrader's folders and gradebook; empty, or what went wrong, in one line.

    The verdict is that which ``Verdicts.load`` gives, as in `nbgrader autograde`.
    """
    try:
        problem = books.autograde(chapter, submission)
        if problem:
            return f"nbgrader's autograde failed: {problem}"
        problem = books.feedback(chapter, submission.student)
    except GradebookError as error:
        return str(error)
    return f"nbgrader's feedback failed: {problem}" if problem else ""


@contextlib.contextmanager
def _scratch(course: Course) -> Iterator[Path]:
    """A folder for copies; what a killed grader left in it goes first."""
    folder = folder_of(course) / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_done(
    pool: ThreadPoolExecutor, work: Callable[[str], _Judged], students: Sequence[str], ahead: int
) -> Iterator[_Judged]:
    """Results as they come; at most ``ahead`` of them are in work or wait in memory."""
    left = iter(students)
    waiting: set[Future[_Judged]] = {pool.submit(work, student) for student in islice(left, ahead)}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        waiting |= {pool.submit(work, student) for student in islice(left, len(done))}
        # Several at once in the order of names, whatever a set makes of them.
        yield from sorted((future.result() for future in done), key=lambda judged: judged.student)


def _choose(books: Books, chapter: Chapter, students: Sequence[str] | None) -> list[str]:
    books.require_released(chapter)
    there = books.students(chapter)
    if not there:
        raise CourseError(
            f"There are no submissions for {chapter.id}: no STUDENT/{chapter.id} in {books.submitted}.",
            next_step="collect the submissions into that folder.",
        )
    if students is None:
        return there
    for student in students:
        if student not in there:
            raise CourseError(
                f"{student!r} has not submitted {chapter.id}.",
                next_step=f"name one of: {', '.join(there[:10])}.",
            )
    return sorted(set(students))


def _silent(_: Event) -> None:
    pass
