"""``dockbook test``: the project's own checks, one after the other, in a clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

import click

from grader.errors import UsageError

_TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Step:
    """One check: its name and the command. A step of pytest leaves a report, from which we count."""

    name: str
    argv: tuple[str, ...]
    report: Path | None = None


@dataclass(frozen=True)
class _Suite:
    """Tests of a folder. ``together``: how pytest-xdist parts them between ``workers``, if more than one.

    An engine or a command is waited for most of the time, so several tests run at once: any of them
    (``load``); or, without the slow ones, any that do not share what takes long to make (``loadgroup``, by
    ``tests/scheduling.py``). The number of workers is what two cores have use for: with four the cases of a
    chapter took three quarters of the time that they took with two. Where a virtual machine or a batch of
    submissions has work for all cores by itself, more workers gain little and make everything wait.
    """

    name: str
    folder: str
    workers: int = 1
    together: Literal["load", "loadgroup"] = "load"
    marks: str = ""


_SUITES = (
    _Suite("unit", "unit", 2),
    _Suite("engine", "engine", 2, "loadgroup", marks="not alone"),
    _Suite("leftovers", "engine", marks="alone"),
    _Suite("course", "course", 4),
    _Suite("grading", "grading", 2, "loadgroup"),
    _Suite("browser", "browser", 2, "loadgroup"),
    _Suite("binder", "binder"),
)


@dataclass(frozen=True)
class Result:
    """How a step ended: its exit code and the seconds it took."""

    step: Step
    code: int
    seconds: float


@click.command()
@click.option(
    "--all", "everything", is_flag=True, help="Also the tests that take minutes or need the network."
)
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this step; may be given again.")
def test(everything: bool, names: tuple[str, ...]) -> int:
    """Run the project's checks: style, types, layers, spelling, and every test.

    Ends with 1 if any failed. Needs a clone and the `test` extra: ./dockbook test provides both.
    """
    root = clone()
    chosen = choose(steps(root, everything=everything), names)
    if any(step.report and step.name != "unit" for step in chosen):
        from grader.cli.boot import ensure_image

        ensure_image()
    began = monotonic()
    results = [_run(step, root) for step in chosen]
    click.echo(summary(results, monotonic() - began))
    return 1 if any(result.code for result in results) else 0


def clone() -> Path:
    """The folder of the clone that this package runs from. Raises UsageError for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file() or not (root / "tests").is_dir():
        raise UsageError(
            "The checks need a clone of the project; this is an installed package.",
            next_step="clone it and run ./dockbook test there.",
        )
    return root


def steps(root: Path, *, everything: bool) -> list[Step]:
    """All steps in order, the quick ones first."""
    python = sys.executable

    return [
        Step("style", (python, "-m", "ruff", "check", ".")),
        Step("format", (python, "-m", "ruff", "format", "--check", ".")),
        Step("shell", ("shellcheck", "dockbook", ".ci/run", "binder/entrypoint")),
        Step("types", (python, "-m", "mypy")),
        Step("layers", (str(_TOOLS / "lint-imports"),)),
        Step("spelling", (str(_TOOLS / "codespell"),)),
        *(_pytest(root, suite, everything=everything) for suite in _SUITES),
    ]


def _pytest(root: Path, suite: _Suite, *, everything: bool) -> Step:
    # The default run leaves the slow ones out. Among these are some that load the machine, or time it.
    marks = " and ".join(filter(None, ("" if everything else "not slow", suite.marks)))
    several = suite.workers > 1 and (suite.together == "load" or not everything)
    report = root / "build" / f"report-{suite.name}.xml"
    argv = (
        *(sys.executable, "-m", "pytest", "-m", marks),
        *(("-n", str(suite.workers), "--dist", suite.together) if several else ()),
        *(f"--junitxml={report}", f"tests/{suite.folder}"),
    )
    return Step(suite.name, argv, report)


def choose(known: Sequence[Step], names: Iterable[str]) -> list[Step]:
    """The named steps in their order; all if none is named. Raises UsageError for an unknown name."""
    wanted = set(names)
    unknown = wanted - {step.name for step in known}
    if unknown:
        raise UsageError(
            f"There is no step {', '.join(sorted(unknown))}.",
            next_step=f"choose from: {', '.join(step.name for step in known)}.",
        )
    return [step for step in known if not wanted or step.name in wanted]


def _run(step: Step, root: Path) -> Result:
    click.echo(f"\n──── {step.name} {'─' * max(4, 74 - len(step.name))}")
    if step.report:
        step.report.parent.mkdir(exist_ok=True)
        step.report.unlink(missing_ok=True)
    began = monotonic()
    if shutil.which(step.argv[0]) is None:
        # A missing tool is a failed check, not a skipped one.
        click.echo(
            f"{step.argv[0]} is not installed. Next: run ./dockbook test, which installs what it needs."
        )
        return Result(step, 127, 0.0)
    sys.stdout.flush()
    code = subprocess.run(step.argv, cwd=root, env={**os.environ, "CI": "true"}, check=False).returncode
    seconds = monotonic() - began
    click.echo(f"──── {step.name}: {'passed' if code == 0 else f'FAILED ({code})'} in {seconds:.1f} s")
    return Result(step, code, seconds)


def summary(results: Sequence[Result], seconds: float) -> str:
    """A line for each step, a verdict, and pytest's ordinary closing line for all its runs together."""
    lines = ["", "──── summary " + "─" * 67]
    counts: Counter[str] = Counter()
    for result in results:
        verdict = "passed" if result.code == 0 else "FAILED"
        lines.append(f"{result.step.name:<10} {verdict}  {result.seconds:7.1f} s")
        if result.step.report:
            counts += count(result.step.report)
    failed = [result.step.name for result in results if result.code]
    lines.append(f"failed: {', '.join(failed)}" if failed else "every check passed")
    if any(result.step.report for result in results):
        words = [
            f"{counts[word]} {word}" for word in ("failed", "passed", "skipped", "error") if counts[word]
        ]
        lines.append(f" {', '.join(words) or 'no tests ran'} in {seconds:.2f}s ".center(80, "="))
    return "\n".join(lines)


def count(report: Path) -> Counter[str]:
    """What a JUnit report of pytest says. One that is absent (the run crashed) counts as one error."""
    try:
        suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own pytest wrote it
    except (OSError, ET.ParseError):
        return Counter(error=1)
    total: Counter[str] = Counter()
    for suite in suites:
        number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        total["failed"] += number["failures"]
        total["error"] += number["errors"]
        total["skipped"] += number["skipped"]
        total["passed"] += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return total
