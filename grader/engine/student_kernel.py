"""A student's kernel inside a sandbox, as the trusted side sees it: a connection file and a few levers."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, Protocol, Self, TypeVar

from grader import variables
from grader.engine.base import undone_by
from grader.engine.system import keeper_requests
from grader.engine.system.places import CONTROL_SOCKET
from grader.errors import KernelError

START_DEADLINE_S = 30
KILL_S = 60
"""How long the processes of a kernel may take to be gone: with hundreds, many on a busy machine."""
CHANNELS = 5
P = ParamSpec("P")
T = TypeVar("T")


class KernelHost(Protocol):
    """The engine that a kernel runs in."""

    def launch_kernel(self, connection: str, env: Mapping[str, str]) -> int:
        """Start a kernel's process; its number. Raises KernelError, EngineDied."""

    def kernel_request(
        self, request: Callable[P, T], timeout_s: float = 10, *args: P.args, **arguments: P.kwargs
    ) -> T:
        """A request about a kernel. Raises KernelError, EngineDied."""

    def tail(self, lines: int = 40) -> str:
        """The last lines of the engine's log."""


class StudentKernel:
    """An IPython kernel: uid 1000, group docker, no capabilities, no new privileges, its own pid namespace.

    It runs from ``start`` to ``kill``.
    ``connection_file`` is for ``jupyter_client`` (transport ipc) on this side. What comes from it is the
    student's word: JSON, never a verdict.
    """

    def __init__(self, engine: KernelHost, runtime: Path, student: str = "") -> None:
        self._engine, self._student = engine, student
        # A separate folder, so that no earlier kernel's process can replace its sockets.
        name = f"k-{secrets.token_hex(4)}"
        self._folder = runtime / "share" / name
        self._inside = f"/run/dockbook/kernel/{name}"
        self.connection_file = runtime / f"{name}.json"
        self._pid = 0

    def start(self) -> Self:
        """Start it, and wait for its sockets. Raises KernelError, EngineDied; nothing is left then."""
        with undone_by(self._forget):
            self._begin()
        return self

    def _begin(self) -> None:
        self._folder.mkdir(mode=0o700)
        connection = {
            "transport": "ipc",
            "ip": f"{self._inside}/s",
            "key": secrets.token_hex(16),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "python3",
        } | {
            f"{channel}_port": n for n, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)
        }
        self.connection_file.write_text(json.dumps(connection | {"ip": str(self._folder / "s")}))
        inside_file = self._folder / "inside.json"
        inside_file.write_text(json.dumps(connection))
        inside_file.chmod(0o644)
        # Open to the student from here on: nothing is written to it from this side any more.
        self._folder.chmod(0o777)
        env = {
            "DOCKER_HOST": "unix:///run/docker.sock",
            variables.ENGINE: "none",
            variables.CONTROL: CONTROL_SOCKET,
        }
        env |= {"PYTHONPATH": "/usr/local/lib/dockbook", "IPYTHONDIR": "/home/student/.ipython"}
        env[variables.STUDENT] = self._student
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg", "NO_COLOR": "1"}
        self._pid = self._engine.launch_kernel(f"{self._inside}/inside.json", env)
        self._wait()
        # Its sockets are there: no file of the student's, of any size, on this machine's disk.
        self._folder.chmod(0o755)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        sockets = [self._folder / f"s-{number}" for number in range(1, CHANNELS + 1)]
        while not all(_is_socket(path) for path in sockets):
            if time.monotonic() > deadline or not self.alive():
                self.kill()
                raise KernelError(f"The kernel in the engine did not start: {self._engine.tail(5)}")
            time.sleep(0.01)

    def alive(self) -> bool:
        """Whether the kernel's process still runs. Raises EngineDied if the engine does not."""
        return self._engine.kernel_request(keeper_requests.kernel_alive, kernel=self._pid)

    def interrupt(self) -> None:
        """SIGINT, as the stop button sends."""
        self._engine.kernel_request(keeper_requests.interrupt_kernel, kernel=self._pid)

    def pause(self) -> None:
        """SIGSTOP for every process the student started on this side of the containers."""
        self._engine.kernel_request(
            keeper_requests.signal_kernel, kernel=self._pid, number=int(signal.SIGSTOP)
        )

    def resume(self) -> None:
        """SIGCONT after ``pause``."""
        self._engine.kernel_request(
            keeper_requests.signal_kernel, kernel=self._pid, number=int(signal.SIGCONT)
        )

    def kill(self) -> None:
        """End the kernel with all that it started, and wait; safe to call twice. Raises KernelError."""
        self._engine.kernel_request(
            keeper_requests.kill_kernel, KILL_S + 10, kernel=self._pid, limit_s=KILL_S
        )
        self._remove_files()

    def _forget(self) -> None:
        self._remove_files()
        self.connection_file.unlink(missing_ok=True)

    def _remove_files(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _is_socket(path: Path) -> bool:
    """A socket itself: the student writes in this folder, and a link would lead to one of the host's."""
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False
