"""Files that several processes read, write or hold: written whole, and locked.

Standard library only: builders that start before there are libraries have it, and a student's kernel.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".new-"
"""How the names of files begin that are being written."""
_LOOK_S = 0.02


class Locked(TimeoutError):
    """Another process has the lock."""


@contextmanager
def whole(path: Path, *, mode: int | None = None, sync: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, beside ``path``. It takes that name at the end; after an error it is removed.

    So a reader sees the old file or the new one. ``mode``: its permissions, else what the umask leaves.
    ``sync``: it is on the disk before it has its name, and stays whole in a power cut. Raises OSError.
    """
    with _part(path, mode) as (part, file):
        yield file
        _close(file, sync=sync)
        part.replace(path)


def write_whole(path: Path, content: str | bytes, *, mode: int | None = None, sync: bool = False) -> None:
    """Write a file, or put it in place of an earlier one, as ``whole`` does. Text is UTF-8."""
    with whole(path, mode=mode, sync=sync) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_new(path: Path, content: bytes, *, mode: int | None = None, sync: bool = False) -> bool:
    """Write a file whole and never over another one; whether it was written. Raises OSError."""
    with _part(path, mode) as (part, file):
        file.write(content)
        _close(file, sync=sync)
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return False
        except OSError:
            # No hard links on this file system (FAT, some network shares).
            if path.exists() or path.is_symlink():
                return False
            part.rename(path)
        return True


@contextmanager
def _part(path: Path, mode: int | None) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in the folder of ``path``. Nothing of its name is left, whatever happens."""
    part = path.with_name(f"{PARTIAL}{os.urandom(8).hex()}")
    try:
        with part.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield part, file
    finally:
        with suppress(OSError):
            part.unlink()


def _close(file: BinaryIO, *, sync: bool) -> None:
    file.flush()
    if sync:
        os.fsync(file.fileno())
    file.close()


@contextmanager
def locked(path: Path, *, wait_s: float = 0) -> Iterator[None]:
    """Hold the lock of this file, which is made and stays. Raises Locked, and OSError.

    A lock goes with its process, however that ends. Two holders in one process are two as well.
    """
    lock = open_locked(path, wait_s=wait_s)
    if lock is None:
        raise Locked(f"{path} is locked by another process")
    try:
        yield
    finally:
        os.close(lock)


def open_locked(path: Path, *, wait_s: float = 0) -> int | None:
    """The descriptor of a lock that was taken; None if another process still has it after ``wait_s``."""
    deadline = time.monotonic() + wait_s
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            taken = take(lock, wait_s=deadline - time.monotonic())
            # Removed meanwhile, it would be no lock: the next one is another file of that name.
            if taken and os.fstat(lock).st_nlink:
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        if not taken:
            return None


def take(lock: int, *, shared: bool = False, wait_s: float = 0) -> bool:
    """Lock an open file, together with others if ``shared``; False if it stays taken."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_S)
        else:
            return True


def is_locked(path: Path, flags: int = os.O_RDWR) -> bool | None:
    """Whether a process has the lock of this file or folder now; None if it cannot be opened.

    ``flags``: how to open it. Who asks has the lock for an instant.
    """
    try:
        lock = os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return not take(lock)
    except OSError:
        return True
    finally:
        os.close(lock)
