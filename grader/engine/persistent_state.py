"""Where a student's engine is stored between labs: a folder for each workspace.

``STATE/engines/NAME-KEY`` holds ``about.json`` (the workspace, the engine image, whose files these are), a
file ``lock`` that an engine holds locked as long as it lives, the engine's own ``state``, and what had to be
moved aside: ``aside-DATE``. The files in there belong to the range of subordinate ids: `rm -rf` fails on
them, and this module removes them.

A state belongs to one engine image. Its containers use that image's layers, which are bound and not
copied, and a newer dockerd may write what an older one cannot read: with another image it is moved aside.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from grader import paths
from grader.engine import contents
from grader.engine.contents import Contents
from grader.engine.system import ids
from grader.errors import EngineError, StateBusy, StateUnfit
from grader.files import is_locked, take, write_whole

NEEDED_BYTES = 256 << 20
"""What dockerd and a few containers write at least."""
LEAVING_S = 10
"""How long an engine may take to end after its owner was killed."""


class PersistentState:
    """The kept engine of one workspace, whether there is one yet or not."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        key = hashlib.sha256(os.fsencode(workspace.resolve())).hexdigest()[:12]
        self.place = paths.state_folder() / "engines" / f"{workspace.name}-{key}"
        self.state = self.place / "state"

    # -- who uses it

    def hold(self) -> int:
        """Take the state for one engine: a locked descriptor. Raises StateBusy and StateUnfit."""
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.place / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnfit(f"{self.place} cannot be written: {error.strerror}") from error
        try:
            self._lock(lock)
            os.ftruncate(lock, 0)
            os.pwrite(lock, json.dumps({"pid": os.getpid(), "since": time.time()}).encode(), 0)
        except OSError as error:
            os.close(lock)
            raise StateUnfit(f"{self.place / 'lock'} cannot be locked: {error.strerror}") from error
        except StateBusy:
            os.close(lock)
            raise
        return lock

    def _lock(self, lock: int) -> None:
        deadline = time.monotonic() + LEAVING_S
        while not take(lock):
            pid, since = _holder(os.pread(lock, 4096, 0))
            if time.monotonic() < deadline and not _lives(pid):
                time.sleep(0.02)  # its owner was killed: it is on its way out
                continue
            started = f" since {datetime.fromtimestamp(since).astimezone():%H:%M}" if since else ""
            raise StateBusy(
                f"The engine of {self.workspace} is in use by another lab (process {pid}{started}).",
                next_step="`dockbook status` says where it is; end it with Ctrl-C in its terminal, "
                "or start this one with --fresh, on an engine whose contents are not kept.",
                pid=pid,
            )

    def in_use(self) -> bool:
        """Whether an engine runs on it now."""
        return is_locked(self.place / "lock") is True

    # -- what it is

    def exists(self) -> bool:
        """Whether an engine has kept anything."""
        return self.state.is_dir()

    def misfit(self, key: str) -> str:
        """Why an engine of this image cannot use the saved state; empty if it can."""
        about = self._about()
        if about.get("ids") != _own_ids():
            return "your range of subordinate ids (/etc/subuid) has changed since it was made"
        if about.get("image") != key:
            return "it was made with another engine image"
        return ""

    def begin(self, key: str) -> None:
        """Note what the state is made with, before an engine writes to it. Raises StateUnfit."""
        about = {"workspace": str(self.workspace), "image": key, "ids": _own_ids()}
        try:
            free = shutil.disk_usage(self.place).free
            if free < NEEDED_BYTES:
                raise StateUnfit(f"its disk has {free >> 20} MB free, {NEEDED_BYTES >> 20} MB are needed")
            write_whole(self.place / "about.json", json.dumps(about, indent=1))
        except OSError as error:
            raise StateUnfit(f"{self.place} cannot be written: {error.strerror}") from error

    def _about(self) -> dict[str, Any]:
        try:
            found = json.loads((self.place / "about.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    # -- what is in it

    def size(self) -> int:
        """Bytes on disk, with what was moved aside; 0 if nothing is there or it cannot be counted."""
        total = 0
        for folder in (*self.aside(), self.state):
            if folder.is_dir():
                said = self._as_owner(folder, ["du", "-s", "--block-size=1", "."]).split()
                total += int(said[0]) if said and said[0].isdigit() else 0
        return total

    def contents(self) -> Contents:
        """What the student has made, read from dockerd's files: no engine needs to run."""
        if not self.exists():
            return Contents()
        # No `cd`: by its absolute path the folder is closed to these ids.
        script = "tar -c docker/image/overlay2/repositories.json docker/containers/*/config.v2.json"
        archive = self._as_owner(self.state, ["sh", "-c", script])
        argv = [
            "find",
            "docker/volumes",
            "-mindepth",
            "1",
            "-maxdepth",
            "1",
            "-type",
            "d",
            "-printf",
            r"%f\n",
        ]
        volumes = self._as_owner(self.state, argv).decode(errors="replace").splitlines()
        return contents.from_files(archive, volumes)

    def aside(self) -> list[Path]:
        """States that were moved aside, oldest first."""
        return sorted(self.place.glob("aside-*"))

    @staticmethod
    def _as_owner(folder: Path, argv: list[str]) -> bytes:
        """Output of a command that may read the engine's files; empty when nothing can."""
        try:
            command = ids.command(ids.own_ids(), str(folder), argv)
            return subprocess.run(command, capture_output=True, check=False, timeout=60).stdout
        except (OSError, ids.NoIds, subprocess.TimeoutExpired):
            return b""

    # -- removing it

    def move_aside(self) -> Path:
        """Give the state another name, with the date; those moved aside earlier are removed. Raises
        StateUnfit.

        Only for the process that holds it.
        """
        for old in self.aside():
            with contextlib.suppress(EngineError):
                self._remove(old)
        target = self.place / f"aside-{datetime.now().astimezone():%Y-%m-%dT%H%M%S}"
        try:
            self.state.rename(target)
        except OSError as error:
            raise StateUnfit(f"{self.state} cannot be moved aside: {error.strerror}") from error
        return target

    def restore(self, aside: Path) -> None:
        """Put a state back that turned out not to be the cause. Only for the process that holds it."""
        self._remove(self.state)
        aside.rename(self.state)

    def remove(self) -> None:
        """Remove all that is kept for the workspace. Raises StateBusy, EngineError."""
        if not self.place.is_dir():
            return
        lock = self.hold()
        try:
            for path in (*self.aside(), self.state):
                self._remove(path)
            shutil.rmtree(self.place, ignore_errors=True)
        finally:
            os.close(lock)

    @staticmethod
    def _remove(path: Path) -> None:
        try:
            ids.remove(path, ids.own_ids())
        except ids.NoIds as error:
            raise EngineError(f"{path} cannot be removed: {error}.", next_step=error.fix) from error
        if path.exists():
            raise EngineError(
                f"{path} could not be removed completely.",
                next_step=f"sudo rm -rf {path}, if you need the space.",
            )


def all_kept() -> list[PersistentState]:
    """Everything that is kept for this user, for workspaces that are gone too."""
    found = []
    for about in sorted((paths.state_folder() / "engines").glob("*/about.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            persistent = PersistentState(Path(json.loads(about.read_text())["workspace"]))
            if persistent.place == about.parent:
                found.append(persistent)
    return found


def _own_ids() -> list[list[int]]:
    try:
        own = ids.own_ids()
    except ids.NoIds:
        return []  # no sandbox starts without, and it says so better
    return [list(own["uid"]), list(own["gid"])]


def _holder(record: bytes) -> tuple[int, float]:
    """Process id and time of the process that wrote the lock file; 0 if it does not say."""
    try:
        found = json.loads(record)
        return int(found["pid"]), float(found["since"])
    except (ValueError, KeyError, TypeError):
        return 0, 0.0


def _lives(pid: int) -> bool:
    import psutil

    try:
        return pid != 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
