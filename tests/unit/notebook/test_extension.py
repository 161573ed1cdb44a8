"""``%load_ext grader`` in a real IPython, and ``dockbook check``, without an engine."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from grader.engine.choose import Choice
from grader.engine.running_engines import EngineInfo
from grader.errors import Blocked, CourseError, EngineUnavailable
from grader.expect import LiveInspector, StudentValues
from grader.expect.finding import Outcome
from grader.notebook import extension
from grader.notebook import terminal_check as lab_check
from grader.state import Snapshot

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


class FakeEngine:
    docker_host = "unix:///run/x/docker.sock"

    def env(self, base: dict[str, str]) -> dict[str, str]:
        return {"PATH": f"/run/x/bin:{base['PATH']}", "DOCKER_HOST": self.docker_host}

    def close(self) -> None:
        pass


def lab(started_at: float, label: str = "lab") -> EngineInfo:
    return EngineInfo("x", "sandbox", f"unix:///run/lab-{started_at}/docker.sock", 1, started_at, label)


@pytest.fixture
def engine_layer(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """The two names of the engine layer that the extension asks for, answered here."""
    layer = types.SimpleNamespace(running=[], opened=[])

    def open_engine(backend: str) -> Any:
        layer.opened.append(backend)
        if isinstance(layer.engine, Exception):
            raise layer.engine
        return layer.engine

    layer.engine = FakeEngine()
    monkeypatch.setattr("grader.engine.running_engines.running", lambda: layer.running)
    monkeypatch.setattr("grader.engine.choose.choose", lambda _: Choice("sandbox", "it works here"))
    monkeypatch.setattr("grader.engine.choose.open_engine", open_engine)
    monkeypatch.setattr("atexit.register", lambda close: layer.opened.append("atexit"))
    monkeypatch.setattr(extension, "_held", [])
    return layer


@pytest.mark.parametrize("environment", [NOWHERE, {"DOCKBOOK_ENGINE": "none"}])
def test_an_engine_that_is_named_or_not_wanted_starts_none(
    engine_layer: Any, environment: dict[str, str]
) -> None:
    before = dict(environment)
    assert extension.ensure_engine(environment) == ""
    assert environment == before
    assert engine_layer.opened == []


def test_an_engine_is_opened_and_kept_for_the_kernels_life(engine_layer: Any) -> None:
    environment = {"PATH": "/bin", "DOCKER_CONTEXT": "other", "DOCKER_TLS_VERIFY": "1"}
    line = extension.ensure_engine(environment)
    assert line == "Engine: sandbox (it works here)"
    assert environment == {"PATH": "/run/x/bin:/bin", "DOCKER_HOST": "unix:///run/x/docker.sock"}
    assert engine_layer.opened == ["sandbox", "atexit"]
    assert extension.ensure_engine(environment) == "", "a second load finds DOCKER_HOST"


def test_the_newest_running_lab_is_found_first(engine_layer: Any) -> None:
    engine_layer.running = [lab(1), lab(3), lab(2), lab(4, "grading")]
    environment = {"PATH": "/bin"}
    assert "the one of your running lab" in extension.ensure_engine(environment)
    assert environment["DOCKER_HOST"] == "unix:///run/lab-3/docker.sock"
    assert engine_layer.opened == []


def test_no_engine_is_told_in_one_line(engine_layer: Any) -> None:
    engine_layer.engine = EngineUnavailable("No backend works here.", next_step="run `dockbook doctor`.")
    line = extension.ensure_engine({"PATH": "/bin"})
    assert line == "No engine: No backend works here. Next: run `dockbook doctor`."


def test_the_student_side_alone_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grader.engine.running_engines", None)
    assert extension.ensure_engine({"PATH": "/bin"}) == ""


def test_what_the_student_side_imports() -> None:
    """In an engine there is only Python's library, docker and IPython beside it."""
    code = (
        "import sys, grader.notebook.extension, grader.expect, grader.state\n"
        "print(*{part for name in sys.modules for part in (name, name.split('.')[0])})"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "docker" in found
    not_there = {
        "click",
        "rich",
        "nbformat",
        "nbgrader",
        "jupyter_client",
        "psutil",
        "platformdirs",
        "filelock",
    }
    assert not not_there & set(found)
    assert not [name for name in found if name.startswith(("grader.engine", "grader.grading", "grader.cli"))]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InteractiveShell:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", NOWHERE["DOCKER_HOST"])
    monkeypatch.setenv("DOCKBOOK_STUDENT", "ada")
    monkeypatch.delenv("DOCKBOOK_CONTROL", raising=False)
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell()
    made.history_manager.enabled = False  # type: ignore[union-attr]
    return made


def test_loading_puts_the_words_there_and_prints_nothing(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in ("%load_ext grader", "%reload_ext grader"):
        shell.run_cell(line).raise_error()
        assert callable(shell.user_ns["check"])
        assert callable(shell.user_ns["forget"])
        assert callable(shell.user_ns["configure"])
        assert "no hints.toml" in repr(shell.user_ns["hint"]("web"))
        assert shell.user_ns["mine"] == StudentValues("ada")
    assert capsys.readouterr().out == ""


def test_a_notebook_reads_words_and_no_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%load_ext grader").raise_error()
    shell.run_cell('x = "42"')
    shell.run_cell('with check("sum") as engine:\n    engine.answer("x").equals("42")')
    assert capsys.readouterr().out.strip() == "sum: passed"
    shell.run_cell('with check("sum") as engine:\n    engine.answer("x").equals(42)')
    shown = capsys.readouterr()
    assert (shown.out + shown.err).splitlines()[:3] == [
        "sum: not yet. 1 thing to fix:",
        "  - answer x: value",
        "      found:    '42'",
    ]
    shell.run_cell('with check("box") as engine:\n    engine.container("web")')
    shown = capsys.readouterr()
    assert "No engine answers at unix:///nowhere/docker.sock" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
    shell.run_cell('forget("web")')
    shown = capsys.readouterr()
    assert "No engine answers" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


def test_a_refused_configuration_is_words(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%load_ext grader").raise_error()
    Path("daemon.json").write_text("{,}")
    shell.run_cell('configure("daemon.json")')
    shown = capsys.readouterr()
    assert "is not JSON: line 1, column 2" in shown.out + shown.err
    Path("daemon.json").write_text("{}")
    shell.run_cell('configure("daemon.json")')
    shown = capsys.readouterr()
    assert "This engine is your own Docker" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


def test_whose_values_they_are(tmp_path: Path) -> None:
    chapter = tmp_path / "ch01"
    chapter.mkdir()
    assert extension.student_id({}, chapter) == ""
    (tmp_path / ".dockbook").mkdir()
    (tmp_path / ".dockbook" / "workspace.json").write_text('{"student": "ada", "given": {}}')
    assert extension.student_id({}, chapter) == "ada", "as the workspace says, in an editor without a lab"
    assert extension.student_id({"DOCKBOOK_STUDENT": "bob"}, chapter) == "bob"
    assert extension.student_id({"DOCKBOOK_STUDENT": ""}, chapter) == "", "the source's own"


# dockbook check


def notebook(tmp_path: Path, *sources: str, **marks: Any) -> Path:
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": "text"}]
    for number, source in enumerate(sources, 1):
        nbgrader = {"grade": True, "solution": False, "grade_id": f"test-task{number}", **marks}
        cells.append(
            {"cell_type": "code", "metadata": {"nbgrader": nbgrader}, "source": source.splitlines(True)}
        )
    path = tmp_path / "ch.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "cells": cells}))
    return path


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine answers that holds nothing."""
    monkeypatch.setattr(LiveInspector, "client", lambda self: None)
    monkeypatch.setattr(LiveInspector, "snapshot", lambda self: Snapshot())


@pytest.mark.usefixtures("answering")
def test_test_cells_are_run_each_with_its_outcome(tmp_path: Path) -> None:
    path = notebook(
        tmp_path,
        'forget("x")\nwith check("task1") as engine:\n    engine.has_no_container("x")',
        'with check("task2") as engine:\n    engine.answer("x").equals(1)',
        'with check("task3", after="task2") as engine:\n    engine.answer("x").equals(1)',
        "1 / 0",
        "pass",
        "%magic",
        'with check("other") as engine:\n    engine.has_no_image("x")',
    )
    outcomes = lab_check.check_notebook(path, environment=NOWHERE)
    assert [(each.task, each.outcome.status) for each in outcomes] == [
        ("task1", "passed"),
        ("task2", "not_reached"),
        ("task3", "not_reached"),
        ("task4", "blocked"),
        ("task5", "blocked"),
        ("task6", "blocked"),
        ("task7", "passed"),
    ]
    assert outcomes[1].outcome.reason == "asks for 'x': run the check in the notebook"
    assert "ZeroDivisionError" in outcomes[3].outcome.reason
    assert "says nothing" in outcomes[4].outcome.reason
    assert "SyntaxError" in outcomes[5].outcome.reason


@pytest.mark.usefixtures("answering")
def test_a_check_from_outside_has_the_same_values(tmp_path: Path) -> None:
    own = 'with check("task1") as engine:\n    assert mine.port("x") == engine.mine.port("x") == {}\n    '
    path = notebook(
        tmp_path, own.format(StudentValues("ada").port("x")) + 'hint("x")\n    engine.has_no_image("x")'
    )
    environment = {**NOWHERE, "DOCKBOOK_STUDENT": "ada"}
    (only,) = lab_check.check_notebook(path, environment=environment)
    assert only.outcome.status == "passed", only
    (only,) = lab_check.check_notebook(path, environment=NOWHERE)
    assert only.outcome.status == "blocked"


@pytest.mark.usefixtures("answering")
def test_one_task_and_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE["DOCKER_HOST"])
    path = notebook(
        tmp_path,
        'with check("task1") as e:\n    e.has_no_network("x")',
        'with check("task2") as e:\n    e.answer("x")',
        "pass",
    )
    assert lab_check.run_check(path, "task1") == 0
    assert lab_check.run_check(path, "task2") == 1
    assert lab_check.run_check(path) == 3
    assert capsys.readouterr().out.splitlines()[0] == "task1: passed"
    with pytest.raises(CourseError, match="no task 'tusk1'") as caught:
        lab_check.check_notebook(path, "tusk1", environment=NOWHERE)
    assert caught.value.next_step == "did you mean task1?"


def test_no_engine_for_a_check_is_blocked(tmp_path: Path) -> None:
    with pytest.raises(Blocked, match="No engine answers"):
        lab_check.check_notebook(notebook(tmp_path, "pass"), environment=NOWHERE)


@pytest.mark.parametrize(
    "text", ["", '{"cells": [', "[1]", '{"cells": 3}', '{"cells": [1, {"metadata": 2}]}', "\xff"]
)
def test_a_notebook_that_cannot_be_read_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ch.ipynb"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CourseError) as caught:
        lab_check.check_notebook(path, environment=NOWHERE)
    assert caught.value.exit_code == 2
    assert caught.value.next_step
    with pytest.raises(CourseError, match="cannot be read"):
        lab_check.check_notebook(tmp_path / "none.ipynb", environment=NOWHERE)


def test_progress_counts_the_chapters_tasks_that_passed() -> None:
    done = {"a": Outcome.passed(), "b": Outcome.failed(), "elsewhere": Outcome.passed()}
    assert extension.progress(done, ["a", "b", "c"]) == "1 of 3 tasks"
    assert extension.progress({}, ["a"]) == "0 of 1 task"
    assert extension.progress(done, []) == ""
