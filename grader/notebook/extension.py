"""What ``%load_ext grader`` does: an engine, ``check`` and the other words of the course.

This runs in the student's kernel, in grading too: at import it needs no more than Python's own library and
docker. The engine layer is imported late, and only where it is there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Collection, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader import variables, worked_answers
from grader.errors import Blocked, DockbookError
from grader.expect.check import Checker
from grader.expect.finding import Outcome
from grader.expect.inspector import LiveInspector
from grader.expect.show import Verdict
from grader.expect.student_values import StudentValues
from grader.expect.words import count
from grader.notebook import notices, pictures
from grader.notebook.as_cli import translator
from grader.notebook.baseline import Keeper
from grader.notebook.configure import configurer
from grader.notebook.docker_py_fix import keep_whole_answers
from grader.notebook.engine_warnings import show_engine_warnings
from grader.notebook.forget import forgetter
from grader.notebook.hints import Hints
from grader.notebook.scenes import scenery
from grader.notebook.trace import Tracer
from grader.notebook.why import explainer

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from grader.engine.base import Engine


_held: list[Engine] = []  # the engine that this kernel opened, for its life
_tracers: list[Tracer] = []
_telling: list[object] = []  # what is called before each cell, once for this kernel
_keeper = Keeper(os.environ)  # noted once: loading again must not take what a notebook made for the student's


def load(shell: InteractiveShell) -> None:
    """Put ``check``, ``forget``, ``hint`` and the other words into the notebook, an engine behind it.

    Loading twice is harmless.
    """
    keep_whole_answers()
    show_engine_warnings()
    line = ensure_engine(os.environ)
    if line:
        print(line)
    student = student_id(os.environ, Path())
    inspector = LiveInspector(shell.user_ns, student=student, held=bool(_held))
    with contextlib.suppress(Blocked):  # without an engine there is nothing to note; a check will say so
        _keeper.of(inspector.client())
    hints, forget = Hints(), forgetter(inspector.client, _keeper.of)
    shell.push(
        {
            "check": _checker(inspector, hints).check,
            "configure": configurer(inspector.client, held=_held[0].configure if _held else None),
            "forget": forget,
            "hint": hints,
            "mine": StudentValues(student),
            "scene": scenery(inspector.client, student, forget),
            "as_cli": translator(inspector.client),
            "why": explainer(inspector.client),
        },
        interactive=False,
    )
    pictures.register(shell)
    magic: Any = _tracer(inspector).magic(shell)  # IPython's types want a method
    shell.register_magic_function(magic, "cell", "trace")
    _tell_notices(shell)


def _tell_notices(shell: InteractiveShell) -> None:
    """Before a cell runs, say what has happened to the engine since the last one."""
    file = os.environ.get(variables.NOTICES)
    if not file or _telling:
        return
    if line := notices.standing(Path(file)):
        print(f"dockbook: {line}")
    news = notices.reader(Path(file))

    def tell(*_: object) -> None:
        for line in news():
            print(f"dockbook: {line}")

    _telling.append(tell)
    shell.events.register("pre_run_cell", tell)


def _tracer(inspector: LiveInspector) -> Tracer:
    """The one of this kernel: its socket outlives a second loading."""
    if not _tracers:
        _tracers.append(Tracer(inspector.client))
    return _tracers[0]


def student_id(environment: Mapping[str, str], folder: Path) -> str:
    """The student id for a notebook in ``folder``: from the environment, else from its workspace."""
    named = environment.get(variables.STUDENT)
    if named is not None:
        return named
    from grader.workspace.record import student_of

    with contextlib.suppress(OSError):
        return student_of(folder.resolve().parent) or ""
    return ""


def _checker(inspector: LiveInspector, hints: Hints) -> Checker:
    """One that shows a pass at once; other outcomes come as exceptions, which show themselves."""

    def tell(task: str, outcome: Outcome) -> None:
        if outcome.status == "passed":
            from IPython.display import display

            tasks = hints.tasks()
            so_far = progress(checker.outcomes, tasks) if task in tasks else ""
            display(Verdict(task, outcome, so_far, worked_answers.as_html(task)))

    checker = Checker(inspector, tell=tell)
    return checker


def progress(outcomes: Mapping[str, Outcome], tasks: Collection[str]) -> str:
    """``3 of 7 tasks``: those that passed since the kernel started. Empty where the tasks are not known."""
    if not tasks:
        return ""
    passed = sum(outcomes[task].status == "passed" for task in tasks if task in outcomes)
    return f"{passed} of {count(len(tasks), 'task')}"


def ensure_engine(environment: MutableMapping[str, str]) -> str:
    """Make ``environment`` point at an engine; one line that says which and why.

    Nothing is done, and ``""`` returned, where DOCKER_HOST is set, where DOCKBOOK_ENGINE is ``none``, and in
    grading, which brings its own. Without an engine the line says why and what to do.
    """
    if environment.get("DOCKER_HOST") or environment.get(variables.ENGINE) == "none":
        return ""
    try:
        return _find_or_open(environment)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "grader":
            return ""  # the student's side alone, as in grading
        return f"No engine: the package {error.name} is missing. Next: install dockbook again."
    except DockbookError as error:
        return f"No engine: {error}"


def _find_or_open(environment: MutableMapping[str, str]) -> str:
    found = running_lab()
    if found is not None:
        _adopt(environment, found)
        return "Engine: the one of your running lab"
    from grader.engine.choose import choose, open_engine

    choice = choose("auto")
    engine = open_engine(choice.name)
    atexit.register(engine.close)
    _held.append(engine)
    _adopt(environment, engine.env(environment))
    return str(choice)


def running_lab() -> dict[str, str] | None:
    """Variables that lead to the engine of this user's newest running lab; None if none runs."""
    from grader.engine.running_engines import running

    labs = [one for one in running() if one.label.startswith("lab")]
    return max(labs, key=lambda one: one.started_at).env() if labs else None


def _adopt(environment: MutableMapping[str, str], wanted: dict[str, str]) -> None:
    """Take over what leads to an engine: DOCKER_HOST, the PATH with its ``docker``, no contexts."""
    others = ("DOCKER_CONTEXT", *variables.DOCKER_TLS, "DOCKER_API_VERSION")
    for name in (*others, variables.CONTROL):
        if name not in wanted:
            environment.pop(name, None)
    for name, value in wanted.items():
        if environment.get(name) != value:
            environment[name] = value
