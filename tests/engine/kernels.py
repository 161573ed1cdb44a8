"""Executing a student's code in a sandbox's kernel, as a notebook runner does: what it says is text."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from jupyter_client.blocking.client import BlockingKernelClient

from grader.engine.base import Kernel


class Notebook:
    """A context manager around one kernel. ``run`` gives what a cell printed, errors included."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._client = BlockingKernelClient(connection_file=str(kernel.connection_file))
        self._client.load_connection_file()

    def __enter__(self) -> Self:
        self._client.start_channels()
        self._client.wait_for_ready(timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.stop_channels()
        if self.kernel.alive():
            self.kernel.kill()

    def run(self, code: str, timeout_s: float = 60) -> str:
        """Execute a cell; its streams, results and the name and words of an error, in order."""
        said: list[str] = []

        def hear(message: dict[str, dict[str, object]]) -> None:
            content = message["content"]
            if "text" in content:
                said.append(str(content["text"]))
            elif "ename" in content:
                said.append(f"{content['ename']}: {content['evalue']}\n")
            elif isinstance(data := content.get("data"), dict):
                said.append(f"{data.get('text/plain', '')}\n")

        self._client.execute_interactive(code, timeout=timeout_s, output_hook=hear, allow_stdin=False)
        return "".join(said)

    def start(self, code: str) -> None:
        """Begin a cell and do not wait for its end."""
        # Without the last: for a moment after an error, a kernel turns further cells away.
        self._client.execute(code, stop_on_error=False)
        time.sleep(0.2)

    def wait_for_idle(self, timeout_s: float = 30) -> None:
        """Until the cell that was begun has ended: until then a kernel turns further ones away."""
        self._client.get_shell_msg(timeout=timeout_s)
