"""The ``sandbox`` boot: a private, unprivileged Docker Engine in namespaces of its own.

The owner's side. A keeper process (``grader.engine.keeper``) makes and ends the sandbox; this module starts
it, waits for the engine's first answer, and carries requests to it. When this process ends, however it
ends, the keeper takes everything away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.engine import ids, linux
from grader.engine.control import Control, bare_python, last_words
from grader.engine.daemon import DEFAULTS
from grader.engine.image import EngineImage
from grader.engine.kept import BOOT_DEADLINE_S, KeptEngine
from grader.engine.kernel import StudentKernel
from grader.errors import EngineDied, EngineError, EngineUnavailable, KernelError

if TYPE_CHECKING:
    from grader.engine.ports import Published

MADE = {"gate": 0o755, "work": 0o755, "share": 0o1777}
"""Folders that the keeper makes: for the plugin's socket, a submission's copy, the kernels' sockets."""
STUDENT_PARTS = ("__init__.py", "errors.py", "state", "expect", "lab")
"""What of this package a kernel inside may import; nothing else of it is there."""


class Sandbox(KeptEngine):
    """A running sandbox. ``Sandbox(image)`` returns once ``_ping`` has answered.

    ``state``: a folder that keeps images and containers beyond the sandbox's life; without it all state is in
    memory (at most ``disk_bytes``) where the kernel can do that, else on disk until the end.
    ``memory_bytes``, ``processes``: limits for all that is in the sandbox together, 0 for none
    (``limits_reached`` names those that were met). ``plugin``: the authorization plugin. ``label``: how
    ``registry.running`` names it. Raises EngineUnavailable when namespaces or ids cannot be had, EngineDied
    when the engine did not come up.
    """

    boot = "sandbox"

    def __init__(
        self,
        image: EngineImage,
        *,
        plugin: bool = True,
        hub: bool = True,
        preload: bool = True,
        state: Path | None = None,
        disk_bytes: int = 2 << 30,
        memory_bytes: int = 0,
        processes: int = 0,
        daemon: Mapping[str, object] | None = None,
        label: str = "",
    ) -> None:
        started = time.monotonic()
        super().__init__(image.bin, image.docker_config)
        self.image = image
        self._kernels: list[StudentKernel] = []
        if state:
            self._open_state(state)
        options = DEFAULTS | dict(daemon or {})
        if plugin:
            options["authorization-plugins"] = ["dockbook"]
        spec = {
            "id": self.id,
            "runtime": str(self.runtime),
            "owner": os.getpid(),
            "token": self.token,
            "plugin": plugin,
            "ids": _ids(),
            "folders": self._folders(plugin=plugin, hub=hub, preload=preload, state=state),
            "make": MADE | ({} if state or memory_state_works() else {"state": 0o777}),
            "keep_state": state is not None,
            "disk_bytes": disk_bytes,
            "daemon": options,
            "watch": {"memory": memory_bytes, "processes": processes, "disk": disk_bytes}
            if memory_bytes or processes
            else {},
        }
        self._control = Control(spec)
        try:
            self._wait_ready(started + BOOT_DEADLINE_S)
        except BaseException:
            self.close()
            raise
        self.ready_s = time.monotonic() - started
        self._announce(label)

    # -- boot

    @staticmethod
    def _open_state(state: Path) -> None:
        """A folder for lasting state, closed by its parent, open for the sandbox's root (another id)."""
        state.mkdir(parents=True, exist_ok=True)
        state.parent.chmod(0o700)
        state.chmod(0o777)

    def _folders(self, *, plugin: bool, hub: bool, preload: bool, state: Path | None) -> dict[str, str]:
        folders = {"rootfs": self.image.rootfs} | {name: self.runtime / name for name in ("share", "work")}
        if plugin:
            folders["gate"] = self.runtime / "gate"
        if preload:
            folders["preload"] = self.image.preload
        if hub:
            folders["hub"] = self.image.hub
        if state:
            folders["state"] = state
        elif not memory_state_works():
            folders["state"] = self.runtime / "state"
        package = Path(__file__).resolve().parents[1]
        for part in STUDENT_PARTS:
            folders[f"package/grader/{part}"] = package / part
        return {name: str(path) for name, path in folders.items()}

    def forward(
        self, tell: Callable[[str], None], note: Callable[[Collection[Published]], None] | None = None
    ) -> AbstractContextManager[object]:
        from grader.engine.ports import Ports

        return Ports(self, {"pid": self.pid()}, tell, note)

    def pid(self) -> int:
        """Process 1 of the sandbox as the host counts it."""
        return int(self._control.ask("pid"))

    def stop_daemon(self) -> None:
        """Stop dockerd in good order; the rest of the sandbox stays, for its state to be copied."""
        self._control.ask("stop", 60)

    # -- what only a private engine has

    def start_kernel(self, files: Path | None = None, *, student: str = "") -> StudentKernel:
        # Only this side writes to `work`: in the shared folder an earlier kernel could lead the copy astray.
        copy = self.runtime / "work" / "copy"
        copy.mkdir()
        try:
            if files is not None:
                shutil.copytree(files, copy, symlinks=True, dirs_exist_ok=True)
            _open_to_all(copy)
            self.kernel_request("copy_work", 30)
            # Process 1 has answered, so its door is there: from here on only kernels' own folders are open.
            (self.runtime / "share").chmod(0o755)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        kernel = StudentKernel(self, self.runtime, student)
        self._kernels.append(kernel)
        return kernel

    def limits_reached(self) -> list[str]:
        return [str(limit) for limit in self._control.ask("limits", 10)]

    def kernel_request(self, do: str, timeout_s: float = 10, **arguments: Any) -> Any:
        """A request about a kernel, for StudentKernel. Raises KernelError."""
        try:
            return self._control.ask(do, timeout_s, **arguments)
        except EngineDied:
            raise
        except EngineError as error:
            raise KernelError(str(error)) from error

    @contextmanager
    def quiet(self, deadline_s: float = 5) -> Iterator[None]:
        kernels = [kernel for kernel in self._kernels if kernel.alive()]
        self._control.ask("gate", deadline_s, closed=True)
        try:
            for kernel in kernels:
                kernel.pause()
            yield
        finally:
            if self.alive():
                for kernel in kernels:
                    kernel.resume()
                self._control.ask("gate", deadline_s, closed=False)

    def probe(self, container_id: str, argv: Sequence[str], timeout_s: float = 5) -> tuple[int, bytes]:
        """Run the engine image's ``argv`` in a container's network namespace; exit code and output.

        With no ``container_id``, in the engine's own: where published ports answer. A probe that outlasts
        ``timeout_s`` is killed: code 124, as timeout(1) has it. Raises EngineError if the container does not
        run.
        """
        pid = 0
        if container_id:
            pid = self.client(timeout=timeout_s).api.inspect_container(container_id)["State"].get("Pid", 0)
            if not pid:
                raise EngineError(
                    f"The container {container_id[:12]} does not run, so nothing can be probed in it."
                )
        reply = self._control.ask("probe", timeout_s + 5, pid=pid, argv=list(argv), limit_s=timeout_s)
        status = 124 if reply["status"] is None else int(reply["status"])
        return status, reply["output"].encode("latin-1")


