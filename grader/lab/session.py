"""``dockbook session``: a JupyterLab that somebody else starts, such as Binder, with an engine behind it.

``dockbook lab`` starts JupyterLab itself, on loopback and once the engine answers. A hub gives the command,
the address and the token, and shows a student a page that waits: so the engine starts while the command does.
Its address is known before it answers; who asks too early waits.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grader.engine import qemu, vm_image
from grader.engine.image import find_image
from grader.engine.vm import VM
from grader.errors import EngineError, UsageError
from grader.lab import notices
from grader.lab.jupyter import (
    LAB_OPTIONS,
    STOP_S,
    Stop,
    engine_line,
    revive,
    server_extensions,
    stop_on_signals,
    write_settings,
)
from grader.lab.workspace import PRIVATE, prepare

if TYPE_CHECKING:
    from grader.course import Course

TRIES = 3
THEN = "close this session and start a new one"
_TICK_S = 0.2


def prepare_session(workspace: Path, course: Course) -> list[str]:
    """The chapters as a student gets them, and JupyterLab's settings; lines that tell what was done."""
    lines = prepare(workspace, course=course)
    config = workspace / PRIVATE / "jupyter"
    write_settings(config)
    # Whoever starts the server gives its options; these are the course's own.
    options = {"LabApp": dict(LAB_OPTIONS), "ServerApp": {"jpserver_extensions": server_extensions()}}
    for name in ("jupyter_server_config", "jupyter_lab_config"):
        (config / f"{name}.json").write_text(json.dumps(options, indent=2) + "\n")
    return lines


def is_prepared(workspace: Path) -> bool:
    """Whether ``prepare_session`` was here, in an image's making or in a session before."""
    return (workspace / PRIVATE / "jupyter" / "jupyter_lab_config.json").is_file()


def run_session(command: Sequence[str], workspace: Path) -> int:
    """Run a command until it ends or somebody ends the session; its exit code, as a shell gives it.

    The command finds the engine in its environment. An engine that does not come up is told of and leaves the
    notebooks readable; one that dies comes back empty, at its address. Raises EngineError when there is no
    virtual machine to start, UsageError when the command cannot be run.
    """
    record = workspace / PRIVATE / "notices"

    def tell(line: str) -> None:
        print(f"dockbook: {line}", file=sys.stderr, flush=True)
        notices.note(record, line)

    with stop_on_signals():
        try:
            code = _run(command, workspace, record, tell)
        except Stop:
            return 128 + signal.SIGTERM  # before there was a command
    return code if code >= 0 else 128 - code


def _run(command: Sequence[str], workspace: Path, record: Path, tell: Callable[[str], None]) -> int:
    with ExitStack() as stack:
        engine = stack.enter_context(_open())
        environment = engine.env() | {
            "DOCKBOOK_WORKSPACE": str(workspace),
            "JUPYTER_CONFIG_DIR": str(workspace / PRIVATE / "jupyter"),
            # This environment's kernel, not one of the same name in the home folder.
            "JUPYTER_PREFER_ENV_PATH": "1",
            notices.VARIABLE: str(record),
        }
        try:
            process = subprocess.Popen(command, env=environment)
        except OSError as error:
            raise UsageError(
                f"cannot run {command[0]!r}: {error.strerror}.", next_step="check its name and your PATH."
            ) from error
        try:
            up = _wait(engine, tell)
            if up:
                print(engine_line(engine, "this session's own"), file=sys.stderr, flush=True)
                stack.enter_context(engine.forward(tell))
            while (code := process.poll()) is None:
                time.sleep(_TICK_S)
                if up and not engine.alive():
                    up = revive(engine, tell, THEN)
            return code
        except Stop:
            return _end(process)
        finally:
            _end(process)


def _open() -> VM:
    """The virtual machine, on its way. Raises EngineError."""
    return VM(vm_image.find(find_image(), qemu.accelerator()), label="lab: session", wait=False)


def _wait(engine: VM, tell: Callable[[str], None]) -> bool:
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
            print(f"dockbook: the engine did not start: {error}", file=sys.stderr, flush=True)
    tell(f"there is no engine: {THEN}. {error}")
    return False


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ask first, so that kernels are shut down in order; then insist. Its exit code."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(STOP_S)
        process.kill()
    return process.wait()
