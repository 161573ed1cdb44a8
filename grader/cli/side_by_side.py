"""Runs steps of ``dockbook test`` side by side: what each says is shown when it has ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from time import monotonic
from typing import IO

MISSING = 127
ENDS_S = 60
"""Seconds that a step has to tidy up once it is interrupted."""


@dataclass(frozen=True)
class Step:
    """One check: its name and the command. A step of pytest leaves a report, from which we count.

    ``after``: steps that must be over before it begins, however they ended. ``alone``: nothing else runs.
    ``split``: arguments that split its tests between several processes, if it has the cores for itself.
    """

    name: str
    argv: tuple[str, ...]
    report: Path | None = None
    after: tuple[str, ...] = ()
    alone: bool = False
    split: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """How a step ended: its exit code and the seconds it took."""

    step: Step
    code: int
    seconds: float


@dataclass
class _Running:
    step: Step
    process: subprocess.Popen[bytes]
    said: IO[bytes] | None
    began: float


def run(
    steps: Sequence[Step], root: Path, *, lanes: int, tell: Callable[[str], None] = print
) -> list[Result]:
    """Run all steps, as many at once as there are lanes; the results in the order of the steps.

    With one lane, what a step says is seen at once. When this is interrupted, all that runs is, too.
    """
    waiting, running, results = list(steps), list[_Running](), dict[str, Result]()
    ended: Queue[_Running] = Queue()
    try:
        while waiting or running:
            while step := _ready(waiting, running, lanes):
                waiting.remove(step)
                begun = _start(step, root, tell, live=lanes == 1)
                if isinstance(begun, Result):
                    results[step.name] = begun
                    continue
                running.append(begun)
                threading.Thread(target=_wait, args=(begun, ended), daemon=True).start()
            if running:
                over = ended.get()
                running.remove(over)
                results[over.step.name] = _finish(over, tell)
    finally:
        if running:
            tell(f"──── interrupted: {', '.join(one.step.name for one in running)}")
        _interrupt(running)
    return [results[step.name] for step in steps]


def _ready(waiting: Sequence[Step], running: Sequence[_Running], lanes: int) -> Step | None:
    """The first of those that wait which can begin now."""
    unfinished = {step.name for step in waiting} | {one.step.name for one in running}
    if len(running) >= lanes or any(one.step.alone for one in running):
        return None
    for step in waiting:
        if not unfinished.intersection(step.after) and not (step.alone and running):
            return step
    return None


def _start(step: Step, root: Path, tell: Callable[[str], None], *, live: bool) -> _Running | Result:
    tell(f"\n──── {step.name} {'─' * max(4, 74 - len(step.name))}" if live else f"──── {step.name}: started")
    if step.report:
        step.report.parent.mkdir(exist_ok=True)
        step.report.unlink(missing_ok=True)
    if shutil.which(step.argv[0]) is None:
        # A missing tool is a failed check, not a skipped one.
        tell(f"{step.argv[0]} is not installed. Next: run ./dockbook test, which installs what it needs.")
        return Result(step, MISSING, 0.0)
    sys.stdout.flush()
    said = None if live else tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been shown
    # A process group of its own: Ctrl-C comes to us and from us to it, once: pytest tidies up after one only.
    process = subprocess.Popen(
        step.argv,
        cwd=root,
        env={**os.environ, "CI": "true"},
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT if said else None,
        process_group=0,
    )
    return _Running(step, process, said, monotonic())


def _wait(one: _Running, ended: Queue[_Running]) -> None:
    one.process.wait()
    ended.put(one)


def _finish(one: _Running, tell: Callable[[str], None]) -> Result:
    seconds, code = monotonic() - one.began, one.process.returncode
    if one.said is not None:
        with one.said:
            one.said.seek(0)
            words = one.said.read().decode(errors="replace").strip("\n")
        tell(f"\n──── {one.step.name} {'─' * max(4, 74 - len(one.step.name))}\n{words}")
    tell(f"──── {one.step.name}: {'passed' if code == 0 else f'FAILED ({code})'} in {seconds:.1f} s")
    return Result(one.step, code, seconds)


def _interrupt(running: Sequence[_Running]) -> None:
    for one in running:
        one.process.send_signal(signal.SIGINT)
    deadline = monotonic() + ENDS_S
    for one in running:
        try:
            one.process.wait(max(0.1, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()
