"""``dockbook session`` with an engine that is none: what the command gets, what is told, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from grader import variables
from grader.cli import main
from grader.engine.image import qemu
from grader.errors import EngineDied, UsageError
from grader.lab import session
from grader.notebook import extension, notices


class Fake:
    """An engine that comes up at the wanted attempt and dies when told to."""

    backend, docker_host, ready_s = "vm", "unix:///nowhere/docker.sock", 0.5
    detail = limits = persistence_note = ""
    private = True

    def __init__(self, *, comes_up_at: int = 1) -> None:
        self.starts, self.comes_up_at = 0, comes_up_at
        self.dead = threading.Event()
        self.forwards = self.closed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def env(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": self.docker_host}

    def wait(self) -> None:
        self.starts += 1
        if self.starts < self.comes_up_at:
            raise EngineDied("QEMU was ended by signal 9")

    def restart(self) -> bool:
        self.wait()
        self.dead.clear()
        return True

    def alive(self) -> bool:
        return not self.dead.is_set()

    def limits_reached(self) -> list[str]:
        return []

    def tail(self, lines: int = 40) -> str:
        return "QEMU was ended by signal 9"

    @contextmanager
    def forward(self, tell: Any, note: Any) -> Any:
        self.forwards += 1
        yield


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return use(monkeypatch, Fake())


def use(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> Fake:
    monkeypatch.setattr(session, "_open", lambda: fake)
    return fake


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with the folder that is ours."""
    (tmp_path / ".dockbook").mkdir()
    return tmp_path


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_command_finds_engine_workspace_and_settings(engine: Fake, place: Path) -> None:
    code = session.run_session(
        python(f"import json, os; json.dump(dict(os.environ), open({str(place / 'e')!r}, 'w'))"), place, place
    )
    found = json.loads((place / "e").read_text())
    assert code == 0
    assert found["DOCKER_HOST"] == engine.docker_host
    assert found["DOCKBOOK_WORKSPACE"] == str(place)
    assert found["JUPYTER_CONFIG_DIR"] == str(place / ".dockbook/jupyter")
    assert (engine.forwards, engine.closed) == (1, 1)


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_the_commands(engine: Fake, place: Path, ending: str, code: int) -> None:
    assert session.run_session(python(f"import os, sys; {ending}"), place, place) == code


def test_a_command_that_is_not_there_is_said_and_the_engine_closed(engine: Fake, place: Path) -> None:
    with pytest.raises(UsageError, match="cannot run 'no-such-lab'"):
        session.run_session(["no-such-lab"], place, place)
    assert engine.closed == 1


def test_an_engine_that_dies_comes_back_and_it_is_noted(engine: Fake, place: Path) -> None:
    """Noted once, in the file that notebooks read."""
    file = place / ".dockbook/notices"
    engine.dead.set()
    waits = (
        f"import os, time\nfor _ in range(300):\n  if os.path.exists({str(file)!r}): break\n  time.sleep(.05)"
    )
    assert session.run_session(python(waits), place, place) == 0
    (line,) = file.read_text().splitlines()
    assert "started again" in line and "your notebooks are not" in line
    assert engine.starts == 2


