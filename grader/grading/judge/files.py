"""A submission's folder: read defensively, hashed, and copied for the kernel. Never changed.

A submission is data from outside: links are not followed, only regular files are opened, sizes have limits.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from grader.course import MAX_FILES, MAX_NAME, Chapter, ignored
from grader.handouts import released_files


class Unreadable(Exception):
    """A file of a submission cannot be taken; ``str()`` is the reason, in words for the student."""


def read_regular(path: Path, limit: int) -> bytes:
    """Content of a regular file of at most ``limit`` bytes. Raises Unreadable for all else."""
    try:
        # O_NONBLOCK: opening a pipe without a writer would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unreadable(f"there is no {path.name}") from error
    except OSError as error:
        what = "is a link" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        raise Unreadable(f"{path.name} {what}") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable(f"{path.name} is not a regular file")
        if facts.st_size > limit:
            raise Unreadable(f"{path.name} is larger than {limit:,} bytes ({facts.st_size:,})")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(facts.st_size)
    finally:
        os.close(handle)


def regular_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative name and path of each regular file below ``folder``, sorted; links are passed over."""
    found: list[tuple[str, Path]] = []
    for base, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not ignored(name))
        for name in sorted(names):
            path = Path(base, name)
            relative = path.relative_to(folder).as_posix()
            if not ignored(name) and not _too_long(relative) and stat.S_ISREG(path.lstat().st_mode):
                found.append((relative, path))
            if len(found) >= MAX_FILES:
                break
    yield from sorted(found)[:MAX_FILES]


def passed_over(folder: Path) -> list[str]:
    """In words: what below ``folder`` is neither a regular file nor a folder, or is nested too deeply."""
    found = []
    for base, folders, names in os.walk(folder, followlinks=False):
        for name in sorted((*folders, *names)):
            path = Path(base, name)
            relative = path.relative_to(folder).as_posix()
            if _too_long(relative):
                found.append(f"left out: {relative[:60]}...: its path has more than {MAX_NAME:,} bytes")
                folders[:] = [other for other in folders if other != name]
                continue
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                found.append(f"not followed: {relative} is a link or not a regular file")
    return sorted(found)


def in_the_way(name: str, own: Collection[str]) -> bool:
    """Whether a submission's file is in the place of a folder of the chapter, or a folder in the place of its
    file."""
    return any(mine.startswith(f"{name}/") or name.startswith(f"{mine}/") for mine in own)


def digest(folder: Path, chapter: Chapter) -> str:
    """SHA-256 over what a verdict depends on: the notebook, whole; the other files as a kernel gets them.

    For a file that is too large to be taken, its size and time are used instead of its content.
    """
    total = hashlib.sha256()
    for name, data in _taken(folder, chapter):
        total.update(f"{len(name)}:{name}".encode("utf-8", "surrogateescape"))
        if isinstance(data, bytes):
            total.update(hashlib.sha256(data).digest())
        else:
            facts = (folder / name).lstat()
            told = f"!{data} {facts.st_size} {facts.st_mtime_ns}"
            total.update(told.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def digest_of_source(chapter: Chapter) -> str:
    """SHA-256 over what of the chapter's own a verdict depends on: the instructor's notebook, what goes with
    it."""
    total = hashlib.sha256()
    for name, path in [(chapter.notebook.name, chapter.notebook), *released_files(chapter)]:
        total.update(f"{len(name)}:{name}".encode("utf-8", "surrogateescape"))
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def copy_for_kernel(chapter: Chapter, submission: Path, target: Path) -> list[str]:
    """Copy a submission's files to ``target``, then what was released with the chapter (figures, data) over
    them. Returns what was left behind, in words.
    """
    notes = []
    target.mkdir(exist_ok=True)
    for name, data in _taken(submission, chapter):
        if isinstance(data, bytes):
            _write(target / name, data)
        else:
            notes.append(f"file left out: {data}")
    for name, path in released_files(chapter):
        _write(target / name, path.read_bytes())
    return notes


def _taken(folder: Path, chapter: Chapter) -> Iterator[tuple[str, bytes | Unreadable]]:
    """A submission's files with their contents, or why one is not taken: the notebook first, other notebooks,
    then the rest, as far as the chapter's limits reach."""
    notebook, left = chapter.notebook.name, chapter.limits.files_bytes
    try:
        yield notebook, read_regular(folder / notebook, chapter.limits.notebook_bytes)
    except Unreadable as error:
        if (folder / notebook).is_file():
            yield notebook, error
    others = [(name, path) for name, path in regular_files(folder) if name != notebook]
    for name, path in sorted(others, key=lambda other: (not other[0].endswith(".ipynb"), other[0])):
        try:
            data = read_regular(path, left)
        except Unreadable as error:
            yield name, error
            continue
        left -= len(data)
        yield name, data


def _write(path: Path, data: bytes) -> None:
    # A file in the way of a folder of the same name, or the other way round: the student's loses.
    for parent in reversed(path.parents):
        if parent.is_file():
            parent.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_dir():
        path.write_bytes(data)


def _too_long(relative: str) -> bool:
    return len(os.fsencode(relative)) > MAX_NAME
