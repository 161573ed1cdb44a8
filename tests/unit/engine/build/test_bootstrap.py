"""mmdebstrap by a stand-in of the shell's: what is told, what is said of a failure, how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.engine.build import bootstrap
from grader.engine.build.bootstrap import mmdebstrap

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


LOG = r"""
I: running apt-get update...
Get:1 http://deb.debian.org/debian trixie InRelease [140 kB]
I: downloading packages with apt...
0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://deb.debian.org/debian trixie/main amd64 libc6 amd64 2.41-12 [2850 kB]
I: extracting archives...
I: installing essential packages...
Unpacking libc6:amd64 (2.41-12) over (2.41-12) ...
Setting up libc6:amd64 (2.41-12) ...
I: installing remaining packages inside the chroot...
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://deb.debian.org/debian trixie/main amd64 tini amd64 0.19.0-3+b5 [200 kB]
Unpacking tini (0.19.0-3+b5) ...
Setting up tini (0.19.0-3+b5) ...
I: running --customize-hook in shell: sh -c 'chroot "$1" true' exec /tmp/mmdebstrap.x
hook
I: creating tarball...
I: success in 60.1 seconds"""


def test_how_far_it_is_is_told_and_all_its_words_are_kept(stand_in: Standing) -> None:
    log = stand_in(f"cat >&2 <<'END'{LOG}\nEND")
    log.write_text("I: an earlier run")
    told: list[tuple[float, str]] = []
    mmdebstrap(["trixie", "x.tar"], log, lambda done, text: told.append((done, text)))
    assert log.read_text() == f"I: an earlier run{LOG[1:]}\n"
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == 1
    assert [text for _, text in told if text.endswith(("libc6", "tini"))] == [
        *("unpacking libc6", "setting up libc6"),
        *("fetching tini", "unpacking tini", "setting up tini"),
    ]
    assert not [text for _, text in told if "chroot" in text or "hook" in text]


def test_a_line_that_is_never_ended_is_read_too(stand_in: Standing) -> None:
    log = stand_in("printf 'I: success' >&2")
    told: list[tuple[float, str]] = []
    mmdebstrap(["trixie", "x.tar"], log, lambda done, text: told.append((done, text)))
    assert told == [(1, "done")]


def test_the_archive_goes_where_it_is_wanted(stand_in: Standing, tmp_path: Path) -> None:
    log = stand_in("echo archive; echo 'I: words' >&2")
    with (tmp_path / "target").open("wb") as target:
        mmdebstrap(["trixie", "-"], log, unheard, output=target)
    assert (tmp_path / "target").read_text() == "archive\n"
    assert log.read_text() == "I: words\n"


def unheard(_done: float, text: str) -> None:
    pytest.fail(text)


def test_a_failure_is_said_in_its_first_words(stand_in: Standing) -> None:
    log = stand_in("echo 'E: no room' >&2; echo 'E: mmdebstrap failed to run' >&2; exit 25")
    with pytest.raises(subprocess.CalledProcessError) as error:
        mmdebstrap(["trixie", "x.tar"], log, unheard)
    found = error.value
    assert (found.returncode, found.cmd[0], found.stderr) == (25, "mmdebstrap", "E: no room")


def test_a_failure_without_an_error_of_its_own_is_said_in_its_last_words(stand_in: Standing) -> None:
    log = stand_in("echo 'W: odd' >&2; exit 1")
    with pytest.raises(subprocess.CalledProcessError) as error:
        mmdebstrap(["trixie", "x.tar"], log, unheard)
    assert error.value.stderr == "W: odd"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("in_the_background", [False, True])
def test_who_leaves_interrupts_it_and_waits_until_it_has_cleared_up(
    stand_in: Standing, end: type[BaseException], in_the_background: bool
) -> None:
    log = stand_in(
        "trap 'sleep 0.3; : > cleared; exit 1' INT\necho 'I: extracting archives' >&2\n"
        "n=0; while [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done"
    )

    def leave(_done: float, _words: str) -> None:
        raise end

    before = signal.signal(signal.SIGINT, signal.SIG_IGN if in_the_background else signal.default_int_handler)
    try:
        with pytest.raises(end):
            mmdebstrap(["trixie", "x.tar"], log, leave)
    finally:
        signal.signal(signal.SIGINT, before)
    assert log.with_name("cleared").exists()


def test_another_thread_ends_it_while_it_says_nothing(stand_in: Standing) -> None:
    log = stand_in(
        "trap ': > cleared; exit 1' INT\nn=0; while [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done"
    )
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(InterruptedError):
        mmdebstrap(["trixie", "x.tar"], log, unheard, stop=stop)
    assert log.with_name("cleared").exists()


def test_clearing_up_that_takes_a_while_is_said(
    stand_in: Standing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "SOON_S", 0.1)
    log = stand_in(
        "trap 'sleep 0.5; exit 1' INT\necho 'I: extracting archives' >&2\nwhile :; do sleep 0.1; done"
    )

    def leave(_done: float, _words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mmdebstrap(["trixie", "x.tar"], log, leave)
    assert "waiting for mmdebstrap to clean up" in capsys.readouterr().err
