"""./dockbook while it takes minutes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import termios
from collections.abc import Callable

import pytest

from tests.unit.script.clone import Clone, wait_until


class TestWhileItTakesMinutes:
    """The engine image is begun while pip is at work; what is done is shown; all can be interrupted."""

    @pytest.fixture(autouse=True)
    def machine(self, door: Clone) -> None:
        door.tool("unshare", "#!/bin/sh\n")
        door.tool("true", "#!/bin/sh\n")
        script = (door.clone / "dockbook").read_text()
        for place in ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "/usr/share/keyrings"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)

    def begun(self, door: Clone) -> bool:
        return door.log.with_suffix(".builds").exists()

    def cleared(self, door: Clone) -> bool:
        return door.log.with_suffix(".cleared").exists()

    def test_the_command_that_the_script_becomes_has_the_builder_as_its_child(self, door: Clone) -> None:
        command = '#!/bin/sh\\nps -o ppid= -p "$DOCKBOOK_IMAGE_BUILDER"; kill "$DOCKBOOK_IMAGE_BUILDER"\\n'
        python = (door.bin / "python3").read_text().replace('#!/bin/sh\\necho "ran: $*"\\n', command)
        door.tool("python3", python)
        (door.bin / "ps").symlink_to(str(shutil.which("ps")))
        process = door.start("lab", FAKE_PIP_SECONDS="0.5")
        out, _ = process.communicate(timeout=30)
        assert out.strip() == str(process.pid)

    @pytest.mark.parametrize(
        "arguments",
        [
            *(("doctor",), ("lab", "--help"), ("lab", "--backend", "host"), ("engine", "status")),
            *(("engine", "build", "--rebuild"), ("engine", "build", "--suite", "forky")),
        ],
    )
    def test_what_needs_no_image_or_another_one_begins_none(
        self, door: Clone, arguments: tuple[str, ...]
    ) -> None:
        assert door.run(*arguments)[0] == 0
        assert not self.begun(door)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    @pytest.mark.parametrize("whom", [os.kill, os.killpg])
    def test_an_interrupt_ends_both_and_says_what_it_waits_for(
        self, door: Clone, number: int, code: int, whom: Callable[[int, int], None]
    ) -> None:
        process = door.start("lab", FAKE_PIP_SECONDS="60")
        wait_until(lambda: self.begun(door) and bool(door.installs()))
        whom(process.pid, number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, "")
        assert "waiting for the unfinished engine image to be removed" in err
        assert "Terminated" not in err
        assert self.cleared(door)
        assert not (door.venv / ".dockbook-stamp").exists()
        assert not (door.venv / ".dockbook-scratch").exists()

    def test_a_pip_that_fails_ends_the_builder_and_has_the_words(self, door: Clone) -> None:
        code, out, err = door.run("lab", FAKE_PIP="1", FAKE_PIP_SECONDS="1")
        assert (code, out) == (3, "")
        assert "no network" in err and "Next: check the network" in err
        assert self.begun(door) and self.cleared(door)

    @pytest.mark.parametrize("columns", [40, 80])
    def test_a_terminal_has_one_line_that_moves(self, door: Clone, columns: int) -> None:
        python = (door.bin / "python3").read_text()
        libraries = (
            "echo Collecting a; echo Collecting b; sleep 1; echo 'Installing collected packages: b, a'\n"
            'mkdir -p "$FAKE_VENV/lib/python3.12/site-packages/a-1.dist-info"; sleep 1\n'
        )
        door.tool("python3", python.replace('    sleep "${FAKE_PIP_SECONDS:-0}"\n', libraries))
        (door.bin / "stty").symlink_to(str(shutil.which("stty")))
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [door.clone / "dockbook", "lab"],
            env=door.env | {"FAKE_VENV": str(door.venv)},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more
            while data := os.read(ours, 4096):
                shown += data
                if b"1/2" in shown:
                    os.killpg(process.pid, signal.SIGTERM)
        os.close(ours)
        process.wait(30)
        lines = [line.removeprefix("\x1b[K") for line in shown.decode().replace("\n", "\r").split("\r")]
        moving = [line for line in lines if line.startswith("libraries")]
        wanted = "libraries: 1/2; engine image: 31% engine: unpacking tini"
        assert moving[-1] == wanted[: columns - 1]
        assert any(line.startswith("libraries: 2 fetched; engine image: 3") for line in moving)
