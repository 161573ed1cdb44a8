"""The command line without an engine: help, exit codes, one line for each error, what is handed on."""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from grader import errors
from grader.cli import boot, cli, course, engine, lab, main, project, show
from grader.engine.host import HostEngine
from grader.engine.image import CourseImage

ROOT = Path(__file__).resolve().parents[2]


def commands(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in sorted(group.commands.items()):
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


ALL = commands()
IDS = [" ".join(path) for path, _ in ALL]


def test_the_commands_are_those_of_the_readme():
    assert set(IDS) == {
        *("engine", "engine build", "engine run", "engine env", "engine status", "engine images"),
        *("engine load", "engine prune", "engine reset"),
        *("lab", "release", "grade", "report", "formgrader", "check", "demo", "store", "doctor", "test"),
        *("status", "reset", "submit", "book", "gallery", "session"),
    }


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in cli.commands:
        assert f"\n  {name} " in text


@pytest.mark.parametrize(("path", "command"), ALL, ids=IDS)
def test_every_command_and_option_says_what_it_does(path, command, capsys):
    assert main([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert command.help
    assert command.help[0].isupper()
    assert command.help.splitlines()[0].rstrip().endswith((".", '"', ":"))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.opts[0] in text


def test_help_needs_none_of_the_heavy_libraries():
    code = (
        "import sys; from grader.cli import main; main(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules} &"
        "{'docker', 'rich', 'nbgrader', 'nbformat', 'jupyter_client', 'sqlalchemy', 'psutil'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dockbook, version ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["grade"], ["lab", "--port", "x"], ["engine", "run"]])
def test_a_wrong_command_line_ends_with_2(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--help" in captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("What.", next_step="do this."), 2),
        (errors.CourseError("What.", next_step="do this."), 2),
        (errors.EngineUnavailable("What.", next_step="do this."), 3),
        (errors.Blocked("What.", next_step="do this."), 3),
    ],
)
def test_our_errors_are_one_line(error, code, capsys, monkeypatch):
    def fail() -> None:
        raise error

    monkeypatch.setattr("grader.engine.doctor.examine", fail)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == "dockbook: What. Next: do this.\n"


def test_an_error_of_many_lines_is_still_one(capsys, monkeypatch):
    def fail() -> None:
        raise errors.EngineDied("log:\n  first\n\tsecond")

    monkeypatch.setattr("grader.engine.doctor.examine", fail)
    assert main(["doctor"]) == 3
    assert capsys.readouterr().err == "dockbook: log: first second\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Next: free some room"),
        (
            OSError(errno.EROFS, "Read-only file system", "/c"),
            "Read-only file system: /c. Next: set DOCKBOOK",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/c"), "Permission denied: /c. Next: give"),
    ],
)
def test_what_a_disk_refuses_is_one_line(error, said, capsys, monkeypatch):
    def fail() -> None:
        raise error

    monkeypatch.setattr("grader.engine.doctor.examine", fail)
    assert main(["doctor"]) == 3
    words = capsys.readouterr().err
    assert words.startswith(f"dockbook: {said}")
    assert words.count("\n") == 1


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grader.engine.doctor.examine", interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err.strip() == "dockbook: interrupted"


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError(errno.EBADF, "Bad file descriptor")])
def test_an_error_of_ours_that_nobody_foresaw_is_not_hidden(error, monkeypatch):
    def fail() -> None:
        raise error

    monkeypatch.setattr("grader.engine.doctor.examine", fail)
    with pytest.raises(type(error)):
        main(["doctor"])


def test_a_reader_that_leaves_is_no_traceback():
    code = "from grader.cli import main; import sys; sys.exit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_the_doctors_verdict_is_the_exit_code(monkeypatch, capsys):
    for usable, code in ((True, 0), (False, 3)):
        report = SimpleNamespace(usable=usable, as_dict=lambda: {"usable": 1}, as_text=lambda: "screen")
        monkeypatch.setattr("grader.engine.doctor.examine", lambda report=report: report)
        assert main(["doctor"]) == code
        assert capsys.readouterr().out == "screen\n"
        assert main(["doctor", "--json"]) == code
        assert json.loads(capsys.readouterr().out) == {"usable": 1}


