"""The ``sandbox`` backend: a private, unprivileged Docker Engine in namespaces of its own.

The owner's side. A keeper process (``keeper.sandbox``) makes and ends the sandbox; this module starts
it, waits for the engine's first answer, and carries requests to it. When this process ends, however it
ends, the keeper takes everything away.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from grader.engine import running_engines
from grader.engine.base import DISK_BYTES, Published
from grader.engine.grading_engine import GradingEngine
from grader.engine.image.engine_image import EngineImage
from grader.engine.inside import roots
from grader.engine.inside.daemon import DEFAULTS
from grader.engine.private import START_DEADLINE_S
from grader.engine.system import ids, keeper_requests, linux
from grader.engine.system.package import PACKAGE, STUDENT, bare_python
from grader.engine.system.programs import last_words
from grader.errors import EngineError, EngineUnavailable, ImageError, StateDamaged, StateUnfit

PATIENCE_S = 1
"""Seconds that containers have to end cleanly; Docker's ten are long after Ctrl-C."""
MADE = {"gate": 0o755, "work": 0o755, "share": 0o1777}
"""Folders that the keeper makes: for the plugin's socket, a submission's copy, the kernels' sockets."""


class Sandbox(GradingEngine):
    """A sandbox. ``Sandbox(image).start()`` returns once ``_ping`` has answered.

    ``state``: a folder that keeps images and containers beyond the sandbox's life; without it all state is in
    memory (at most ``disk_bytes``) where the kernel can do that, else on disk until the end.
    ``state_lock``: a locked descriptor, held as long as the sandbox uses the state, which then is a person's:
    ``disk_bytes`` are watched, and containers end cleanly. See ``grader.engine.persistent_state``.
    ``memory_bytes``, ``processes``: limits for all that is in the sandbox together, 0 for none
    (``limits_reached`` names those that were met). ``plugin``: the authorization plugin. ``label``: how
    ``running_engines.running`` names it. ``start`` raises EngineUnavailable when namespaces or ids are not
    available, EngineDied when the engine did not start (StateUnfit, StateDamaged: on this ``state``).
    """

    backend = "sandbox"
    keeper = "grader.engine.keeper.sandbox"

    def __init__(
        self,
        image: EngineImage,
        *,
        plugin: bool = True,
        hub: bool = True,
        preload: bool = True,
        state: Path | None = None,
        state_lock: int = -1,
        disk_bytes: int = DISK_BYTES,
        memory_bytes: int = 0,
        processes: int = 0,
        daemon: Mapping[str, object] | None = None,
        label: str = "",
    ) -> None:
        super().__init__(image.bin, image.cli_plugins)
        self.image = image
        self._plugin, self._hub, self._preload = plugin, hub, preload
        self._state, self._state_lock = state, state_lock
        self._disk_bytes, self._memory_bytes, self._processes = disk_bytes, memory_bytes, processes
        self._options = DEFAULTS | dict(daemon or {})
        self._label = label
        self._on_disk = state is not None or not memory_state_works()
        self._stops_in_order = False

    # -- start

    def _begin(self) -> None:
        if self._preload and not (self.image.preload / "image").is_dir():
            raise ImageError(
                f"The engine image in {self.image.path} is for virtual machines only: it was made without "
                "sandboxes, or was slimmed.",
                next_step="`dockbook engine build --rebuild` makes it for sandboxes, too.",
            )
        if self._state:
            self._open_state(self._state)
        lock = self._state_lock
        self._control.start(self._spec(), hand_over=[lock] if lock >= 0 else [])
        self._wait_ready(self._started + START_DEADLINE_S)
        self.ready_s = time.monotonic() - self._started
        self._learn_limits()
        self._stops_in_order = lock >= 0
        self._announce(self._label)

    def _spec(self) -> dict[str, object]:
        """The sandbox, as its keeper is told."""
        options = self._options | ({"authorization-plugins": ["dockbook"]} if self._plugin else {})
        copied = self._copied()
        bounded = self._memory_bytes or self._processes or self._state_lock >= 0
        return {
            "id": self.id,
            "runtime": str(self.runtime),
            "owner": os.getpid(),
            "token": self.token,
            "plugin": self._plugin,
            "ids": _ids(),
            # Persistent state has files of the student's, which must keep their owner.
            "place": ids.students_place(secrets.randbits(32)) if self._state is None else 0,
            "folders": self._folders(copied=bool(copied)),
            "copy": copied,
            "make": MADE,
            "keep_state": self._state is not None,
            "state_lock": self._state_lock,
            "disk_bytes": self._disk_bytes,
            "daemon": options,
            "watch": {"memory": self._memory_bytes, "processes": self._processes, "disk": self._disk_bytes}
            # A file system in memory has a size; on a disk, only the watchdog bounds what is written.
            if bounded or (self._on_disk and self._state is None)
            else {},
        }

    def _ended_early(self, log: str) -> EngineError:
        error = super()._ended_early(log)
        if self._state is None:
            return error
        kind = StateUnfit if roots.UNFIT in log else StateDamaged
        return kind(error.what, next_step=error.next_step)

    @staticmethod
    def _open_state(state: Path) -> None:
        """A folder for persistent state, closed by its parent, open for the sandbox's root (another id)."""
        state.mkdir(parents=True, exist_ok=True)
        state.parent.chmod(0o700)
        state.chmod(0o777)

    def _folders(self, *, copied: bool) -> dict[str, str]:
        folders = {"rootfs": self.image.rootfs} | {name: self.runtime / name for name in ("share", "work")}
        if self._plugin:
            folders["gate"] = self.runtime / "gate"
        if self._preload:
            folders["preload"] = self.image.preload
        if self._hub:
            folders["hub"] = self.image.hub
        if self._state:
            folders["state"] = self._state
        elif self._on_disk:
            # On a disk: the folder for sockets may be in memory, and systemd's is.
            folders["state"] = running_engines.disk_folder() / self.id
        parts = student_parts()
        folders |= {name: self.runtime / name for name in parts} if copied else parts
        return {name: str(path) for name, path in folders.items()}

    @staticmethod
    def _copied() -> dict[str, str]:
        """What the keeper copies because the users inside may not read it in place.

        A clone made under a umask of 077 is its owner's alone, and a bind changes no rights.
        """
        parts = student_parts()
        return (
            {} if all(map(_open_to_others, parts.values())) else {n: str(path) for n, path in parts.items()}
        )

    def forward(
        self, tell: Callable[[str], None], note: Callable[[Collection[Published]], None] | None = None
    ) -> AbstractContextManager[object]:
        from grader.engine.ports import Ports

        return Ports(self, {"namespaces": self.namespaces()}, tell, note).start()

    def namespaces(self) -> dict[str, str]:
        """Paths that lead to the sandbox's ``user`` and ``net`` namespaces, for ``setns`` and ``nsenter``."""
        return self._control.ask(keeper_requests.namespaces)

    def network_prefix(self) -> list[str]:
        """The command joins the sandbox's network, and no port of the host's is taken."""
        there = self.namespaces()
        return ["nsenter", f"--user={there['user']}", f"--net={there['net']}", "--preserve-credentials", "--"]

    def stop_daemon(self) -> None:
        """Stop dockerd cleanly; the rest of the sandbox stays, for its state to be copied."""
        self._control.ask(keeper_requests.stop, 60)

    def close(self) -> None:
        if self._stops_in_order and self.alive():
            with contextlib.suppress(EngineError):
                self._control.ask(keeper_requests.stop, 35, patience_s=PATIENCE_S)
        super().close()

    def _bring(self, files: Path | None) -> None:
        # Only this side writes to `work`: in the shared folder an earlier kernel could lead the copy astray.
        copy = self.runtime / "work" / "copy"
        copy.mkdir()
        try:
            if files is not None:
                shutil.copytree(files, copy, symlinks=True, dirs_exist_ok=True)
            _open_to_all(copy)
            self.kernel_request(keeper_requests.copy_work, 30)
            # Process 1 has answered, so its control socket is there: from here on only kernels' own folders
            # are open.
            (self.runtime / "share").chmod(0o755)
        finally:
            shutil.rmtree(copy, ignore_errors=True)


