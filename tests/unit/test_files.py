"""Files that are written whole, and locks: also when writing fails, and between two processes."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import files
from grader.files import Locked, is_locked, locked, open_locked, take, whole, write_new, write_whole

FDS = Path("/proc/self/fd")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.json"


def test_a_file_is_replaced_and_nothing_lies_beside_it(path: Path) -> None:
    write_whole(path, "né\n")
    write_whole(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert list(path.parent.iterdir()) == [path]


def test_text_is_utf_8_with_its_own_line_ends(path: Path) -> None:
    write_whole(path, "né\r\n\n")
    assert path.read_bytes() == b"n\xc3\xa9\r\n\n"


@pytest.mark.parametrize(("given", "found"), [(None, 0o640), (0o600, 0o600), (0o755, 0o755)])
def test_its_mode_is_what_was_asked_or_what_the_umask_leaves(
    path: Path, given: int | None, found: int
) -> None:
    old = os.umask(0o027)
    try:
        write_whole(path, "x", mode=given)
        assert write_new(path.with_name("other"), b"x", mode=given)
    finally:
        os.umask(old)
    assert (mode(path), mode(path.with_name("other"))) == (found, found)


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(path: Path) -> None:
    write_whole(path, "old")
    with whole(path) as file:
        file.write(b"new, ")
        file.flush()
        assert path.read_text() == "old"
        file.write(b"whole")
    assert path.read_text() == "new, whole"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(
    path: Path, error: type[BaseException]
) -> None:
    def break_off() -> None:
        with whole(path) as file:
            file.write(b"half")
            raise error

    write_whole(path, "old")
    with pytest.raises(error):
        break_off()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full_is_said_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (write_whole, write_new):
        with pytest.raises(OSError, match="No space left"):
            write(path, b"x", sync=True)
    assert list(path.parent.iterdir()) == []


def test_a_folder_in_the_way_stays(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(path, "x")
    assert not write_new(path, b"x")
    assert list(path.parent.iterdir()) == [path]
    assert list(path.iterdir()) == []


def test_without_a_folder_it_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(path / "below", "x")


def no_links(_path: Path, _target: Path) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_no_other_ones_place(
    path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    assert write_new(path, b"first")
    assert not write_new(path, b"second")
    dangling = path.with_name("dangling")
    dangling.symlink_to("nowhere")
    assert not write_new(dangling, b"third")
    assert path.read_text() == "first"
    assert sorted(path.parent.iterdir()) == [dangling, path]


HOLD = "import sys; from grader.files import *; from pathlib import Path\nwith locked(Path(sys.argv[1])): "


def holder(path: Path, then: str) -> subprocess.Popen[str]:
    """Another process that has the lock, once this returns."""
    argv = [sys.executable, "-c", f"{HOLD}print('held', flush=True); {then}", str(path)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_another_process_has_it_until_it_lets_go(path: Path) -> None:
    assert is_locked(path) is None
    with holder(path, "input()") as process:
        assert is_locked(path) is True
        with pytest.raises(Locked, match=r"file\.json is locked by another process"), locked(path):
            pytest.fail("two at once")
        assert open_locked(path) is None
        process.communicate("\n")
    assert is_locked(path) is False
    with locked(path):
        assert is_locked(path) is True
    assert path.exists()


def test_a_process_that_is_killed_lets_go(path: Path) -> None:
    with holder(path, "input()") as process:
        process.kill()
        with locked(path, wait_s=10):
            pass


def test_it_is_waited_for_as_long_as_is_said(path: Path) -> None:
    began = time.monotonic()
    with locked(path), pytest.raises(TimeoutError), locked(path, wait_s=0.2):
        pytest.fail("two at once")
    assert 0.2 <= time.monotonic() - began < 5


def test_who_shares_is_not_in_the_way_of_who_shares(path: Path) -> None:
    path.touch()
    with path.open() as one, path.open() as two, path.open() as three:
        assert take(one.fileno(), shared=True)
        assert take(two.fileno(), shared=True)
        assert not take(three.fileno())


def test_a_folder_can_be_locked(tmp_path: Path) -> None:
    assert is_locked(tmp_path) is None
    assert is_locked(tmp_path, os.O_RDONLY | os.O_DIRECTORY) is False


def test_a_lock_that_was_removed_meanwhile_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., bool] = files.take
    tries = []

    def take_and_lose(lock: int, **how: float) -> bool:
        tries.append(lock)
        if len(tries) == 1:
            path.unlink()
        return real(lock, **how)

    monkeypatch.setattr(files, "take", take_and_lose)
    with locked(path):
        assert is_locked(path) is True
    assert len(tries) > 1


def test_what_cannot_be_locked_is_an_error_and_nothing_stays_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    before = len(list(FDS.iterdir()))
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks"), locked(path):
        pytest.fail("it was not locked")
    assert is_locked(path) is True
    assert len(list(FDS.iterdir())) == before