# engine


@dataclass
class FakeEngine:
    """Stands in for a booted engine; notes that it was closed."""

    boot: str = "sandbox"
    ready_s: float = 0.25
    dispose_s: float | None = None

    def env(self, base: object = None) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": "unix:///engine.sock"}

    def close(self) -> None:
        self.dispose_s = 0.125


@pytest.fixture
def fake(monkeypatch):
    opened = FakeEngine()
    options: dict[str, Any] = {}

    def open_(boot: str, **given: Any) -> tuple[FakeEngine, None]:
        options.update(boot=boot, **given)
        return opened, None

    monkeypatch.setattr(engine, "open_chosen", open_)
    return SimpleNamespace(engine=opened, options=options)


def run(*arguments: str) -> int:
    return main(["engine", "run", *arguments])


def test_run_hands_over_the_environment_and_the_exit_code(fake, tmp_path):
    seen = tmp_path / "seen"
    assert run("--boot", "sandbox", "--", "sh", "-c", f"echo $DOCKER_HOST >{seen}; exit 7") == 7
    assert seen.read_text() == "unix:///engine.sock\n"
    assert fake.engine.dispose_s is not None
    assert fake.options == {"boot": "sandbox", "suite": "trixie"}


def test_run_leaves_the_commands_own_options_alone(fake, capfd):
    assert run("echo", "--boot", "x", "--help", "--", "-v") == 0
    assert capfd.readouterr().out == "--boot x --help -- -v\n"


def test_timings_are_exactly_one_json_line(fake, capfd):
    assert run("--timings", "--", "true") == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert json.loads(captured.err) == {"boot": "sandbox", "ready_s": 0.25, "dispose_s": 0.125}


@pytest.mark.parametrize("name", ["no-such-command-here", "/etc"])
def test_a_command_that_cannot_run_is_a_usage_error_and_the_engine_goes(fake, capsys, name):
    assert run("--", name) == 2
    assert f"cannot run '{name}'" in capsys.readouterr().err
    assert fake.engine.dispose_s is not None


def test_a_command_that_dies_of_a_signal_ends_as_in_a_shell(fake):
    assert run("--", "sh", "-c", "kill -KILL $$") == 137


FORWARDING = """
import sys
from grader.cli import engine, main
from tests.unit.test_cli import FakeEngine
class Noted(FakeEngine):
    def close(self):
        super().close()
        print("disposed", flush=True)
engine.open_chosen = lambda boot, **options: (Noted(), None)
engine._GRACE_S = 0.5
sys.exit(main(["engine", "run", "--", "sh", "-c", sys.argv[1]]))
"""


@pytest.mark.parametrize(
    ("script", "signum", "code", "said"),
    [
        ("echo up; exec sleep 30", signal.SIGTERM, 143, ""),
        ("echo up; exec sleep 30", signal.SIGINT, 130, ""),
        ("trap 'echo asked; exit 5' TERM; echo up; while :; do sleep 0.05; done", signal.SIGTERM, 5, "asked"),
        ("trap '' TERM; echo up; while :; do sleep 0.05; done", signal.SIGTERM, 137, ""),
        ("trap 'echo asked; exit 6' HUP; echo up; while :; do sleep 0.05; done", signal.SIGHUP, 6, "asked"),
    ],
)
def test_signals_reach_the_command_and_the_engine_goes(script, signum, code, said):
    with subprocess.Popen(
        [sys.executable, "-c", FORWARDING, script],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signum)
        rest = process.stdout.read().split()
        assert process.wait(20) == code
    assert rest == [*said.split(), "disposed"]


