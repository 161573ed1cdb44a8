"""Unpacks what students and platforms packed, for ``nbgrader zip_collect``: bounded; none stops the others.

nbgrader's own unpacks whatever is there to its last byte, archives in archives too, and ends at the first
that is damaged. ``course/nbgrader_config.py`` names ``Extractor`` in its place. It remembers which folders
were archives, and so what of a path the platform has named and what the student.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from nbgrader.plugins import ExtractorPlugin

from grader.course import MAX_NAME, Limits, ignored
from grader.errors import CourseError
from grader.expect.words import visible

MOST_FILES = 20_000
"""Files of one submission: of what is under one name in a platform's archive."""
MOST_ENTRIES = 100_000
"""Files of one archive: a platform's has each student's in it."""
MOST_TIMES = 30
"""An archive as a whole may unpack to this many times its own size: notebooks of text shrink to a
twentieth."""
MOST_FOLDERS = 50
"""Folders in folders of one archive: Python's own tools take one call for each."""
DEPTH = 2
"""A platform's archive of students' archives. What is packed deeper stays packed."""
_CHUNK = 1 << 20
_KNOWN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What every platform and operating system packs with; Python unpacks the others without bounds."""


class Extractor(ExtractorPlugin):
    """In the place of nbgrader's plugin of the same duty.

    ``archives``: the folders that were unpacked, by their path below the target, and how deep each was
    packed (1: an archive in the archive folder, 2: one inside of it).
    """

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.archives: dict[PurePosixPath, int] = {}

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack or copy everything below one folder into another, in the same places.

        What cannot be unpacked, or not within bounds, is left out with a warning; what an operating system
        adds on its own, without.
        """
        source, target = Path(archive_path), Path(extracted_path)
        self.archives.clear()
        found = False
        for base, folders, names in os.walk(source, followlinks=False):
            folders[:] = sorted(name for name in folders if not ignored(name))
            for name in sorted(name for name in names if not ignored(name)):
                path = Path(base, name)
                if path.is_symlink() or not path.is_file():
                    self._leave_out(path, "it is not a regular file")
                    continue
                found = True
                place = target / path.relative_to(source)
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if path.suffix in self.zip_ext:
                        self._unpack(path, place, target, depth=1)
                    else:
                        shutil.copyfile(path, place)
                except OSError as error:
                    self._leave_out(path, error.strerror or str(error))
        if not found:
            self.log.warning("No files found in directory: %s", archive_path)

    def _unpack(self, archive: Path, place: Path, target: Path, depth: int, room: int | None = None) -> int:
        """Unpack into a folder of the archive's name, then the archives in it; the bytes that it took.

        ``room``: how many it may take, if it is inside another one.
        """
        name = place.name.removesuffix(".gz").removesuffix(".zip").removesuffix(".tar")
        if not name.strip("."):
            self._leave_out(archive, "its name is only an extension")
            return 0
        folder = place.with_name(name)
        self.log.info("Extracting %s to %s", archive, folder)
        if folder.exists() or folder.is_symlink():
            self._leave_out(archive, "something with its name is already there")
            return 0
        try:
            unpacked = unpack(archive, folder, whole=depth > 1, room=room)
        except Exception as error:  # noqa: BLE001 - what decoders raise is not all in their documentation
            shutil.rmtree(folder, ignore_errors=True)
            self._leave_out(archive, _reason(error))
            return 0
        for name, why in unpacked.left_out:
            self._leave_out(Path(archive, name), why)
        self.archives[PurePosixPath(folder.relative_to(target).as_posix())] = depth
        inner = sorted(path for path in folder.rglob("*") if path.suffix in self.zip_ext and path.is_file())
        taken = dict(unpacked.taken)
        for path in inner:
            if depth < DEPTH:
                top = path.relative_to(folder).parts[0]
                left = max(0, _each() - taken.get(top, 0))
                taken[top] = taken.get(top, 0) + self._unpack(path, path, target, depth + 1, left)
            else:
                self._leave_out(path, "it is nested too deeply")
            path.unlink()
        return sum(taken.values())

    def _leave_out(self, path: Path, why: str) -> None:
        self.log.warning("%s is left out: %s", visible(str(path), 300), why)


class Unpacked(NamedTuple):
    """What an archive came to: what was left out and why; the bytes under each name at the top."""

    left_out: list[tuple[str, str]]
    taken: dict[str, int]


def _each() -> int:
    """Bytes that one submission may have."""
    limits = Limits()
    return limits.notebook_bytes + limits.files_bytes


