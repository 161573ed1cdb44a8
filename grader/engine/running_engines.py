"""Engines of this user that run now, and the sweeping of what a killed keeper left.

Each sandbox has a folder below ``runtime_folder()`` with a description, ``engine.json``, and a file ``lock``
that its keeper holds locked as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from grader import paths, variables


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
    temporary = folder / "engine.json-"
    temporary.write_text(json.dumps(asdict(info)))
    temporary.rename(folder / "engine.json")


def running() -> list[EngineInfo]:
    """This user's running engines, oldest first."""
    found = []
    for folder in paths.runtime_folder().iterdir():
        if not _abandoned(folder):
            # An engine that is still starting has not described itself yet.
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(EngineInfo(**json.loads((folder / "engine.json").read_text())))
    return sorted(found, key=lambda info: info.started_at)


def sweep() -> list[Path]:
    """Remove the folders of engines whose keeper was killed; what was removed."""
    removed = []
    for folder in paths.runtime_folder().iterdir():
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _abandoned(folder: Path) -> bool:
    """Whether nobody holds the folder's lock. A folder without one is just being made."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
