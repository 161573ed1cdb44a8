"""A real mmdebstrap that is ended in the middle: nothing of it stays, for root and for an ordinary user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.engine.build.bootstrap import mmdebstrap
from tests.engine import differ
from tests.engine.owners import TREE
from tests.engine.typed import eventually
from tests.shared_tree import shared_python, shared_tree
from tests.users import User, as_a_shell

HERE = Path(__file__).resolve()
DONE_S = 240
"""For a Debian of essential packages, made to its end on a busy machine."""


@pytest.mark.slow
@pytest.mark.alone  # the differ looks at the mounts of the whole machine
@pytest.mark.parametrize("someone", ["caller", "user"], indirect=True)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, 137)])
def test_nothing_stays(own_places: Path, someone: User | None, number: int, code: int) -> None:
    """Ended while packages are installed, with all mounts there; a killed one is given the time to finish."""
    log = own_places / "state/log"
    (own_places / "tmp").chmod(0o1777)  # as /tmp is: mmdebstrap's own user enters it
    with differ.adopting_orphans():
        before = differ.look()
        with _started(someone, log) as process:
            assert process.stdout is not None
            assert any("installing" in line for line in process.stdout), log.read_text()
            assert eventually(lambda: bool(differ.named("dpkg"))), log.read_text()
            process.send_signal(number)
        assert as_a_shell(process.returncode) == code, log.read_text()
        assert differ.left_since(before, wait_s=DONE_S, but_files=True) == [], log.read_text()
        assert list((own_places / "tmp").iterdir()) == [], log.read_text()


def _started(someone: User | None, log: Path) -> subprocess.Popen[str]:
    env = {"PYTHONPATH": TREE, "TMPDIR": os.environ["TMPDIR"]}
    if someone is not None:
        argv = [shared_python(), "-m", "tests.engine.test_backendstrap", str(log)]
        command = someone.command(argv, env=env | {"PYTHONPATH": shared_tree()})
        return someone.start(command, stdout=subprocess.PIPE)
    argv = [sys.executable, str(HERE), str(log)]
    return subprocess.Popen(argv, env=os.environ | env, cwd="/", stdout=subprocess.PIPE, text=True)


def _run(log: Path) -> None:
    """One run that says how far it is, and leaves as the command line does when it is terminated."""

    def terminate(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, terminate)
    target = log.with_name("x.tar")
    options = ["--variant=essential", "--format=tar", "--skip=output/dev", "trixie", str(target)]
    mmdebstrap(options, log, lambda _fraction, words: print(words, flush=True))


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