def unpack(archive: Path, folder: Path, *, whole: bool = False, room: int | None = None) -> Unpacked:
    """Unpack a zip or tar file's regular files into a new folder; nothing lands outside of it.

    Each name at the top has the bounds of one submission, since in a platform's archive each is a student's:
    if they are exceeded, everything under that name is left out; a file that is damaged, duplicate or in
    another's way is left out alone. ``whole``: the archive is one student's, and what would cost a part costs
    all; ``room``: it may have this many bytes, if the student has packed more than one.

    Raises CourseError when as a whole there is more than an archive of its size may hold, and whatever its
    decoder raises when nothing can be unpacked; what was unpacked till then is in the folder.
    """
    each = _each() if room is None else min(room, _each())
    most = each if whole else each + max(each, MOST_TIMES * archive.stat().st_size)
    folder.mkdir(parents=True)
    most = min(most, shutil.disk_usage(folder).free // 2)
    shares = _Shares(folder, each=min(each, most), most=most)
    with closing(_entries(archive, most)) as entries:
        for name, content in entries:
            try:
                shares.take(name, content)
            except CourseError:
                raise
            except _Beyond as error:
                if whole:
                    raise CourseError(str(error)) from error
                shares.drop(name, str(error))
            except Exception as error:
                if whole and not isinstance(error, FileExistsError):
                    raise
                shares.left_out.append((visible(name, 200), _reason(error)))
    return Unpacked(shares.left_out, shares.taken)


class _Beyond(Exception):
    """What is under one name goes beyond what one submission may hold."""


class _Shares:
    """Writes an archive's files, and counts what each name at the top has taken."""

    def __init__(self, folder: Path, *, each: int, most: int) -> None:
        self.folder, self.each, self.most, self.left = folder, each, most, most
        self.left_out: list[tuple[str, str]] = []
        self.count = 0
        self.taken: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._dropped: set[str] = set()

    def take(self, name: str, content: Callable[[], IO[bytes]] | None) -> None:
        path = _place(self.folder, name)
        if path is None or content is None:
            return  # a link, a device, or a name that leads elsewhere: nothing of a submission
        parts = path.relative_to(self.folder).parts
        if parts[0] in self._dropped or any(map(ignored, parts)):
            return
        if len(parts) > MOST_FOLDERS:
            self.left_out.append((visible(name, 200), f"it is nested in more than {MOST_FOLDERS} folders"))
            return
        self.count += 1
        if self.count > MOST_ENTRIES:
            raise CourseError(f"it has more than {MOST_ENTRIES:,} files in it")
        self._files[parts[0]] = self._files.get(parts[0], 0) + 1
        if self._files[parts[0]] > MOST_FILES:
            raise _Beyond(f"it has more than {MOST_FILES:,} files in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with content() as handle, path.open("xb") as out:
            try:
                while chunk := handle.read(_CHUNK):
                    self._count(parts[0], len(chunk))
                    out.write(chunk)
            except BaseException:
                path.unlink()  # half a file is useless
                raise

    def _count(self, top: str, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise CourseError(f"more than {self.most:,} bytes are in it")
        self.taken[top] = self.taken.get(top, 0) + size
        if self.taken[top] > self.each:
            raise _Beyond(f"more than {self.each:,} bytes are in it")

    def drop(self, name: str, why: str) -> None:
        """Remove everything under this entry's name at the top; what it took is free again."""
        top = PurePosixPath(name.replace("\\", "/")).parts[0]
        place = self.folder / top
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        self.left += self.taken.pop(top, 0)
        self._dropped.add(top)
        self.left_out.append((visible(top, 200), why))


def _reason(error: Exception) -> str:
    if isinstance(error, CourseError):
        return error.what
    if isinstance(error, FileExistsError):
        return "something with its name is already there"
    return f"it cannot be unpacked: {visible(str(error), 200) or type(error).__name__}"


def _entries(archive: Path, most: int) -> Generator[tuple[str, Callable[[], IO[bytes]] | None]]:
    """The name of each entry that is not a folder, and what opens it; None if it is not a regular file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir():
                    # Unix keeps a file's kind in the upper half; a link's content is where it leads.
                    kind = info.external_attr >> 28
                    yield info.filename, partial(_of_zip, zipped, info) if kind in (0, 0o10) else None
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
            last = -1
            for member in bundle:
                # A Python without the patch for CVE-2025-8194 goes back by a negative size, for ever.
                if member.size < 0 or member.offset <= last:
                    raise tarfile.TarError("a size in it is negative")
                last = member.offset
                if not member.isdir():
                    yield member.name, partial(_member, bundle, member) if member.isreg() else None


def _of_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if info.compress_type not in _KNOWN:
        raise zipfile.BadZipFile("it is not packed the usual way (deflate)")
    return zipped.open(info)


def _member(bundle: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = bundle.extractfile(member)
    if found is None:
        raise tarfile.TarError("it is not a regular file")
    return found


def _place(folder: Path, name: str) -> Path | None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
        return None
    if len(os.fsencode(name)) > MAX_NAME or any(len(os.fsencode(part)) > 255 for part in parts):
        return None
    return folder.joinpath(*parts)
