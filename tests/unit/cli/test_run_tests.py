"""``dockbook test``: its steps, which test is in which, its summary."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from grader import errors
from grader.cli import main, run_tests, side_by_side

ROOT = Path(__file__).resolve().parents[3]


def names(size, *only):
    return [step.name for step in run_tests.choose(run_tests.steps(ROOT, size), only)]


def argv_of(size, name, *only):
    (found,) = [step for step in run_tests.choose(run_tests.steps(ROOT, size), only) if step.name == name]
    return found.argv


def test_the_quick_run_has_what_needs_no_engine():
    plain = ["style", "format", "shell", "layers", "spelling", "types", "javascript"]
    assert names("quick") == [*plain, "unit"]
    assert "-n" in argv_of("quick", "unit"), "the one suite has both cores"


def test_each_run_has_what_the_one_before_has_and_more():
    runs = [names(size) for size in run_tests.SIZES]
    for less, more in pairwise(runs):
        assert [name for name in more if name in less] == [name for name in less if name in more]
        assert set(less) < set(more)
    quick, ordinary, long, everything = map(set, runs)
    assert {
        "docs",
        "login",
        "engine",
        "leftovers",
        "course",
        "grading",
        "browser",
        "binder",
    } <= ordinary - quick
    assert {"engine-slow", "course-slow", "grading-slow", "browser-slow"} <= long - ordinary
    assert everything - long == {"binder-slow", "machines", "machines-slow"}


@pytest.mark.parametrize("size", run_tests.SIZES)
def test_a_test_is_in_one_step_of_a_run(size):
    """Marks part a folder: slow or not, alone or not."""
    marks = [
        (next(word for word in argv if word.startswith("tests/")), argv[argv.index("-m", 3) + 1])
        for argv in pytests(size)
    ]
    assert len(set(marks)) == len(marks)
    of_engine = {"not alone", "alone"}
    for folder, expression in marks:
        words = expression.split(" and ")
        assert words[0] in ("slow", "not slow")
        assert (set(words[1:]) <= of_engine and words[1:]) if folder == "tests/engine" else not words[1:]


def pytests(size):
    return [step.argv for step in run_tests.steps(ROOT, size) if step.report]


def folders_of(size):
    return {word for argv in pytests(size) for word in argv if word.startswith("tests/")}


def test_suites_share_the_cores_and_one_by_itself_has_them():
    assert "-n" not in argv_of("ordinary", "browser")
    assert "-n" in argv_of("ordinary", "browser", "browser")
    assert argv_of("ordinary", "course")[-4:] == ("-n", "2", "--dist", "loadgroup"), "the longest have two"
    assert argv_of("ordinary", "course", "course")[-4:] == ("-n", "4", "--dist", "loadgroup")
    assert "-n" in argv_of("long", "course-slow")
    assert names("ordinary", "course") == ["image", "course"]
    assert names("ordinary", "unit", "style") == ["style", "unit"]


def test_every_folder_of_tests_is_a_step():
    folders = {path.parent for path in (ROOT / "tests").glob("*/**/test_*.py")}
    tops = {path.relative_to(ROOT / "tests").parts[0] for path in folders}
    assert {f"tests/{top}" for top in tops} <= folders_of("all")


def test_no_suite_is_missing_from_the_ordinary_run_but_machines():
    assert folders_of("all") - folders_of("ordinary") == {"tests/machines"}


def test_a_step_of_another_name_is_refused(capsys):
    assert main(["test", "--only", "nonsense"]) == 2
    assert "choose from: login" in capsys.readouterr().err


def test_the_help_says_what_all_alone_has(capsys):
    assert main(["test", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("--quick", "--long", "every second task a wrong one", "every attack", "image for Binder"):
        assert words in said


def test_the_summary_counts_all_runs_and_fails_with_any(tmp_path, monkeypatch, capfd):
    (tmp_path / "tests").mkdir()
    (tmp_path / "test_a.py").write_text("def test_a(): pass\ndef test_b(): assert False\n")
    (tmp_path / "test_c.py").write_text("import pytest\ndef test_c(): pytest.skip('x')\ndef test_d(): pass\n")

    def step(name: str) -> side_by_side.Step:
        report = tmp_path / "build" / f"{name}.xml"
        argv = (sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", f"test_{name}.py")
        return side_by_side.Step(name, argv, report)

    steps = [
        side_by_side.Step("quick", ("true",)),
        step("a"),
        step("c"),
        side_by_side.Step("gone", ("no-such-tool",)),
    ]
    monkeypatch.setattr(run_tests, "clone", lambda: tmp_path)
    monkeypatch.setattr(run_tests, "steps", lambda root, size: steps)
    assert main(["test"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert "failed: a, gone" in lines
    assert "1 failed, 2 passed, 1 skipped in" in lines[-1]
    assert lines[-1].startswith("===")


def test_the_summary_says_how_many_are_left_for_all(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="1" failures="0" errors="0" skipped="0"><properties>'
        f'<property name="{run_tests.LEFT}" value="12"/></properties></testsuite></testsuites>'
    )
    course = side_by_side.Step("course", ("true",), report)
    ran = [side_by_side.Result(course, 0, 1.0)]
    assert "12 more tests of these suites are in --all" in run_tests.summary(ran, 1.0).splitlines()
    ran.append(side_by_side.Result(replace(course, name="course-slow"), 0, 1.0))
    assert "more tests" not in run_tests.summary(ran, 1.0)


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "1"), marks=pytest.mark.slow)])
def test_a_report_notes_the_slow_tests_that_were_left_out(tmp_path, workers):
    argv = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "--junitxml", tmp_path / "r.xml"]
    subprocess.run([*argv, *workers, "tests/unit/test_installation.py"], cwd=ROOT, check=True)
    assert run_tests.slow_ones(tmp_path / "r.xml") == 1


def test_a_run_that_left_no_report_is_an_error(tmp_path):
    assert run_tests.count(tmp_path / "none.xml") == {"error": 1}
    (tmp_path / "half.xml").write_text("<testsuites><testsuite")
    assert run_tests.count(tmp_path / "half.xml") == {"error": 1}


def test_without_a_clone_there_are_no_checks(monkeypatch, tmp_path):
    monkeypatch.setattr(run_tests, "__file__", str(tmp_path / "lib/grader/cli/run_tests.py"))
    with pytest.raises(errors.UsageError, match="need a clone"):
        run_tests.clone()
