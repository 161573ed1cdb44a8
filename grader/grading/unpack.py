"""Unpacks what students and platforms packed, for ``nbgrader zip_collect``: bounded; none stops the others.

nbgrader's own unpacks whatever is there to its last byte, archives in archives too, and ends at the first
that is damaged. ``course/nbgrader_config.py`` names ``Extractor`` in its place.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO

from nbgrader.plugins import ExtractorPlugin

from grader.course import MAX_NAME, Limits
from grader.errors import CourseError
from grader.expect.words import visible

MOST_FILES = 20_000
"""Files in one archive: a platform's has each student's in it."""
MOST_TIMES = 3
"""What is in an archive may be so many times its own size. One of archives hardly grows; a bomb does."""
DEPTH = 2
"""A platform's archive of students' archives. What is packed deeper stays packed."""
_CHUNK = 1 << 20
_FAULTS = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error)


class Extractor(ExtractorPlugin):
    """In the place of nbgrader's plugin of the same duty."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack or copy everything below one folder into another, in the same places.

        What cannot be unpacked, or not within bounds, is left out with a warning.
        """
        source, target = Path(archive_path), Path(extracted_path)
        found = False
        for base, _, names in os.walk(source, followlinks=False):
            for name in sorted(names):
                path = Path(base, name)
                if path.is_symlink() or not path.is_file():
                    self._leave_out(path, "it is no regular file")
                    continue
                found = True
                place = target / path.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix in self.zip_ext:
                    self._unpack(path, place, depth=1)
                else:
                    shutil.copyfile(path, place)
        if not found:
            self.log.warning("No files found in directory: %s", archive_path)

    def _unpack(self, archive: Path, place: Path, depth: int) -> None:
        """Unpack into a folder of the archive's name, then the archives in it."""
        folder = place.with_name(place.name.removesuffix(".gz").removesuffix(".zip").removesuffix(".tar"))
        self.log.info("Extracting %s to %s", archive, folder)
        if folder.exists():
            self._leave_out(archive, "something of its name is there already")
            return
        try:
            unpack(archive, folder)
        except CourseError as error:
            shutil.rmtree(folder, ignore_errors=True)
            self._leave_out(archive, error.what)
            return
        inner = sorted(path for path in folder.rglob("*") if path.suffix in self.zip_ext and path.is_file())
        for path in inner:
            if depth < DEPTH:
                self._unpack(path, path, depth + 1)
            else:
                self._leave_out(path, "it is packed too deep")
            path.unlink()

    def _leave_out(self, path: Path, why: str) -> None:
        self.log.warning("%s is left out: %s", visible(str(path)), why)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar file's regular files into a new folder; nothing lands outside of it.

    Raises CourseError when it is damaged, encrypted, no archive, or has more in it than is taken; what was
    unpacked till then is in the folder.
    """
    limits = Limits()
    most = max(limits.notebook_bytes + limits.files_bytes, MOST_TIMES * archive.stat().st_size)
    try:
        folder.mkdir(parents=True)
        left = most = min(most, shutil.disk_usage(folder).free // 2)
        with closing(_entries(archive, most)) as entries:
            for count, (name, handle) in enumerate(entries):
                if count >= MOST_FILES:
                    raise CourseError(f"it has more than {MOST_FILES:,} files in it")
                path = _place(folder, name)
                if path is None or handle is None:
                    continue  # a link, a device, or a name that leads elsewhere: nothing of a submission
                path.parent.mkdir(parents=True, exist_ok=True)
                with handle, path.open("xb") as out:
                    while chunk := handle.read(_CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise CourseError(f"more than {most:,} bytes are in it")
                        out.write(chunk)
    except _FAULTS as error:
        raise CourseError(
            f"it cannot be unpacked: {visible(str(error), 200) or type(error).__name__}"
        ) from error


def _entries(archive: Path, most: int) -> Generator[tuple[str, IO[bytes] | None]]:
    """The name of each entry that is no folder, and its content; None for what is no regular file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    # Unix keeps a file's kind in the upper half; a link's content is where it leads.
                    kind = info.external_attr >> 28
                    yield info.filename, zipped.open(info) if kind in (0, 0o10) else None
        return
    with tempfile.TemporaryFile(dir=archive.parent) as plain:
        # Bounded: to pass over a member, or to read a long header, tarfile reads it all.
        with gzip.open(archive) as packed:
            while chunk := packed.read(_CHUNK):
                if plain.tell() + len(chunk) > most:
                    raise CourseError(f"more than {most:,} bytes are in it")
                plain.write(chunk)
        plain.seek(0)
        with tarfile.open(fileobj=plain, mode="r:") as bundle:
            for member in bundle:
                if not member.isdir():
                    yield member.name, bundle.extractfile(member) if member.isreg() else None


def _place(folder: Path, name: str) -> Path | None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
        return None
    if len(os.fsencode(name)) > MAX_NAME or any(len(os.fsencode(part)) > 255 for part in parts):
        return None
    return folder.joinpath(*parts)
