"""A chapter's folder as the files to hand in, and those files as a zip that is the same for the same work."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.course import MAX_FILES, MAX_NAME, ignored
from grader.errors import UsageError
from grader.expect.words import visible

# nbgrader would unpack these while it collects, and stop at one that is damaged.
_ARCHIVES = (".zip", ".gz")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass
class Packed:
    """The files by their names below the chapter's folder, and in words what was left out."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def work(self) -> str:
        """SHA-256 over names and contents: changes with any file."""
        total = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            total.update(f"{len(os.fsencode(name))}:".encode() + os.fsencode(name))
            total.update(hashlib.sha256(data).digest())
        return total.hexdigest()


def gather(folder: Path, chapter: str, *, notebook_bytes: int, files_bytes: int) -> Packed:
    """Read the regular files of a chapter's folder; nothing that a link leads to.

    Raises UsageError when they are more or larger than can be graded, OSError when one cannot be read.
    """
    names, packed = [], Packed()
    for base, folders, files in os.walk(folder, followlinks=False, onerror=_fail):
        folders[:] = sorted(name for name in folders if not ignored(name))
        links = [name for name in folders if Path(base, name).is_symlink()]
        for name in sorted((*links, *files)):
            relative = Path(base, name).relative_to(folder).as_posix()
            reason = _not_taken(Path(base, name), relative, chapter)
            if reason:
                packed.left_out.append(f"{visible(relative)}: {reason}")
            elif reason is None:
                names.append(relative)
        if len(names) > MAX_FILES:
            raise UsageError(
                f"{folder} has more than {MAX_FILES:,} files.",
                next_step="move what does not belong to your answers out of it.",
            )
    left = files_bytes
    for name in sorted(names):
        limit = min(left, notebook_bytes) if name == f"{chapter}.ipynb" else left
        data = _read(folder / name, limit)
        if data is None:
            raise _too_large(folder, names, chapter, notebook_bytes, files_bytes)
        packed.files[name] = data
        left -= len(data)
    return packed


def as_zip(files: Mapping[str, bytes], below: str) -> bytes:
    """These files below ``below/``. No times of today, no owners: the same files are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{below}/{name}", _EPOCH)
            entry.create_system = 3  # unix, wherever this runs
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    return buffer.getvalue()


def _not_taken(path: Path, relative: str, chapter: str) -> str | None:
    """Why a file stays behind; empty if that goes without saying, None if it is taken."""
    name = path.name
    if ignored(name):
        return ""
    if path.is_symlink():
        return "a link is not followed"
    if not stat.S_ISREG(path.lstat().st_mode):
        return "it is not a regular file"
    if len(os.fsencode(relative)) > MAX_NAME:
        return "its name is too long"
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not text"
    if fnmatch.fnmatch(name, f"{chapter}.damaged-*") or fnmatch.fnmatch(name, f"{chapter}.new*.ipynb"):
        return "it is an older or newer copy of your notebook"
    if path.suffix.lower() in _ARCHIVES:
        return "archives inside are not taken"
    return None


def _read(path: Path, limit: int) -> bytes | None:
    """A regular file's bytes; None if there are more than ``limit``."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _too_large(
    folder: Path, names: list[str], chapter: str, notebook_bytes: int, files_bytes: int
) -> UsageError:
    sizes = sorted(((folder / name).stat().st_size, name) for name in names)
    largest = ", ".join(f"{visible(name)} ({size:,} bytes)" for size, name in sizes[:-4:-1])
    step = "move what does not belong to your answers out of the folder"
    if {name: size for size, name in sizes}.get(f"{chapter}.ipynb", 0) > notebook_bytes:
        step = "clear the outputs of the cells that print so much, and save"
    return UsageError(
        f"Too large to hand in: at most {notebook_bytes:,} bytes of notebook and {files_bytes:,} bytes of "
        f"all files are taken. The largest: {largest}.",
        next_step=f"{step}.",
    )


def _fail(error: OSError) -> None:
    raise error
