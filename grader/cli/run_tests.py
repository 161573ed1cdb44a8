"""``dockbook test``: the project's own checks, in a clone. What is in which run is here and nowhere else.

Four runs, each with more than the one before: ``--quick``, the ordinary one, ``--long``, ``--all``. The last
two start with the ordinary run and continue with the tests marked ``slow``. Nothing is left out of a run
silently: the summary counts the tests that only a longer run has.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Literal

import click

from grader.cli import coverage_report
from grader.cli.side_by_side import Result, Step, run
from grader.errors import UsageError

_TOOLS = Path(sys.executable).parent

Size = Literal["quick", "ordinary", "long", "all"]
IMAGE = "image"
LEFT = "slow tests left out"
SIZES: tuple[Size, ...] = ("quick", "ordinary", "long", "all")


@dataclass(frozen=True)
class _Suite:
    """Tests of a folder. ``first``: the smallest run with it; ``slow``: that with its slow tests.

    ``engine``: it needs root's engine image. In a run of several suites they run side by side, each in one
    process, the longest in two (``processes``). A suite that runs by itself, and the slow part of one, is
    split between ``workers`` by pytest-xdist: any tests (``load``), or those that do not share what takes
    long to make (``loadgroup``, by ``tests/scheduling.py``). Where a virtual machine or a batch of
    submissions has work for all cores by itself, more workers gain little and make everything wait.
    """

    name: str
    folder: str
    workers: int = 1
    processes: int = 1
    together: Literal["load", "loadgroup"] = "load"
    marks: str = ""
    first: Size = "ordinary"
    slow: Size | None = "long"
    engine: bool = True


# Those that take longest begin first.
_SUITES = (
    _Suite("login", "login", engine=False),
    _Suite("unit", "unit", 2, first="quick", engine=False),
    _Suite("docs", "docs", slow=None, engine=False),
    _Suite("course", "course", 4, processes=2, together="loadgroup"),
    _Suite("browser", "browser", 2, together="loadgroup"),
    _Suite("engine", "engine", 2, processes=2, together="loadgroup", marks="not alone"),
    _Suite("grading", "grading", 2, processes=2, together="loadgroup"),
    _Suite("binder", "binder", slow="all", engine=False),
    _Suite("machines", "machines", first="all", slow="all"),
    _Suite("leftovers", "engine", marks="alone"),
)


@click.command()
@click.option(
    "--quick", "size", flag_value="quick", help="Only style, types, layers, spelling and the unit tests."
)
@click.option(
    "--long", "size", flag_value="long", help="Also the slow tests, except those that only --all runs."
)
@click.option(
    "--all", "size", flag_value="all", help="Everything: also images for Binder, and virtual machines."
)
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this step; repeatable.")
@click.option(
    "--coverage", is_flag=True, help="Only the unit and docs tests: how much of the package they reach."
)
def test(size: Size | None, names: tuple[str, ...], *, coverage: bool) -> int:
    """Run the project's checks: style, types, layers, spelling, and tests of every suite.

    Eleven to thirteen minutes on two quiet cores, the environment and the engine image included; --quick
    takes two minutes.

    For each task of the course, the ordinary run tries the right answer in its notebook and one on the
    command line, and for every second task a wrong one; of the hostile submissions and the resource
    bombs, one of each kind; all engines are sandboxes. --long and --all add the slow tests: every case on
    an engine of its own, every change to a right answer, every attack, every chapter on each engine and in
    the browser, engines that are nested or virtual machines (with their images). The summary says how many
    tests a run left out. Only --all builds the image for Binder and starts other machines.

    Exit code 1 if any failed. Needs a clone and the `test` extra: ./dockbook test provides both.
    """
    root = clone()
    if coverage and (size or names):
        raise UsageError("--coverage is a run of its own.", next_step="leave out the other options.")
    chosen = choose(steps(root, size or "ordinary"), coverage_report.SUITES if coverage else names)
    if coverage:
        chosen = coverage_report.measured(chosen)
        coverage_report.begin(root)
    began = monotonic()
    # Two for each core: a suite waits for engines, browsers and commands about half of its time.
    lanes = 1 if len(chosen) == 1 else 2 * (os.cpu_count() or 1)
    results = run(chosen, root, lanes=lanes, tell=click.echo)
    if coverage:
        results.append(coverage_report.report(root, click.echo))
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


def steps(root: Path, size: Size) -> list[Step]:
    """All steps of a run of this size, in the order in which they are started."""
    python = sys.executable
    plain = [
        Step("style", (python, "-m", "ruff", "check", ".")),
        Step("format", (python, "-m", "ruff", "format", "--check", ".")),
        Step("shell", ("shellcheck", "dockbook", ".ci/run", "binder/entrypoint", *_scripts(root))),
        Step("layers", (str(_TOOLS / "lint-imports"),)),
        Step("spelling", (str(_TOOLS / "codespell"),)),
        Step("types", (python, "-m", "mypy")),
        Step("javascript", (python, "-m", "tests.javascript.check")),
    ]
    first = [_pytest(root, suite) for suite in _SUITES if _within(suite.first, size)]
    slow = [_pytest(root, suite, slow=True) for suite in _SUITES if suite.slow and _within(suite.slow, size)]
    # The login user's first lab builds an engine image, which root then takes over: it starts at once. What
    # needs none runs meanwhile.
    begin = [step for step in first if step.name == "login"]
    without = [step for step in first if not step.after and step not in begin]
    image = [Step(IMAGE, (str(_TOOLS / "dockbook"), "engine", "build"))] if size != "quick" else []
    return [*begin, *plain, *without, *image, *(step for step in first if step.after), *slow]


def _scripts(root: Path) -> list[str]:
    """The package's shell scripts."""
    return sorted(str(path.relative_to(root)) for path in (root / "grader").rglob("*.sh"))


