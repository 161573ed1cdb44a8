"""Engines of this user that run now, and the sweeping of what a killed keeper left.

Each sandbox has a folder below ``runtime_folder()`` with a description, ``engine.json``, and a file ``lock``
that its keeper holds locked as long as it lives.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from grader import paths, variables
from grader.engine.system import ids
from grader.errors import EngineError
from grader.files import is_locked, write_whole


@dataclass(frozen=True)
class EngineInfo:
    """One running engine. ``label`` is what its owner gave it, ``started_at`` seconds since 1970."""

    id: str
    backend: str
    docker_host: str
    owner_pid: int
    started_at: float
    label: str = ""
    bin: str = ""
    docker_config: str = ""
    control: str = ""
    look_s: int = 0

    def env(self) -> dict[str, str]:
        """What a terminal needs to talk to this engine."""
        env = {"DOCKER_HOST": self.docker_host}
        if self.bin:
            env["PATH"] = os.pathsep.join([self.bin, os.environ.get("PATH", os.defpath)])
        if self.docker_config:
            env["DOCKER_CONFIG"] = self.docker_config
        if self.control:
            env[variables.CONTROL] = self.control
        if self.look_s:
            env[variables.LOOK_S] = str(self.look_s)
        return env


def announce(folder: Path, info: EngineInfo) -> None:
    """Describe a running engine in its folder."""
    write_whole(folder / "engine.json", json.dumps(asdict(info)))


def running() -> list[EngineInfo]:
    """This user's running engines, oldest first."""
    found = []
    for folder in paths.runtime_folder().iterdir():
        if not _abandoned(folder):
            # An engine that is still starting has not described itself yet.
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(EngineInfo(**json.loads((folder / "engine.json").read_text())))
    return sorted(found, key=lambda info: info.started_at)


def disk_folder() -> Path:
    """Where engines have their state that cannot be in memory, a folder each; closed to others."""
    folder = paths.cache_folder() / "running"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sweep() -> list[Path]:
    """Remove what killed keepers left: folders of their engines. Returns what was removed."""
    removed = _sweep_disk()
    for folder in paths.runtime_folder().iterdir():
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _sweep_disk() -> list[Path]:
    """State on a disk that a killed keeper left: it belongs to the range of ids, and to no engine."""
    try:
        left = [
            folder
            for folder in (paths.cache_folder() / "running").iterdir()
            if not folder.name.endswith("-") and _abandoned(folder, os.O_RDONLY | os.O_DIRECTORY)
        ]
        own = ids.own_ids() if left else None
    except (OSError, EngineError, ids.NoIds):
        return []  # no engine here has its state on a disk, or it cannot be removed
    for folder in left:
        assert own is not None
        ids.remove(folder, own)
    return left


def _abandoned(folder: Path, flags: int = 0) -> bool:
    """Whether no process holds the folder's lock. A folder without one is just being made.

    ``flags``: how the folder itself is opened, where that is what is locked.
    """
    return is_locked(folder if flags else folder / "lock", flags or os.O_RDWR) is False
