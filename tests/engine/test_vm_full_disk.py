"""A virtual machine whose changes find no room on this machine: it ends and says so, and waits for nobody."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from docker.errors import APIError

from grader.cli.engine_options import open_chosen
from grader.engine.image import qemu
from grader.engine.vm import VM
from grader.errors import EngineError, EngineUnavailable
from grader.lab.supervisor import Supervisor
from tests.engine.typed import eventually

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]
ROOM = qemu.NEEDED_DISK + (40 << 20)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk with little room, where machines keep their changes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "dockbook-test", folder], check=True)
    monkeypatch.setattr(qemu, "scratch_folder", lambda cache: folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def write(engine: VM, size: int) -> None:
    """A container writes more than there is room for; how that ends is not said here."""
    command = ["dd", "if=/dev/urandom", "of=/big", "bs=1048576", f"count={size >> 20}"]
    try:
        engine.client(timeout=300).containers.run("busybox", [*command], remove=True)
    except (APIError, OSError, requests.RequestException):
        return


def opened() -> VM:
    engine = open_chosen("vm")[0]
    assert isinstance(engine, VM)
    return engine


def test_it_ends_and_says_why_and_another_starts_where_the_first_has_made_room(small: Path) -> None:
    told: list[str] = []
    with opened() as engine:
        write(engine, 2 * ROOM)
        assert eventually(lambda: not engine.alive(), 20)
        words = f"The machine's disk could not be written, in {small}: No space left on device."
        assert engine.tail(1) == words
        with Supervisor(engine, told.append) as supervisor:
            supervisor.wait(0.1)
            assert engine.alive()
            assert engine.client().containers.list(all=True) == []
    (line,) = told
    assert "started again at the same address, with only the course's images" in line
    assert line.endswith(words)


def test_where_another_has_filled_the_disk_none_starts(small: Path) -> None:
    told: list[str] = []
    with opened() as engine:
        (small / "theirs").write_bytes(b"x" * (ROOM // 2))
        write(engine, 2 * ROOM)
        assert eventually(lambda: not engine.alive(), 20)
        with Supervisor(engine, told.append) as supervisor:
            for _ in range(3):
                supervisor.wait(0.1)
        assert not engine.alive()
        with pytest.raises(EngineError, match="No space left on device"):
            engine.reset()
        (small / "theirs").unlink()
        engine.reset()
        assert engine.client().containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
    (line,) = told
    assert "the engine has ended: save your notebooks" in line
    assert f"No space left on device: '{small}'" in line


def test_one_that_finds_no_room_is_not_started(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (small / "theirs").write_bytes(b"x" * (ROOM // 2))
    monkeypatch.setattr(tempfile, "tempdir", str(small))
    with pytest.raises(EngineUnavailable, match=f"200 MB at least; there is [0-9]+ MB in {small}") as caught:
        qemu.scratch_folder(small)
    assert "TMPDIR" in str(caught.value.next_step)
