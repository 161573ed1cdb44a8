"""The trusted run of one submission: student cells inside a fresh engine, test cells out here.

``grade_submission`` is a pure function of the chapter, the submission and engines: it writes nothing, knows
no gradebook, and can run in any number of workers.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from grader.course import Chapter, Limits, Task
from grader.engine.base import Engine
from grader.engine.inside.kernel_quotas import shortage
from grader.errors import Blocked, DockbookError, EngineDied, KernelError, NoAnswer
from grader.expect.answer_data import Answer
from grader.expect.finding import Finding, Outcome
from grader.expect.words import visible
from grader.grading.judge import files, trusted
from grader.grading.judge.kernel import CellRun, KernelSession
from grader.grading.judge.reassemble import Note, Step
from grader.grading.judge.results import SubmissionResult, TaskResult, number
from grader.grading.judge.submission import Submission

ATTEMPTS = 3
"""Engines for one submission at most: two that die at the same cell settle it, or three wherever."""

ANSWERS_S = 60
"""Seconds for all questions to kernels for answers; a kernel that died is started again for one."""

MOST_SILENT = 2
"""Tasks of one attempt for which an engine is waited for in vain; it is not asked for more."""

MOST_CHARS = 2000
"""Characters of one finding in a notebook."""

EngineFactory = Callable[[], Engine]


class Session(Protocol):
    """What a run needs of a kernel; ``KernelSession`` is the real one."""

    def run(self, code: str, timeout_s: float) -> CellRun: ...
    def answers(self, names: Sequence[str]) -> Mapping[str, Answer]: ...
    def close(self) -> None: ...


SessionFactory = Callable[[Engine, Path, Limits, str], Session]
Look = Callable[[Task, Engine, Mapping[str, Answer], Mapping[str, Outcome]], Outcome]


def sandbox_factory(limits: Limits, backend: str = "sandbox") -> EngineFactory:
    """Fresh engines for grading, with a chapter's limits."""

    def open_one() -> Engine:
        from grader.engine.choose import open_engine

        return open_engine(
            backend,
            disk_bytes=limits.disk_mb << 20,
            memory_bytes=limits.memory_mb << 20,
            processes=limits.processes,
        )

    return open_one


def grade_submission(
    chapter: Chapter,
    submission: Submission,
    engine_factory: EngineFactory,
    *,
    session_factory: SessionFactory | None = None,
    look: Look | None = None,
    scratch: Path | None = None,
) -> SubmissionResult:
    """Grade one submission. Never raises for anything in the submission or the engine: that is a verdict.

    A task without a positive outcome is worth nothing; what could not be checked is ``blocked``.
    ``scratch``: where copies of its files are made while it runs; by default the system's folder for that.
    """
    started = time.monotonic()
    if submission.state != "ok":
        everything = dict.fromkeys(
            (task.id for task in chapter.tasks), Outcome("failed", reason=submission.problem)
        )
        return _result(chapter, submission, _Run(outcomes=everything), 0.0)
    deaths: list[int] = []
    unanswered: list[str] = []
    failed_boots = 0
    run = _Run()
    reason = ""
    for _attempt in range(ATTEMPTS):
        run = _Run(scratch)
        try:
            run.play(chapter, submission, engine_factory, session_factory, look)
            reason = ""
            unanswered += run.unanswered
            # Once may be a busy machine, or what another submission took: once more, on a fresh engine.
            if not run.wronged and all(unanswered.count(task) > 1 for task in run.unanswered):
                break
        except EngineDied as error:
            reason = f"the engine died: {error.what}"
            twice = run.position in deaths
            deaths.append(run.position)
            if _BOOT in deaths:
                continue  # one that never came up: not the student's doing
            if twice or len(deaths) == ATTEMPTS:
                run.fail_rest(submission, chapter, "twice" if twice else "the third engine to end so")
                break
        except (DockbookError, OSError) as error:
            reason = f"grading could not continue: {error}"
            failed_boots += run.position == _BOOT
            if failed_boots > 1:
                break
        except Exception as error:  # noqa: BLE001 - a fault in the grader must be a visible Blocked, not a lost batch
            reason = f"a fault in the grader: {type(error).__name__}: {error}"
            break
    run.fail_unanswered(task for task in run.unanswered if unanswered.count(task) > 1)
    for task in chapter.tasks:
        if task.id not in run.outcomes:
            run.outcomes[task.id] = Outcome.blocked(reason or "the test gave no outcome")
    return _result(chapter, submission, run, time.monotonic() - started)


_BOOT = -1


