"""The command line without an engine: help, exit codes, one line for each error, what is handed on."""

from __future__ import annotations

import errno
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

import dockbook_entry
from grader import errors
from grader.cli import cli, course, engine_options, lab, main, show
from grader.engine.host import HostEngine

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
        *("status", "reset", "submit", "book", "docs", "gallery", "session"),
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

    monkeypatch.setattr("grader.engine.doctor.examine.examine", fail)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == "dockbook: What. Next: do this.\n"


def test_an_error_of_many_lines_is_still_one(capsys, monkeypatch):
    def fail() -> None:
        raise errors.EngineDied("log:\n  first\n\tsecond")

    monkeypatch.setattr("grader.engine.doctor.examine.examine", fail)
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

    monkeypatch.setattr("grader.engine.doctor.examine.examine", fail)
    assert main(["doctor"]) == 3
    words = capsys.readouterr().err
    assert words.startswith(f"dockbook: {said}")
    assert words.count("\n") == 1


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grader.engine.doctor.examine.examine", interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err.strip() == "dockbook: interrupted"


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError(errno.EBADF, "Bad file descriptor")])
def test_an_error_of_ours_that_nobody_foresaw_is_not_hidden(error, monkeypatch):
    def fail() -> None:
        raise error

    monkeypatch.setattr("grader.engine.doctor.examine.examine", fail)
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
        monkeypatch.setattr("grader.engine.doctor.examine.examine", lambda report=report: report)
        assert main(["doctor"]) == code
        assert capsys.readouterr().out == "screen\n"
        assert main(["doctor", "--json"]) == code
        assert json.loads(capsys.readouterr().out) == {"usable": 1}


def test_a_terminated_command_leaves_through_its_context_managers():
    code = (
        "import sys, time; from grader.cli import main; import grader.engine.doctor.examine as d\n"
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
        assert time.monotonic() - began < 20, "it slept on"


def test_the_entry_point_is_the_one_that_is_published():
    import tomllib

    project_table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, name = project_table["scripts"]["dockbook"].split(":")
    assert getattr(importlib.import_module(module), name) is dockbook_entry.main


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
    from grader.grading.judge.results import ChapterResult

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
    assert (calls["jobs"], calls["students"], calls["backend"]) == (3, ("ann",), "sandbox")
    assert "0 of 1 done, 1 running (ann: running)" in capsys.readouterr().err
    assert main(["grade", "ch03", "--json", str(tmp_path / "none" / "x.json")]) == 2


# lab


@pytest.mark.parametrize("fresh", [False, True])
def test_lab_prepares_the_workspace_before_it_boots(monkeypatch, tmp_path, capsys, fresh):
    steps: list[object] = []
    opened_engine = SimpleNamespace(private=True, persistence_note="kept", missing_images=lambda _: [])

    def prepare(place: Path, student: str, course: Any) -> list[str]:
        # Typed somewhere else, it is still this clone's course.
        assert course.root == ROOT / "course"
        steps.append((place, student))
        return ["made"]

    def open_(backend: str, label: str, keep_for: Path | None) -> tuple[object, object]:
        steps.append((backend, label, keep_for))
        return opened_engine, SimpleNamespace(why="because")

    def run_lab(place: Path, opened: Any, why: str, browser: bool, port: int, course: Path) -> int:
        assert course == ROOT / "course"
        steps.append((opened.persistence_note, why, browser, port))
        return 0

    monkeypatch.setattr("grader.workspace.folder.prepare", prepare)
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

        def missing_images(self, names: Collection[str]) -> list[str]:
            return [name for name in names if name not in self.there]

    course = engine_options.find_course()
    everything = {name for chapter in course.written for name in chapter.images}
    lab._tell_of_images(Own(everything - {"httpd:latest", "busybox:latest"}), course)
    said = "Missing on your Docker: busybox:latest, httpd:latest. Next: dockbook engine load\n"
    assert capsys.readouterr().out == said
    lab._tell_of_images(Own(everything), course)
    assert capsys.readouterr().out == ""
