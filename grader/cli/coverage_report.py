"""``dockbook test --coverage``: which lines and branches of the package the tests without an engine reach.

There is no number to reach. The worst modules are shown, as that is where a test is most likely missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.cli.side_by_side import Result, Step

SUITES = ("unit", "docs")
"""Suites that run in this machine's Python. What runs inside an engine has a bare one, and is not seen."""
REPORT = "build/coverage.json"
WORST = 10
_COVERAGE = (sys.executable, "-m", "coverage")


def measured(steps: Sequence[Step]) -> list[Step]:
    """The same steps of pytest, run under coverage."""
    return [replace(step, argv=(*_COVERAGE, "run", *step.argv[1:])) for step in steps]


def begin(root: Path) -> None:
    """Forget what earlier runs have measured."""
    subprocess.run([*_COVERAGE, "erase"], cwd=root, check=True)


def report(root: Path, tell: Callable[[str], None] = print) -> Result:
    """Combine what the steps have measured, and print it; fails if there is nothing."""
    for words in (("combine", "--quiet"), ("json", "--quiet", "-o", REPORT)):
        done = subprocess.run([*_COVERAGE, *words], cwd=root, check=False)
        if done.returncode:
            return Result(Step("coverage", ()), done.returncode, 0)
    tell(table(json.loads((root / REPORT).read_text(encoding="utf-8"))))
    return Result(Step("coverage", ()), 0, 0)


def table(found: dict[str, Any]) -> str:
    """The total and the worst modules of a report in JSON."""
    summaries = ((name, module["summary"]) for name, module in found["files"].items())
    modules = {name: summary for name, summary in summaries if summary["num_statements"]}
    worst = sorted(modules, key=lambda name: (modules[name]["percent_covered"], name))[:WORST]
    lines = ["", "──── coverage " + "─" * 66]
    lines += [f"{_percent(modules[name])}  {name} ({_missing(modules[name])})" for name in worst]
    lines += [f"{_percent(found['totals'])}  of all lines and branches in {len(modules)} modules"]
    return "\n".join([*lines, "each module: .venv/bin/coverage report"])


def _percent(summary: dict[str, Any]) -> str:
    return f"{summary['percent_covered']:5.1f} %"


def _missing(summary: dict[str, Any]) -> str:
    return f"missing lines: {summary['missing_lines']}, branches: {summary.get('missing_branches', 0)}"