def test_an_engine_that_starts_at_the_second_attempt_is_nobodys_concern(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    fake = use(monkeypatch, Fake(comes_up_at=2))
    assert session.run_session(python(""), place, place) == 0
    assert fake.forwards == 1
    assert not (place / ".dockbook/notices").exists()


def test_without_an_engine_the_command_runs_and_says_so(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    fake = use(monkeypatch, Fake(comes_up_at=99))
    assert session.run_session(python("raise SystemExit(5)"), place, place) == 5
    assert (fake.starts, fake.forwards) == (session.TRIES, 0)
    assert "there is no engine: close this session" in (place / ".dockbook/notices").read_text()


def test_what_cannot_be_had_is_said_and_the_notebooks_can_be_read(
    monkeypatch: pytest.MonkeyPatch, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No machine at all: the command runs, and what it starts looks for no engine of its own."""
    monkeypatch.setattr(qemu, "probe", lambda: "no QEMU in sight")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    code = "import os; assert os.environ['DOCKBOOK_ENGINE'] == 'none'; assert 'DOCKER_HOST' not in os.environ"
    assert session.run_session(python(f"{code}; raise SystemExit(5)"), place, place) == 5
    line = f"there is no engine. No virtual machine can be started: no QEMU in sight. Next: {session.NEEDS}"
    assert line in capsys.readouterr().err
    file = place / ".dockbook/notices"
    assert notices.standing(file) == line
    use(monkeypatch, Fake())
    assert session.run_session(python(""), place, place) == 0
    assert notices.standing(file) == "", "a session with an engine has nothing of that to say"


def test_a_session_that_is_ended_asks_the_command_first(engine: Fake, place: Path) -> None:
    """As Kubernetes does: SIGTERM; the command tidies up, and its exit code is kept."""
    ready = place / "ready"
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        f"open({str(ready)!r}, 'w').close()\n"
        "time.sleep(60)"
    )

    def end() -> None:
        while not ready.exists():
            threading.Event().wait(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    assert session.run_session(python(code), place, place) == 3
    thread.join()
    assert engine.closed == 1


@pytest.mark.parametrize("arguments", [(), ("--prepare", "--", "true")])
def test_a_session_wants_a_command_or_only_to_prepare(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["session", *arguments]) == 2
    assert "dockbook session -- jupyter lab" in capsys.readouterr().err


def test_prepare_gives_the_students_chapters_and_jupyters_settings(tmp_path: Path) -> None:
    place = tmp_path / "dockbook"
    assert not session.is_prepared(place)
    assert main(["session", "--prepare", "--workspace", str(place)]) == 0
    assert session.is_prepared(place)
    notebooks = list(place.glob("ch*/*.ipynb"))
    assert len(notebooks) == 7
    text = "".join(path.read_text() for path in notebooks)
    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN TESTS" not in text
    said = subprocess.run(
        [sys.executable, "-m", "jupyterlab", "--show-config-json"],
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(place / ".dockbook/jupyter")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    found = json.loads(said)
    assert found["LabApp"]["extension_manager"] == "readonly"
    assert found["ServerApp"]["jpserver_extensions"]["nbgrader.server_extensions.formgrader"] is False


def test_notices_are_told_once_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "notices"
    early = notices.reader(file)
    assert early() == []
    notices.note(file, "one\nline  ü")
    late = notices.reader(file)
    assert early() == ["one line ü"]
    assert early() == [] and late() == []
    with file.open("a") as handle:
        handle.write("half ")
    assert early() == []
    notices.note(file, "and whole")
    assert early() == late() == ["half and whole"]


def test_a_notebook_that_is_opened_late_knows_that_there_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    file = tmp_path / "notices"
    monkeypatch.setenv(variables.NOTICES, str(file))
    monkeypatch.setattr(extension, "_telling", [])
    notices.note(file, "the engine was started again")
    notices.note(file, "there is no engine", standing=True)
    shell = InteractiveShell()
    extension._tell_notices(shell)
    shell.run_cell("print('cell')")
    assert capsys.readouterr().out == "dockbook: there is no engine\ncell\n"


def test_a_notebook_tells_of_the_engine_above_the_next_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    file = tmp_path / "notices"
    monkeypatch.setenv(variables.NOTICES, str(file))
    monkeypatch.setattr(extension, "_telling", [])
    shell = InteractiveShell()
    extension._tell_notices(shell)
    extension._tell_notices(shell)
    notices.note(file, "the engine was started again")
    shell.run_cell("print('cell')")
    shell.run_cell("print('next')")
    assert capsys.readouterr().out == "dockbook: the engine was started again\ncell\nnext\n"
