"""Where Dockbook keeps things: the cache (rebuilt at will), state (a student's engine), sockets."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader import variables
from grader.errors import EngineError

SOCKET_BYTES = 107
"""How long the path of a socket may be: unix(7)."""
BELOW = len("/12345678/share/k-12345678/s-5") + 4
"""Bytes of the longest name of a socket below ``runtime_folder()``: an engine's id, and a kernel's."""


_CACHE = ("CACHE", ".cache", "Caches")
_STATE = ("STATE", ".local/state", "Application Support")
"""Of the XDG Base Directory Specification's variables, of their defaults, of macOS's folders in Library."""


def cache_folder() -> Path:
    """``DOCKBOOK_CACHE`` or the user's cache folder; made, closed to others. Raises EngineError."""
    return _private(_chosen(variables.CACHE, *_CACHE), variables.CACHE)


def state_folder() -> Path:
    """``DOCKBOOK_STATE`` or the user's state folder; made, closed to others. Raises EngineError."""
    return _private(_chosen(variables.STATE, *_STATE), variables.STATE)


def _chosen(variable: str, kind: str, usual: str, on_macos: str) -> Path:
    """Absolute: processes that use it run in other folders."""
    named = os.environ.get(variable)
    return (Path(named).expanduser() if named else _usual(kind, usual, on_macos) / "dockbook").absolute()


def _usual(kind: str, usual: str, on_macos: str) -> Path:
    """The folder of the XDG Base Directory Specification, 0.8; without its variable, the system's own.

    The same as platformdirs, which is not installed yet when ``early`` begins.
    """
    named = os.environ.get(f"XDG_{kind}_HOME", "").strip()
    if named:
        return Path(named).expanduser()
    return Path.home() / "Library" / on_macos if sys.platform == "darwin" else Path.home() / usual


def runtime_folder() -> Path:
    """Short-lived sockets, one folder an engine: in XDG_RUNTIME_DIR, in TMPDIR, or in /tmp.

    The first of these that this user may write in and where a socket's path is not too long (unix(7)). Raises
    EngineError if there is none, or if the folder belongs to another user.
    """
    for folder in _for_sockets():
        if len(os.fsencode(folder)) + BELOW <= SOCKET_BYTES and os.access(folder.parent, os.W_OK | os.X_OK):
            return _private(folder, "TMPDIR")
    raise EngineError(
        "There is no folder for an engine's sockets: neither XDG_RUNTIME_DIR nor TMPDIR nor /tmp can be "
        f"written by this user and has a path of at most {SOCKET_BYTES - BELOW} bytes.",
        next_step="set TMPDIR to a folder of your own with a short path.",
    )


def _for_sockets() -> Iterator[Path]:
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir() and Path(base).stat().st_uid == os.geteuid():
        yield Path(base).absolute() / "dockbook"
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - closed to others by _private
        yield Path(place) / f"dockbook-{os.geteuid()}"


def _private(path: Path, variable: str) -> Path:
    """The folder, made if it is not there, closed to others. ``variable``: what names another one."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if mine and stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise EngineError(
            f"{path} cannot be made: {error.strerror}.",
            next_step=f"set {variable} to a folder that you can write in.",
        ) from error
    if not mine:
        raise EngineError(
            f"{path} belongs to another user.",
            next_step=f"remove it, or set {variable} to a folder of your own.",
        )
    return path
