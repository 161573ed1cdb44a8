"""An engine for grading, as its owner sees it: a student's kernel inside, checks while nothing else runs,
probes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from grader.engine.private import PrivateEngine
from grader.engine.student_kernel import StudentKernel
from grader.engine.system import keeper_requests
from grader.errors import EngineDied, EngineError, KernelError

P = ParamSpec("P")
T = TypeVar("T")


class GradingEngine(PrivateEngine):
    """What the sandbox and the virtual machine offer beyond an engine for a student's own machine."""

    def __init__(self, bin_folder: Path, cli_plugins: Path) -> None:
        super().__init__(bin_folder, [cli_plugins])
        self._kernels: list[StudentKernel] = []

    @abstractmethod
    def _bring(self, files: Path | None) -> None:
        """Put a copy of these files into the kernels' working directory, as the student's own."""

    def start_kernel(self, files: Path | None = None, *, student: str = "") -> StudentKernel:
        self._bring(files)
        kernel = StudentKernel(self, self.runtime, student).start()
        self._kernels.append(kernel)
        return kernel

    def limits_reached(self) -> list[str]:
        return self._control.ask(keeper_requests.limits, 10)

    def launch_kernel(self, connection: str, env: Mapping[str, str]) -> int:
        """Start a kernel's process, for StudentKernel; its number. Raises KernelError."""
        return self.kernel_request(keeper_requests.start_kernel, connection=connection, env=dict(env))

    def kernel_request(
        self, request: Callable[P, T], timeout_s: float = 10, *args: P.args, **arguments: P.kwargs
    ) -> T:
        """A request about a kernel, for StudentKernel. Raises KernelError."""
        try:
            return self._control.ask(request, timeout_s, *args, **arguments)
        except EngineDied:
            raise
        except EngineError as error:
            raise KernelError(str(error)) from error

    @contextmanager
    def quiet(self, deadline_s: float = 5) -> Iterator[None]:
        kernels = [kernel for kernel in self._kernels if kernel.alive()]
        self._control.ask(keeper_requests.gate, deadline_s, closed=True)
        try:
            for kernel in kernels:
                kernel.pause()
            yield
        finally:
            if self.alive():
                for kernel in kernels:
                    kernel.resume()
                self._control.ask(keeper_requests.gate, deadline_s, closed=False)

    def probe(self, container_id: str, argv: Sequence[str], timeout_s: float = 5) -> tuple[int, bytes]:
        """Run the engine image's ``argv`` in a container's network namespace; exit code and output.

        With no ``container_id``, in the engine's own: where published ports answer. A probe that outlasts
        ``timeout_s`` is killed: code 124, as with timeout(1). Raises EngineError if the container does not
        run.
        """
        pid = 0
        if container_id:
            pid = self.client(timeout=timeout_s).api.inspect_container(container_id)["State"].get("Pid", 0)
            if not pid:
                raise EngineError(
                    f"The container {container_id[:12]} does not run, so nothing can be probed in it."
                )
        reply = self._control.ask(
            keeper_requests.probe, timeout_s + 5, pid=pid, argv=list(argv), limit_s=timeout_s
        )
        status = 124 if reply["status"] is None else reply["status"]
        return status, reply["output"].encode("latin-1")
