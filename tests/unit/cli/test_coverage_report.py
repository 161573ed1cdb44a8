"""``dockbook test --coverage``: what tests and the programs that they start reach, in a made-up run_tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.cli import coverage_report, main, run_tests
from grader.cli.side_by_side import Step

ROOT = Path(__file__).resolve().parents[3]
REACHED = """\
def sign(number):
    if number < 0:
        return "below"
    return "above"
"""
TEST = """\
import subprocess, sys
from grader import called, reached
def test_one(tmp_path):
    assert reached.sign(1) == "above"
    code = "import sys; sys.path.insert(0, sys.argv[1]); from grader import called; called.sign(-1)"
    argv = [sys.executable, "-c", code, called.__file__.rpartition("/grader/")[0]]
    subprocess.run(argv, cwd=tmp_path, check=True)
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "build").mkdir()
    (tmp_path / "grader").mkdir()
    for name, text in (
        ("grader/__init__.py", ""),
        ("grader/reached.py", REACHED),
        ("grader/called.py", REACHED),
        ("grader/never.py", REACHED),
        ("test_it.py", TEST),
    ):
        (tmp_path / name).write_text(text)
    settings = (ROOT / "pyproject.toml").read_text()
    coverage = settings[settings.index("[tool.coverage.run]") : settings.index("[tool.importlinter]")]
    (tmp_path / "pyproject.toml").write_text(coverage)
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # where this is itself measured
    monkeypatch.setattr(run_tests, "clone", lambda: tmp_path)
    return tmp_path


def steps(root: Path, test: str = "test_it.py") -> list[Step]:
    found = [Step("style", ("false",))]
    for name in ("unit", "docs", "engine"):
        report = root / f"build/{name}.xml"
        argv = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", test)
        found.append(Step(name, argv, report))
    return found


@pytest.mark.slow
def test_what_tests_and_their_programs_reach_is_told(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_tests, "steps", lambda root, _size: steps(root))
    for _ in range(2):  # the second run begins anew
        assert main(["test", "--coverage"]) == 0
        lines = capfd.readouterr().out.splitlines()
        begin = next(number for number, line in enumerate(lines) if line.startswith("──── coverage"))
        assert lines[begin + 1 : begin + 5] == [
            "  0.0 %  grader/never.py (missing lines: 4, branches: 2)",
            " 66.7 %  grader/called.py (missing lines: 1, branches: 1)",
            " 66.7 %  grader/reached.py (missing lines: 1, branches: 1)",
            " 44.4 %  of all lines and branches in 3 modules",
        ]
        assert [line.split()[:2] for line in lines[begin:] if line.endswith(" s")] == [
            ["unit", "passed"],
            ["docs", "passed"],
            ["coverage", "passed"],
        ]
        assert "2 passed in" in lines[-1]
    assert not list(clone.glob(".coverage.*"))


def test_where_no_test_runs_it_fails(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_tests, "steps", lambda root, _size: steps(root, "no_such_test.py"))
    assert main(["test", "--coverage"]) == 1
    said = capfd.readouterr().out
    assert "  0.0 %  of all lines and branches" in said
    assert "failed: unit, docs" in said


def test_without_any_data_it_fails(clone: Path) -> None:
    assert coverage_report.report(clone, print).code != 0


@pytest.mark.parametrize("more", [["--quick"], ["--only", "unit"]])
def test_it_is_a_run_of_its_own(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--coverage", *more]) == 2
    assert "leave out the other options" in capsys.readouterr().err


def test_its_suites_are_there_and_need_no_engine() -> None:
    found = run_tests.choose(run_tests.steps(ROOT, "ordinary"), coverage_report.SUITES)
    assert [step.name for step in found] == list(coverage_report.SUITES)
    assert all(step.argv[1:3] == ("-m", "coverage") for step in coverage_report.measured(found))


def test_only_the_worst_are_shown() -> None:
    summary = {"percent_covered": 50.0, "num_statements": 9, "missing_lines": 1, "missing_branches": 2}
    files = {f"grader/m{n:02}.py": {"summary": summary | {"percent_covered": float(n)}} for n in range(30)}
    lines = coverage_report.table({"files": files, "totals": summary}).splitlines()
    shown = [line.split()[2] for line in lines if "missing" in line]
    assert shown == [f"grader/m{n:02}.py" for n in range(coverage_report.WORST)]
