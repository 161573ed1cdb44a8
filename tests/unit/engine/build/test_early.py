"""The builder that the script starts: known to the command that the script becomes, ended with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader import variables
from grader.engine.build import early
from grader.engine.system.package import PACKAGE

SAYS_WHEN_IT_ENDS = (
    "import signal, sys, time\n"
    "def end(*_): time.sleep(float(sys.argv[1])); open(sys.argv[2], 'w').close(); sys.exit(1)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "print('there', flush=True)\n"
    "time.sleep(60)"
)


def child(*arguments: str) -> int:
    read, write = os.pipe()
    argv = [sys.executable, "-c", SAYS_WHEN_IT_ENDS, *arguments]
    pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    with os.fdopen(read) as said:
        assert said.readline() == "there\n"
    return pid


def test_it_is_ended_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = child("0.3", str(tmp_path / "cleared"))
    monkeypatch.setenv(variables.IMAGE_BUILDER, str(pid))

    def interrupted() -> None:
        with early.awaited() as begun:
            assert begun == (pid,)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "cleared").exists()
    assert variables.IMAGE_BUILDER not in os.environ
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_wait_for_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(early, "SOON_S", 0.1)
    early.stop(child("0.5", str(tmp_path / "cleared")))
    assert "waiting for the unfinished engine image to be removed" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["", "x", "0", "1", str(os.getppid())])
def test_another_process_is_none(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that somebody's environment has kept must never be killed."""
    monkeypatch.setenv(variables.IMAGE_BUILDER, named)
    assert early.started() == 0


def test_one_that_has_failed_and_was_collected_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variables.IMAGE_BUILDER, "4194305")  # no process has this number: proc_sys_kernel(5)
    with early.awaited() as begun:
        assert begun == (4194305,)


def test_it_needs_python_and_nothing_else() -> None:
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import grader.engine.build.early_main"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_who_started_it_is_its_life(tmp_path: Path) -> None:
    """Killed, a script leaves nobody who builds on; here the lock is held, so that it would wait."""
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        "import os, time, subprocess\n"
        "from pathlib import Path\n"
        "from grader.engine.image import engine_image\nfrom grader.engine.system import package\n"
        "from grader.engine.build.one_builder import one_builder\n"
        "path = engine_image.location().path; path.parent.mkdir(parents=True, exist_ok=True)\n"
        "with one_builder(path, lambda *_: None):\n"
        "    argv = package.bare_python('grader.engine.build.early_main', 'main', '')\n"
        "    begun = subprocess.Popen(argv, stdout=subprocess.PIPE)\n"
        "    begun.stdout.readline()\n"
        "    print(begun.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    env = os.environ | {"DOCKBOOK_CACHE": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        builder = int(owner.stdout.readline())
        watched = os.pidfd_open(builder)
        owner.send_signal(signal.SIGKILL)
    # Readable once the process has ended: pidfd_open(2).
    assert select.select([watched], [], [], 30)[0]
    os.close(watched)
