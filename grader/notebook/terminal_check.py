"""``dockbook check``: a student's notebook's visible expectations, asked from a terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import Blocked, CourseError
from grader.expect.check import Checker
from grader.expect.finding import Outcome, TaskOutcome
from grader.expect.inspector import LiveInspector
from grader.expect.show import CheckFailed, as_text
from grader.expect.student_values import StudentValues
from grader.expect.words import closest, listing, quote, visible
from grader.notebook.extension import running_lab, student_id


@dataclass(frozen=True)
class _Test:
    task: str
    source: str


def check_notebook(
    path: Path, task: str | None = None, *, environment: Mapping[str, str] | None = None
) -> list[TaskOutcome]:
    """Run a notebook's test cells (or one task's) against the engine of ``environment``, by default this
    process's.

    Only the test cells run, so what the student assigned in the notebook is not known: a task that asks for
    it is not reached. Raises CourseError if the notebook cannot be read or has no such task, Blocked if no
    engine answers.
    """
    tests = list(_tests(path))
    if task is not None:
        tests = [test for test in tests if test.task == task] or _no_such_task(path, task, tests)
    chosen = _environment() if environment is None else environment
    inspector = LiveInspector(None, environment=chosen, student=student_id(chosen, path.parent))
    try:
        inspector.client()
        checker = Checker(inspector)
        return [TaskOutcome(test.task, _run(test, checker, path)) for test in tests]
    finally:
        inspector.close()


def run_check(path: Path, task: str | None = None) -> int:
    """``check_notebook`` in print; the exit code: 0 all passed, 1 something to fix, 3 could not check."""
    outcomes = check_notebook(path, task)
    for each in outcomes:
        print(as_text(each.task, each.outcome))
    statuses = {each.outcome.status for each in outcomes}
    if "blocked" in statuses:
        return 3
    return 0 if statuses <= {"passed"} else 1


def _environment() -> Mapping[str, str]:
    """This process's environment if it names an engine, else variables that lead to the running lab's."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ
    return running_lab() or os.environ


def _run(test: _Test, checker: Checker, path: Path) -> Outcome:
    """One test cell. It is the student's own file, on their machine: as in their notebook."""
    before = set(checker.outcomes)
    checker.outcomes.pop(test.task, None)
    try:
        code = compile(test.source, f"{path.name}, cell test-{test.task}", "exec")
        names = {"check": checker.check, "forget": _keep, "hint": _keep, "configure": _keep, "scene": _keep}
        exec(code, {"__name__": "__main__", "mine": StudentValues(checker.inspector.student), **names})  # noqa: S102
    except (CheckFailed, Blocked):
        pass  # the checker has noted it
    except Exception as error:  # noqa: BLE001 (whatever a cell raises, the other tasks are still checked)
        words = visible(str(error), 200)
        return Outcome.blocked(f"the test cell cannot run: {type(error).__name__}: {words}")
    if test.task in checker.outcomes:
        return checker.outcomes[test.task]
    new = [name for name in checker.outcomes if name not in before]
    if len(new) == 1:
        return checker.outcomes[new[0]]
    return Outcome.blocked("the test cell says nothing about this task; was it changed?")


def _keep(*_names: str, **_others: object) -> None:
    """``forget`` and the like for a check from outside: it looks and changes nothing."""


def _no_such_task(path: Path, task: str, tests: list[_Test]) -> list[_Test]:
    known = [test.task for test in tests]
    near = closest(task, known)
    raise CourseError(
        f"{path.name} has no task {quote(task)}.",
        next_step=f"did you mean {near}?" if near else f"choose one of: {listing(known, 20)}.",
    )


def _tests(path: Path) -> Iterator[_Test]:
    """The test cells of a notebook, as its own file has them."""
    cells = _read(path).get("cells")
    found = False
    for cell in cells if isinstance(cells, list) else []:
        marks = _table(_table(cell, "metadata"), "nbgrader")
        name, source = marks.get("grade_id"), cell.get("source") if isinstance(cell, dict) else None
        if not (marks.get("grade") is True and not marks.get("solution") and isinstance(name, str)):
            continue
        if cell.get("cell_type") == "code":
            found = True
            text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
            yield _Test(name.removeprefix("test-"), text)
    if not found:
        raise CourseError(
            f"{path} has no test cells.",
            next_step="move your copy elsewhere and run `dockbook lab`: it gives you a fresh one.",
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read: {error.strerror}.", next_step="`dockbook lab` puts the chapters there."
        ) from error
    except (ValueError, RecursionError) as error:
        raise CourseError(
            f"{path} is empty, cut off or not a notebook.",
            next_step="move it away; `dockbook lab` gives a fresh one.",
        ) from error
    return notebook if isinstance(notebook, dict) else {}


def _table(source: object, key: str) -> dict[str, Any]:
    value = source.get(key) if isinstance(source, dict) else None
    return value if isinstance(value, dict) else {}