def student_parts() -> dict[str, Path]:
    """What of this package a student's kernel imports: its path below the libraries, and where it is."""
    return {f"package/grader/{part}": PACKAGE / part for part in STUDENT}


def _open_to_others(path: Path) -> bool:
    """Whether any user can read a file, or a folder with all that is in it."""
    if path.is_dir():
        return path.stat().st_mode & 0o005 == 0o005 and all(map(_open_to_others, path.iterdir()))
    return bool(path.stat().st_mode & 0o004)


def _open_to_all(folder: Path) -> None:
    """Let the sandbox's ids read a copy of a file that others may not read."""
    for path, _, names in os.walk(folder):
        Path(path).chmod(0o755)
        for name in names:
            if not Path(path, name).is_symlink():
                Path(path, name).chmod(0o644)


def _ids() -> ids.Ids:
    if not linux.supported():
        machine = os.uname()
        raise EngineUnavailable(f"the sandbox backend is not for {machine.sysname} on {machine.machine}")
    try:
        return ids.own_ids()
    except ids.NoIds as error:
        raise EngineUnavailable(f"No sandbox can be started: {error}.", next_step=error.fix) from error


def memory_state_works() -> bool:
    """Whether overlay on tmpfs works: user xattrs on tmpfs came with Linux 6.6."""
    release = os.uname().release.split(".")
    return (int(release[0]), int("".join(filter(str.isdigit, release[1])) or 0)) >= (6, 6)


def probe_limits() -> tuple[list[str], str]:
    """What a sandbox's containers can be limited in here, or why in nothing; tried out, without an engine."""
    argv = bare_python("grader.engine.system.cgroups", "try_out", json.dumps(_ids()))
    try:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, cwd="/")
    except subprocess.TimeoutExpired:
        return [], "asking for one took more than 20 s"
    return result.stdout.split(), "" if result.returncode == 0 else last_words(result.stderr)


def probe() -> str | None:
    """Whether a sandbox can start here: None, or the reason in one sentence. Takes about 0.1 s.

    It makes the namespaces and the mounts that Linux or a policy may forbid, without an engine image:
    `unshare` alone succeeds where AppArmor makes a later step fail.
    """
    try:
        own = _ids()
    except EngineUnavailable as error:
        # Where there are no namespaces at all, as in most containers, ids would not help.
        tried = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False)
        return str(error) if tried.returncode == 0 else "this system or container allows no user namespaces"
    argv = bare_python("grader.engine.keeper.sandbox", "try_out", json.dumps(own))
    try:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, cwd="/")
    except subprocess.TimeoutExpired:
        return "making the namespaces took more than 10 s"
    return None if result.returncode == 0 else last_words(result.stderr)