@dataclass
class _Run:
    """One attempt. ``position`` is the step it is at; ``cells`` the outputs by index in the notebook;
    ``short`` what the machine ran out of meanwhile, ``wronged`` whether a task may have failed of it."""

    scratch: Path | None = None
    position: int = _BOOT
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    cells: dict[int, tuple[NotebookNode, ...]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    reached: dict[str, str] = field(default_factory=dict)
    dead_kernels: int = 0
    answers_left: float = ANSWERS_S
    short: str = ""
    wronged: bool = False

    def play(
        self,
        chapter: Chapter,
        submission: Submission,
        engine_factory: EngineFactory,
        session_factory: SessionFactory | None,
        look: Look | None,
    ) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="dockbook-", dir=self.scratch)
        with scratch as folder, engine_factory() as engine:
            work = Path(folder, "work")
            self.notes += map(Note, files.copy_for_kernel(chapter, submission.folder, work))
            student = submission.student
            if look is None:
                # What the course's names lead to before any student code has run.
                look = partial(trusted.look, student=student, images=trusted.originals(engine))
            factory = session_factory or partial(KernelSession, student=student)
            session = factory(engine, work, chapter.limits, chapter.setup)
            with closing(session):
                # Before the first cell, a kernel that does not start is our fault; later it may be the
                # student's.
                session.run("", chapter.limits.cell_s)
                deadline = time.monotonic() + chapter.limits.total_s
                for self.position, step in enumerate(submission.reassembled.steps):
                    if step.task is None:
                        self._student(step, session, chapter.limits, deadline)
                        self._limits(step, engine.limits_reached())
                    else:
                        self._test(step.task, session, engine, look)
                    if not engine.alive():
                        raise EngineDied("it ended during a cell")

    def _student(self, step: Step, session: Session, limits: Limits, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            self._limit(step, f"time in all ({limits.total_s:.0f} s): this cell and later ones did not run")
            return
        if self.dead_kernels > 1:
            self._limit(step, "the kernel could not be started again: this cell and later ones did not run")
            return
        try:
            ran = session.run(step.source, min(limits.cell_s, left))
        except KernelError as error:
            self.dead_kernels += 1
            self._limit(step, f"the kernel could not be started again: {error.what}")
            return
        self.dead_kernels = 0
        # Checked out here: what a cell says about it is the student's data.
        self.short = shortage() or self.short
        self.cells[step.index] = ran.outputs
        if ran.ending == "timeout":
            text = f"limit reached: {limits.cell_s:.0f} s for one cell; cell {step.index + 1} was stopped"
            self._reach("time for one cell", text)
        elif ran.ending == "died":
            self._reach(
                f"death {step.index}", f"the kernel ended in cell {step.index + 1}; a fresh one went on"
            )
        if ran.cut:
            self._reach("output", f"limit reached: {limits.output_bytes:,} bytes of output; more was cut")

    def _limits(self, step: Step, reached: Sequence[str]) -> None:
        """Limits of the whole sandbox that this cell, or a container from before, has met."""
        for limit in reached:
            text = f"limit reached in cell {step.index + 1}: {limit}"
            self.cells[step.index] = (*self.cells.get(step.index, ()), _error("Limit", text))
            self.notes.append(Note(text))

    def _test(self, task: Task, session: Session, engine: Engine, look: Look) -> None:
        if len(self.unanswered) >= MOST_SILENT:
            self.outcomes[task.id] = Outcome.blocked(
                "the engine did not answer for the tasks before", silent=True
            )
            return
        answers = self._answers(task, session)
        try:
            outcome = look(task, engine, answers, self.outcomes)
        except Blocked as error:
            if not engine.alive():
                raise EngineDied("it ended while a test looked") from error
            outcome = Outcome.blocked(error.what, silent=isinstance(error, NoAnswer))
        if outcome.status == "blocked" and not engine.alive():
            raise EngineDied("it ended while a test looked")
        if outcome.status == "failed" and self.short:
            outcome = Outcome.blocked(f"this machine ran out of {self.short}, which all engines share")
            self.wronged = True
        self.outcomes[task.id] = outcome

    def _answers(self, task: Task, session: Session) -> Mapping[str, Answer]:
        if not task.answers:
            return {}
        if self.answers_left <= 0:
            self._reach("answers", f"limit reached: {ANSWERS_S} s for answers; later ones were not asked for")
            return {}
        started = time.monotonic()
        try:
            return session.answers(task.answers)
        except KernelError:
            return {}
        finally:
            self.answers_left -= time.monotonic() - started

    def _limit(self, step: Step, text: str) -> None:
        self.cells[step.index] = (_error("Limit", text),)
        self._reach(text.split(":", maxsplit=1)[0], f"limit reached: {text}")

    def _reach(self, key: str, text: str) -> None:
        """Tell each limit once."""
        if key not in self.reached:
            self.reached[key] = text
            self.notes.append(Note(text))

    @property
    def unanswered(self) -> list[str]:
        """The tasks of which the engine said nothing in time."""
        return [task for task, outcome in self.outcomes.items() if outcome.silent]

    def fail_unanswered(self, tasks: Iterable[str]) -> None:
        """Fresh engines stop answering because of this submission, at the same task: that is its doing."""
        hint = "Another program of this notebook, or a request left open, keeps it from answering."
        silence = Finding("the engine", "answer", "within its time", "none, twice on fresh engines", hint)
        for task in list(tasks):
            self.outcomes[task] = Outcome.failed(silence)

    def fail_rest(self, submission: Submission, chapter: Chapter, how_often: str) -> None:
        """Engines die because of this submission: the cell and later ones fail, earlier points stay."""
        cell = submission.reassembled.steps[self.position].index + 1
        found = f"ended while cell {cell} ran, {how_often}"
        for task in chapter.tasks:
            if task.id not in self.outcomes:
                self.outcomes[task.id] = Outcome.failed(
                    Finding("the engine", "state", "running", found, "What came before keeps its points.")
                )
        self.notes.append(Note(f"the engine {found}"))


def merge_results(
    submission: Submission,
    before: SubmissionResult,
    now: SubmissionResult,
    tasks: Collection[str],
) -> SubmissionResult:
    """The verdict ``before`` with these tasks as they came out ``now``; the notebook is that of ``now``."""
    fresh = {result.task: result for result in now.tasks}
    merged = tuple(fresh[result.task] if result.task in tasks else result for result in before.tasks)
    notebook = copy.deepcopy(nbformat.from_dict(now.notebook))
    _show_verdicts(notebook, submission, merged)
    return replace(now, tasks=merged, notebook=notebook)


def _show_verdicts(notebook: NotebookNode, submission: Submission, tasks: Sequence[TaskResult]) -> None:
    """Each test cell's output is its task's verdict."""
    by_task = {result.task: result for result in tasks}
    for count, step in enumerate(submission.reassembled.steps, 1):
        if step.task is not None:
            notebook.cells[step.index].outputs = verdict_outputs(by_task[step.task.id], count)


def _result(chapter: Chapter, submission: Submission, run: _Run, seconds: float) -> SubmissionResult:
    notes = (*submission.notes, *run.notes)
    tasks = tuple(
        TaskResult.of(
            task.id,
            task.points,
            run.outcomes[task.id],
            *(note.text for note in notes if note.task == task.id),
        )
        for task in chapter.tasks
    )
    notebook = copy.deepcopy(submission.reassembled.notebook)
    for count, step in enumerate(submission.reassembled.steps, 1):
        cell = notebook.cells[step.index]
        cell.execution_count = count
        cell.outputs = list(run.cells.get(step.index, ()))
    _show_verdicts(notebook, submission, tasks)
    texts = tuple(dict.fromkeys(note.text for note in notes))
    # For the student's page; what concerns a task is shown there with the task.
    of_none = dict.fromkeys(note.text for note in notes if not note.task)
    notebook.metadata["dockbook"] = {"notes": [visible(text, 500) for text in of_none]}
    return SubmissionResult(submission.student, tasks, texts, notebook, seconds, submission.problem)


def verdict_outputs(result: TaskResult, count: int = 1) -> list[NotebookNode]:
    """A verdict as a test cell's outputs, in the language that nbgrader reads: a number, or an error."""
    words = [visible(line, MOST_CHARS) for line in result.words()]
    if result.outcome == "passed":
        score = str(number(result.score))
        said = "\n".join([f"{result.task}: passed", *words]) + "\n"
        return [
            new_output("stream", name="stdout", text=said),
            new_output("execute_result", data={"text/plain": score}, execution_count=count),
        ]
    titles = {"failed": "CheckFailed", "not_reached": "NotReached", "blocked": "Blocked"}
    what = {"failed": "not yet", "not_reached": "not reached", "blocked": "could not be graded yet"}
    title, evalue = titles[result.outcome], f"{result.task}: {what[result.outcome]}"
    return [new_output("error", ename=title, evalue=evalue, traceback=[evalue, *words])]


def _error(name: str, text: str) -> NotebookNode:
    output: NotebookNode = new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
    return output