def _open_to_all(folder: Path) -> None:
    """Let the sandbox's ids read a copy whose original was closed to others."""
    for path, _, names in os.walk(folder):
        Path(path).chmod(0o755)
        for name in names:
            if not Path(path, name).is_symlink():
                Path(path, name).chmod(0o644)


def _ids() -> ids.Ids:
    if not linux.supported():
        machine = os.uname()
        raise EngineUnavailable(f"the sandbox boot is not for {machine.sysname} on {machine.machine}")
    try:
        return ids.own_ids()
    except ids.NoIds as error:
        raise EngineUnavailable(f"The sandbox boot: {error}.", next_step=error.fix) from error


def memory_state_works() -> bool:
    """Whether overlay on tmpfs works: user xattrs on tmpfs came with Linux 6.6."""
    release = os.uname().release.split(".")
    return (int(release[0]), int("".join(filter(str.isdigit, release[1])) or 0)) >= (6, 6)


def probe() -> str | None:
    """Whether a sandbox can boot here: None, or the reason in one sentence. Takes about 0.1 s.

    It makes the namespaces and the mounts that Linux or a policy may forbid, without an engine image:
    `unshare` alone succeeds where AppArmor makes a later step fail.
    """
    try:
        own = _ids()
    except EngineUnavailable as error:
        return str(error)
    argv = bare_python("grader.engine.keeper", "try_out", json.dumps(own))
    try:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False, cwd="/")
    except subprocess.TimeoutExpired:
        return "making the namespaces took more than 10 s"
    return None if result.returncode == 0 else last_words(result.stderr)
