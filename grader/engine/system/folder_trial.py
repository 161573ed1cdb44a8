"""Whether a folder can hold what an engine image is made of: tried, in a tenth of a second.

A home on NFS, a disk of Windows' and a folder that is mounted ``noexec`` take files like any other, and fail
minutes later at an owner, a name or a program. Standard library only, like all that takes other ids.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.engine.system import ids, procfs
from grader.engine.system.package import bare_python
from grader.engine.system.programs import last_words

OTHER = 1000
"""An id that is not the one that acts: the student's, in the engine."""
TIMEOUT_S = 20


@dataclass(frozen=True)
class Trouble:
    """What a folder cannot do, in the words of a sentence, and the file system that it is on."""

    what: str
    file_system: str

    def __str__(self) -> str:
        return f"{self.what} (a file system of type {self.file_system})"


def try_image(own: ids.Ids, folder: Path) -> Trouble | None:
    """Whether an engine image can be made in ``folder``: None, or why not."""
    try:
        place = Path(tempfile.mkdtemp(prefix="trial-", dir=folder))
    except OSError as error:
        return Trouble(f"cannot be written: {error.strerror}", file_system(folder))
    try:
        place.chmod(0o777)
        return _tried(own, place, "." if own.get("fake") or own.get("plain") else "state", folder)
    finally:
        argv = ids.command(own, str(place), ["find", ".", "-mindepth", "1", "-delete"])
        subprocess.run(argv, check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


def try_scratch(own: ids.Ids, folder: Path) -> Trouble | None:
    """Whether a root file system can be unpacked in ``folder``, found by its path as mmdebstrap does."""
    return _tried(own, Path("/"), str(folder.absolute()), folder)


def _tried(own: ids.Ids, start: Path, then: str, folder: Path) -> Trouble | None:
    argv = bare_python("grader.engine.system.folder_trial", "main", json.dumps([own, str(start), then]))
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False, cwd="/"
        )
    except subprocess.TimeoutExpired:
        return Trouble(f"does not answer within {TIMEOUT_S} s", file_system(folder))
    return Trouble(last_words(done.stderr), file_system(folder)) if done.returncode else None


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on, as mount(8) names it; ``unknown`` if it cannot be
    found out."""
    best, kind = -1, "unknown"
    try:
        found = procfs.mountinfo()
    except OSError:
        return kind
    path = os.path.realpath(folder)
    for one in found:
        if len(one.point) >= best and (path + "/").startswith(one.point.rstrip("/") + "/"):
            best, kind = len(one.point), one.kind
    return kind


# ---- in a process of its own


def main(argument: str) -> None:
    """Become root over the range's files, go there, and try; ends with 1 and the reason on stderr."""
    own, start, then = json.loads(argument)
    fake = bool(own.get("fake"))
    try:
        pid = ids.enter(own, start)
    except OSError as error:
        sys.exit(f"cannot be entered under other user ids: {error}")
    if pid == 0:
        code = 1
        try:
            trouble = _try_all(then, fake=fake)
            os.write(2, trouble.encode())
            code = 1 if trouble else 0
        finally:
            os._exit(code)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _try_all(then: str, *, fake: bool) -> str:
    """The first thing that does not work, as the predicate of a sentence; empty: everything works."""
    what = "cannot be entered by another user"
    name = "."
    try:
        if then == "state":
            os.mkdir(then)
        os.chdir(then)
        what = "cannot be written by another user"
        name = tempfile.mkdtemp(prefix="dockbook-trial-", dir=".")
        os.chdir(name)
        for what, step in _steps(then == "state", fake=fake):
            if step() is False:
                return what
    except OSError as error:
        return f"{what}: {error.strerror}"
    finally:
        if name != ".":
            os.chdir("..")
            shutil.rmtree(name, ignore_errors=True)
    return ""


def _steps(upper: bool, *, fake: bool) -> list[tuple[str, Callable[[], object]]]:
    """What is needed and how it is tried: by functions that raise OSError or return False if it is not
    available.

    ``upper``: also what the upper layer of an overlay needs.
    """
    steps: list[tuple[str, Callable[[], object]]] = [
        ("cannot hold files with a colon in their names", lambda: _written("sha256:0")),
        ("cannot hold two names that differ only in case", lambda: _written("a") and not os.path.exists("A")),
        ("cannot hold symbolic links", lambda: os.symlink("a", "link")),
        ("cannot hold hard links", lambda: os.link("a", "hard")),
        ("cannot run programs (is it mounted noexec?)", _runs),
    ]
    if not fake:
        steps += [
            ("does not let files have other owners", lambda: os.chown("a", OTHER, OTHER)),
            ("does not keep owners", lambda: os.stat("a").st_uid == OTHER),
            ("does not keep file modes", _keeps_modes),
        ]
    if upper:
        steps += [
            ("cannot hold extended attributes", lambda: os.setxattr(".", "user.overlay.opaque", b"y")),
            ("cannot hold device files", lambda: os.mknod("whiteout", stat.S_IFCHR, os.makedev(0, 0))),
        ]
    return steps


def _written(name: str) -> bool:
    with open(name, "w") as handle:
        handle.write("x")
    return name in os.listdir(".")


def _keeps_modes() -> bool:
    os.chmod("hard", 0o4750)
    return stat.S_IMODE(os.stat("hard").st_mode) == 0o4750


def _runs() -> bool:
    with open("program", "w") as handle:
        handle.write("#!/bin/sh\nexit 0\n")
    os.chmod("program", 0o755)
    return subprocess.run(["./program"], check=False).returncode == 0