def test_a_signal_while_the_command_is_being_started_is_not_lost(fake, monkeypatch):
    """Popen returns only after the command runs: on a busy machine, much later."""

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **options)

    real = subprocess.Popen
    monkeypatch.setattr(engine, "_GRACE_S", 0.2)
    monkeypatch.setattr(subprocess, "Popen", start)
    assert run("--", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done") in (137, 143)
    assert fake.engine.dispose_s is not None


def test_env_prints_what_a_shell_evaluates():
    lines = engine.shell_lines({"DOCKER_HOST": "unix:///x y", "PATH": "/a:/b"})
    script = "; ".join([*lines, 'echo "$DOCKER_HOST|$PATH|${DOCKER_CONTEXT-gone}"'])
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"DOCKER_CONTEXT": "x"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "unix:///x y|/a:/b|gone\n"


def test_images_are_listed(monkeypatch, capsys):
    found = SimpleNamespace(
        course_images=[CourseImage("busybox:latest", 1_900_000, "busybox-static", "tools")]
    )
    monkeypatch.setattr(engine, "ensure_image", lambda suite: found)
    assert main(["engine", "images"]) == 0
    assert capsys.readouterr().out.split()[:3] == ["busybox:latest", "1.9", "MB"]
    assert main(["engine", "images", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["size"] == 1_900_000


@pytest.mark.parametrize(
    ("wanted", "docker_host", "expected"),
    [
        ("host", "", [("host", {})]),
        ("auto", "unix:///x", [("host", {})]),
        ("sandbox", "unix:///x", ["image", ("sandbox", {"suite": "forky", "label": "lab"})]),
        ("vm", "", ["image for vm", ("vm", {"suite": "forky", "label": "lab"})]),
    ],
)
def test_only_a_sandbox_needs_the_image_and_only_private_engines_a_name(
    wanted, docker_host, expected, monkeypatch
):
    steps: list[object] = []
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    monkeypatch.setattr(
        boot,
        "ensure_image",
        lambda suite, boot="sandbox": steps.append("image" if boot == "sandbox" else f"image for {boot}"),
    )
    monkeypatch.setattr(
        "grader.engine.auto.open_engine", lambda chosen, **options: steps.append((chosen, options))
    )
    boot.open_chosen(wanted, suite="forky", label="lab")
    assert steps == expected


# progress


def test_plain_progress_says_each_step_once(capsys):
    with show.progress("engine image") as report:
        for fraction, text in (
            (0.1, "packages"),
            (0.11, "more"),
            (0.12, "more still"),
            (0.99, "x"),
            (1.2, "done"),
        ):
            report(fraction, text)
            report(fraction, text)
    assert capsys.readouterr().err.splitlines() == [
        "engine image:  10% packages",
        "engine image:  99% x",
        "engine image: 100% done",
    ]


def test_progress_is_silent_when_there_is_nothing_to_do(capsys):
    with show.progress("engine image"):
        pass
    assert capsys.readouterr() == ("", "")


# the course's commands


def test_an_unknown_chapter_ends_with_2_and_the_names(capsys):
    for command in (["grade", "ch99"], ["release", "ch99"], ["store", "ch99"]):
        assert main(command) == 2
        assert "There is no chapter 'ch99'" in capsys.readouterr().err


def test_check_without_a_workspace_says_how_to_get_one(capsys, tmp_path):
    assert main(["check", "ch03", "--workspace", str(tmp_path / "none")]) == 2
    assert "make one with `dockbook lab`" in capsys.readouterr().err


def test_grade_writes_json_and_tells_blocked_work(monkeypatch, tmp_path, capsys):
    from grader.grading.grade import Event
    from grader.grading.results import ChapterResult

    calls: dict[str, Any] = {}

    def grade(course: object, chapter: Any, **options: Any) -> ChapterResult:
        options["progress"](Event("ann", "running", 1, running=1))
        calls.update(options, chapter=chapter.id)
        return ChapterResult(chapter.id, (), ("ann: disk full",))

    monkeypatch.setattr("grader.grading.grade.grade", grade)
    monkeypatch.setattr(course, "ensure_image", lambda **_: None)
    target = tmp_path / "results.json"
    assert main(["grade", "ch03", "--json", str(target), "--jobs", "3", "--student", "ann"]) == 3
    assert json.loads(target.read_text()) == {"chapter": "ch03-using-docker", "students": []}
    assert (calls["jobs"], calls["students"], calls["boot"]) == (3, ("ann",), "sandbox")
    assert "0 of 1 done, 1 running (ann: running)" in capsys.readouterr().err
    assert main(["grade", "ch03", "--json", str(tmp_path / "none" / "x.json")]) == 2


# lab


@pytest.mark.parametrize("fresh", [False, True])
def test_lab_prepares_the_workspace_before_it_boots(monkeypatch, tmp_path, capsys, fresh):
    steps: list[object] = []
    opened_engine = SimpleNamespace(boot="sandbox", standing="kept")

    def prepare(place: Path, student: str, course: Any) -> list[str]:
        # Typed somewhere else, it is still this clone's course.
        assert course.root == ROOT / "course"
        steps.append((place, student))
        return ["made"]

    def open_(boot: str, label: str, keep_for: Path | None) -> tuple[object, object]:
        steps.append((boot, label, keep_for))
        return opened_engine, SimpleNamespace(why="because")

    def run_lab(place: Path, opened: Any, why: str, browser: bool, port: int, course: Path) -> int:
        assert course == ROOT / "course"
        steps.append((opened.standing, why, browser, port))
        return 0

    monkeypatch.setattr("grader.lab.workspace.prepare", prepare)
    monkeypatch.setattr(lab, "open_chosen", open_)
    monkeypatch.setattr("grader.lab.jupyter.run_lab", run_lab)
    monkeypatch.chdir(tmp_path)
    arguments = ["--as", "ann", "--workspace", "here", "--no-browser", "--port", "9000"]
    assert main(["lab", *arguments, *(["--fresh"] if fresh else [])]) == 0
    place = tmp_path / "here"
    standing = "Nothing on it is kept (--fresh)." if fresh else "kept"
    assert steps == [
        (place, "ann"),
        ("auto", "lab", None if fresh else place),
        (standing, "because", False, 9000),
    ]
    assert capsys.readouterr().out == "made\n"


def test_lab_says_which_images_ones_own_docker_lacks(monkeypatch, capsys):
    class Own(HostEngine):
        def __init__(self, there: set[str]) -> None:
            self.there = there

        def missing_images(self, names: list[str]) -> list[str]:
            return [name for name in names if name not in self.there]

    course = boot.find_course()
    everything = {name for chapter in course.written for name in chapter.images}
    lab._tell_of_images(Own(everything - {"httpd:latest", "busybox:latest"}), course)
    said = "Not on your Docker: busybox:latest, httpd:latest. They come with: dockbook engine load\n"
    assert capsys.readouterr().out == said
    lab._tell_of_images(Own(everything), course)
    assert capsys.readouterr().out == ""


# test


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


def test_a_terminated_command_leaves_through_its_context_managers():
    code = (
        "import sys, time; from grader.cli import main; import grader.engine.doctor as d\n"
        "def wait():\n"
        "    try: print('up', flush=True), time.sleep(30)\n"
        "    finally: print('cleaned', flush=True)\n"
        "d.examine = wait; sys.exit(main(['doctor']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        began = time.monotonic()
        process.terminate()
        assert process.stdout.read() == "cleaned\n"
        assert process.wait(10) == 143
        assert time.monotonic() - began < 5


def test_the_entry_point_is_the_one_that_is_published():
    import tomllib

    project_table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, name = project_table["scripts"]["dockbook"].split(":")
    assert getattr(importlib.import_module(module), name) is main