def _within(needed: Size, size: Size) -> bool:
    return SIZES.index(needed) <= SIZES.index(size)


def _pytest(root: Path, suite: _Suite, *, slow: bool = False) -> Step:
    name = f"{suite.name}-slow" if slow else suite.name
    report = root / "build" / f"report-{name}.xml"
    marks = " and ".join(filter(None, ("slow" if slow else "not slow", suite.marks)))
    argv = (sys.executable, "-m", "pytest", "-m", marks, f"--junitxml={report}", f"tests/{suite.folder}")
    return Step(
        name,
        argv + _split(suite, suite.processes),
        report,
        after=(IMAGE,) if suite.engine else (),
        alone=slow or suite.marks == "alone",
        split=_split(suite, suite.workers),
    )


def _split(suite: _Suite, workers: int) -> tuple[str, ...]:
    """Arguments that split a suite's tests between workers; of two such lists pytest takes the last one."""
    return ("-n", str(workers), "--dist", suite.together) if workers > 1 else ()


def choose(known: Sequence[Step], names: Iterable[str]) -> list[Step]:
    """The named steps in their order, and those they come after; all if none is named.

    A suite that is the only one has the cores for itself: its tests are split. So are slow ones, which run
    one suite after the other. Raises UsageError for an unknown name.
    """
    wanted = set(names)
    unknown = wanted - {step.name for step in known}
    if unknown:
        raise UsageError(
            f"There is no step {', '.join(sorted(unknown))}.",
            next_step=f"choose from: {', '.join(step.name for step in known)}.",
        )
    for step in known:
        if step.name in wanted:
            wanted.update(step.after)
    chosen = [step for step in known if not wanted or step.name in wanted]
    suites = [step for step in chosen if step.report]
    return [
        replace(step, argv=(*step.argv, *step.split)) if step.alone or suites == [step] else step
        for step in chosen
    ]


def summary(results: Sequence[Result], seconds: float) -> str:
    """A line for each step, a verdict, and pytest's ordinary closing line for all its runs together."""
    lines = ["", "──── summary " + "─" * 67]
    counts: Counter[str] = Counter()
    left: dict[str, int] = {}
    for result in results:
        verdict = "passed" if result.code == 0 else "FAILED"
        lines.append(f"{result.step.name:<14} {verdict}  {result.seconds:7.1f} s")
        if result.step.report:
            counts += count(result.step.report)
            left[result.step.name] = slow_ones(result.step.report)
    more = sum(number for name, number in left.items() if f"{name.removesuffix('-slow')}-slow" not in left)
    if more:
        lines.append(f"{more} more tests of these suites are in --all")
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


def slow_ones(report: Path) -> int:
    """How many slow tests a run left out, as ``tests/conftest.py`` notes them in its report."""
    try:
        found = ET.parse(report).getroot().iterfind(f".//property[@name='{LEFT}']")  # noqa: S314 - as above
        return sum(int(one.get("value", 0)) for one in found)
    except (OSError, ET.ParseError):
        return 0
