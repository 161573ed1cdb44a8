"""A stand-in engine whose kernel is an ordinary ipykernel here: for trusted code of ours only."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.grading import tiny


class LocalKernel:
    """The surface of ``grader.engine.student_kernel.StudentKernel``."""

    def __init__(self, folder: Path, cwd: Path) -> None:
        self.folder = folder / secrets.token_hex(3)
        self.folder.mkdir()
        self.connection_file = self.folder / "connection.json"
        connection = {
            "transport": "ipc",
            "ip": str(self.folder / "s"),
            "key": secrets.token_hex(8),
            "signature_scheme": "hmac-sha256",
            **{f"{name}_port": n for n, name in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)},
        }
        self.connection_file.write_text(json.dumps(connection))
        env = {**os.environ, "PYTHONPATH": str(tiny.REPOSITORY), "IPYTHONDIR": str(self.folder / "ipython")}
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self.connection_file)]
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not all((self.folder / f"s-{n}").is_socket() for n in range(1, 6)):
            assert time.monotonic() < deadline, "the local kernel did not start"
            assert self.process.poll() is None, "the local kernel ended"
            time.sleep(0.02)

    def alive(self) -> bool:
        return self.process.poll() is None

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class LocalEngine:
    """``start_kernel``, and of an engine's life what a run without a look at it needs."""

    def __init__(self) -> None:
        # A short path: the sockets' addresses have a limit of 108 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="k")
        self.kernels: list[LocalKernel] = []
        self.dispose_s: float | None = None

    def start_kernel(self, files: Path | None = None, *, student: str = "") -> LocalKernel:
        kernel = LocalKernel(Path(self._folder.name), files or Path("/"))
        self.kernels.append(kernel)
        return kernel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def alive(self) -> bool:
        return True

    def limits_reached(self) -> list[str]:
        return []

    def close(self) -> None:
        for kernel in self.kernels:
            kernel.kill()
        self._folder.cleanup()
        self.dispose_s = 0.0
