"""mmdebstrap by a stand-in of the shell's: what is told, what is said of a failure, how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.engine.bootstrap import mmdebstrap

Standing = Callable[[str], Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Puts a script in mmdebstrap's place; gives the log's path."""

    def put(script: str) -> Path:
        program = tmp_path / "mmdebstrap"
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.chdir(tmp_path)
        return tmp_path / "log"

    return put


def test_its_words_are_told_and_kept(stand_in: Standing) -> None:
    log = stand_in("printf 'I: one\\nI: running --customize-hook\\n' >&2; echo hook; printf 'I: two' >&2")
    log.write_text("I: an earlier run\n")
    told: list[str] = []
    mmdebstrap(["trixie", "x.tar"], log, told.append)
    assert told == ["one", "two"]
    assert log.read_text() == "I: an earlier run\nI: one\nI: running --customize-hook\nhook\nI: two"


def test_a_failure_is_said_in_its_first_words(stand_in: Standing) -> None:
    log = stand_in("echo 'E: no room' >&2; echo 'E: mmdebstrap failed to run' >&2; exit 25")
    with pytest.raises(subprocess.CalledProcessError) as error:
        mmdebstrap(["trixie", "x.tar"], log, pytest.fail)
    found = error.value
    assert (found.returncode, found.cmd[0], found.stderr) == (25, "mmdebstrap", "E: no room")


def test_a_failure_without_an_error_of_its_own_is_said_in_its_last_words(stand_in: Standing) -> None:
    log = stand_in("echo 'W: odd' >&2; exit 1")
    with pytest.raises(subprocess.CalledProcessError) as error:
        mmdebstrap(["trixie", "x.tar"], log, pytest.fail)
    assert error.value.stderr == "W: odd"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("in_the_background", [False, True])
def test_who_leaves_interrupts_it_and_waits_until_it_has_cleared_up(
    stand_in: Standing, end: type[BaseException], in_the_background: bool
) -> None:
    log = stand_in(
        "trap 'sleep 0.3; : > cleared; exit 1' INT\necho 'I: at it' >&2\n"
        "n=0; while [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done"
    )

    def leave(_words: str) -> None:
        raise end

    before = signal.signal(signal.SIGINT, signal.SIG_IGN if in_the_background else signal.default_int_handler)
    try:
        with pytest.raises(end):
            mmdebstrap(["trixie", "x.tar"], log, leave)
    finally:
        signal.signal(signal.SIGINT, before)
    assert log.with_name("cleared").exists()
