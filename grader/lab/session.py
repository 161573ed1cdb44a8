"""``dockbook session``: a JupyterLab that a hub starts, such as Binder, with an engine behind it.

``dockbook lab`` starts JupyterLab itself, on loopback and once the engine answers. A hub gives the command,
the address and the token, and shows a student a page that waits: so the engine starts while the command does.
Its address is known before it answers; early requests wait.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader import variables
from grader.engine.base import Engine
from grader.engine.choose import backend
from grader.errors import EngineError, EngineUnavailable, UsageError
from grader.lab.jupyter import STOP_S, engine_line, noting
from grader.lab.jupyter_settings import settings, write_settings
from grader.lab.stop import Stop, stop_on_signals
from grader.lab.supervisor import Supervisor
from grader.lab.supervisor import tell as say
from grader.notebook import notices
from grader.workspace.folder import prepare
from grader.workspace.record import PRIVATE

if TYPE_CHECKING:
    from grader.course import Course

TRIES = 3
THEN = "close this session and start a new one"
NEEDS = "give it QEMU and 2 GB of memory: binder/Dockerfile has what a session needs."
_TICK_S = 0.2


def prepare_session(workspace: Path, course: Course) -> list[str]:
    """The chapters as a student gets them, and JupyterLab's settings; lines that tell what was done."""
    lines = prepare(workspace, course=course)
    config = workspace / PRIVATE / "jupyter"
    write_settings(config)
    # The hub that starts the server gives its options; these are the course's own.
    for name in ("jupyter_server_config", "jupyter_lab_config"):
        (config / f"{name}.json").write_text(json.dumps(settings(), indent=2) + "\n")
    return lines


def is_prepared(workspace: Path) -> bool:
    """Whether ``prepare_session`` has run, when the image was built or in an earlier session."""
    return (workspace / PRIVATE / "jupyter" / "jupyter_lab_config.json").is_file()


def run_session(command: Sequence[str], workspace: Path, course: Path) -> int:
    """Run a command until it ends or the session is ended; its exit code, as a shell gives it.

    The command finds the engine in its environment. If no engine is available or it does not start, this is
    reported and the notebooks stay readable; one that dies comes back empty, at its address. ``course``: the
    course's folder, for the start page. Raises UsageError when the command cannot be run.
    """
    record = workspace / PRIVATE / "notices"
    notices.take_back(record)

    def tell(line: str) -> None:
        say(line)
        notices.note(record, line)

    added = {
        variables.WORKSPACE: str(workspace),
        "JUPYTER_CONFIG_DIR": str(workspace / PRIVATE / "jupyter"),
        # This environment's kernel, not one of the same name in the home folder.
        "JUPYTER_PREFER_ENV_PATH": "1",
        variables.SERVER_COURSE: str(course),
        variables.SERVER_PROXY: "1",
        variables.NOTICES: str(record),
    }
    with stop_on_signals():
        try:
            code = _run(command, added, workspace, tell)
        except Stop:
            return 128 + signal.SIGTERM  # before there was a command
    return code if code >= 0 else 128 - code


def _run(
    command: Sequence[str], added: Mapping[str, str], workspace: Path, tell: Callable[[str], None]
) -> int:
    with ExitStack() as stack:
        engine: Engine | None = None
        environment = {**os.environ, variables.ENGINE: "none"}
        try:
            engine = stack.enter_context(_open())
            environment = engine.env()
        except EngineError as error:
            _without(error, Path(added[variables.NOTICES]))
        try:
            process = subprocess.Popen(command, env={**environment, **added})
        except OSError as error:
            raise UsageError(
                f"cannot run {command[0]!r}: {error.strerror}.", next_step="check its name and your PATH."
            ) from error
        try:
            wait: Callable[[float], None] = time.sleep
            if engine and _wait(engine, Path(added[variables.NOTICES])):
                say(engine_line(engine, "this session's own"))
                stack.enter_context(engine.forward(tell, noting(workspace)))
                wait = stack.enter_context(Supervisor(engine, tell, THEN)).wait
            while (code := process.poll()) is None:
                wait(_TICK_S)
            return code
        except Stop:
            return _end(process)
        finally:
            _end(process)


def _open() -> Engine:
    """The virtual machine, on its way. Raises EngineError."""
    machine = backend("vm")
    if trouble := machine.probe():
        raise EngineUnavailable(f"No virtual machine can be started: {trouble}.", next_step=NEEDS)
    return machine.open(label="lab: session", wait=False)


def _without(error: EngineError, record: Path, then: str = "") -> None:
    """There is no engine in this session: reported in the log, and in every notebook that is opened."""
    line = f"there is no engine{then and f': {then}'}. {error}"
    say(line)
    notices.note(record, line, standing=True)


def _wait(engine: Engine, record: Path) -> bool:
    """Until the engine answers; whether it does. A machine that died of a crowded host gets another try."""
    error: EngineError | None = None
    for number in range(TRIES):
        try:
            if number:
                engine.restart()
            else:
                engine.wait()
            return True
        except EngineError as caught:
            error = caught
            say(f"the engine did not start: {error}")
    assert error
    _without(error, record, THEN)
    return False


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ask first, so that kernels are shut down cleanly; then kill it. Its exit code."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(STOP_S)
        process.kill()
    return process.wait()
