"""``dockbook test``: its steps, which test is in which, its summary."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader import errors
from grader.cli import boot, main, project

ROOT = Path(__file__).resolve().parents[2]


def test_the_projects_steps_in_order_and_by_name():
    names = [step.name for step in project.steps(ROOT, everything=False)]
    assert names[:6] == ["style", "format", "shell", "types", "layers", "spelling"]
    assert "unit" in names
    only = project.choose(project.steps(ROOT, everything=False), ["unit", "style"])
    assert [step.name for step in only] == ["style", "unit"]
    assert "not slow" in only[1].argv
    everything = project.choose(project.steps(ROOT, everything=True), ["unit"])
    assert "not slow" not in everything[0].argv


@pytest.mark.parametrize(("everything", "quick"), [(True, ""), (False, "not slow and ")])
def test_each_engine_test_is_in_one_step(everything, quick):
    steps = project.choose(project.steps(ROOT, everything=everything), ["engine", "leftovers"])
    assert [f"{quick}{marks}" for marks in ("not alone", "alone")] == [
        step.argv[step.argv.index("-m", 2) + 1] for step in steps
    ]
    assert ["-n" in step.argv for step in steps] == [not everything, False]
    assert {step.argv[-1] for step in steps} == {"tests/engine"}


def test_every_folder_of_tests_is_a_step():
    folders = {path.parent for path in (ROOT / "tests").glob("*/**/test_*.py")}
    tops = {path.relative_to(ROOT / "tests").parts[0] for path in folders}
    argvs = [step.argv[-1] for step in project.steps(ROOT, everything=False)]
    assert {f"tests/{top}" for top in tops} == {one for one in argvs if one.startswith("tests/")}


def test_a_step_of_another_name_is_refused(capsys):
    assert main(["test", "--only", "nonsense"]) == 2
    assert "choose from: style" in capsys.readouterr().err


def test_the_summary_counts_all_runs_and_fails_with_any(tmp_path, monkeypatch, capfd):
    (tmp_path / "tests").mkdir()
    (tmp_path / "test_a.py").write_text("def test_a(): pass\ndef test_b(): assert False\n")
    (tmp_path / "test_c.py").write_text("import pytest\ndef test_c(): pytest.skip('x')\ndef test_d(): pass\n")

    def step(name: str) -> project.Step:
        report = tmp_path / "build" / f"{name}.xml"
        argv = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", f"test_{name}.py")
        return project.Step(name, argv, report)

    steps = [project.Step("quick", ("true",)), step("a"), step("c"), project.Step("gone", ("no-such-tool",))]
    monkeypatch.setattr(project, "clone", lambda: tmp_path)
    monkeypatch.setattr(project, "steps", lambda root, everything: steps)
    monkeypatch.setattr(boot, "ensure_image", lambda **_: None)
    assert main(["test"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert "failed: a, gone" in lines
    assert "1 failed, 2 passed, 1 skipped in" in lines[-1]
    assert lines[-1].startswith("===")


def test_a_run_that_left_no_report_is_an_error(tmp_path):
    assert project.count(tmp_path / "none.xml") == {"error": 1}
    (tmp_path / "half.xml").write_text("<testsuites><testsuite")
    assert project.count(tmp_path / "half.xml") == {"error": 1}


def test_without_a_clone_there_are_no_checks(monkeypatch, tmp_path):
    monkeypatch.setattr(project, "__file__", str(tmp_path / "lib/grader/cli/project.py"))
    with pytest.raises(errors.UsageError, match="need a clone"):
        project.clone()
