"""Where Dockbook keeps things: the cache (rebuilt at will), state (a student's engine), sockets."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from grader.errors import EngineError


def cache_folder() -> Path:
    """``DOCKBOOK_CACHE`` or the user's cache folder; made, closed to others."""
    return _private(Path(os.environ.get("DOCKBOOK_CACHE") or user_cache_path("dockbook")))


def state_folder() -> Path:
    """``DOCKBOOK_STATE`` or the user's state folder; made, closed to others."""
    return _private(Path(os.environ.get("DOCKBOOK_STATE") or user_state_path("dockbook")))


def runtime_folder() -> Path:
    """Short-lived sockets, one folder an engine: XDG_RUNTIME_DIR, else a folder of this user's in /tmp.

    Short on purpose (unix(7): 108 bytes for a socket's path). Raises EngineError if somebody else owns it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and os.access(base, os.W_OK) and len(base) <= 40 and Path(base).stat().st_uid == os.geteuid():
        return _private(Path(base) / "dockbook")
    return _private(Path(tempfile.gettempdir()) / f"dockbook-{os.geteuid()}")


def _private(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EngineError(
            f"{path} belongs to another user.", next_step=f"remove it, or point elsewhere (see {__package__})"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
    return path
