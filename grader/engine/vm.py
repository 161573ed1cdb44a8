"""The ``vm`` backend: a private Docker Engine in a virtual machine, where there are no privileges at all.

The owner's side, as ``grader.engine.sandbox`` is for a sandbox: it starts a keeper
(``grader.engine.keeper.vm``), waits for the engine's first answer and carries requests to it. An engine
continues from a snapshot: dockerd runs already, its memory is a file that all engines read.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import tarfile
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from grader import paths
from grader.engine.base import DISK_BYTES, Published
from grader.engine.grading_engine import GradingEngine
from grader.engine.image import qemu
from grader.engine.image.vm_image import VMImage
from grader.engine.keeper.vm import COLD_S
from grader.engine.private import START_DEADLINE_S
from grader.engine.system import keeper_requests
from grader.engine.system.package import PACKAGE, STUDENT
from grader.engine.system.programs import last_words
from grader.errors import EngineDied, EngineError
from grader.unix_socket import connect

KERNEL_S = 60
OWN_MB = 256
"""Of the machine's memory, for Linux and the engine."""


class VM(GradingEngine):
    """A virtual machine. ``VM(image).start()`` returns once ``_ping`` has answered.

    ``memory_bytes``, ``processes``, ``disk_bytes``: limits as a sandbox has them, within the machine's own.
    ``plugin``: whether the authorization plugin judges requests; without it everything is allowed. ``cold``:
    boot without a snapshot and write disk and memory to this folder (for the builder). With ``wait`` false
    ``start`` returns at once: clients that connect wait, and ``wait()`` does the rest. Raises EngineDied when
    the engine did not start.
    """

    backend = "vm"
    keeper = "grader.engine.keeper.vm"
    look_s = 30  # emulated, an archive of a big layer's file took more than the usual five

    def __init__(
        self,
        vm: VMImage,
        *,
        plugin: bool = True,
        memory_bytes: int = 0,
        processes: int = 0,
        disk_bytes: int = DISK_BYTES,
        label: str = "",
        cold: Path | None = None,
        wait: bool = True,
    ) -> None:
        super().__init__(vm.engine.bin, vm.engine.cli_plugins)
        self.vm = vm
        self.image = vm.engine
        self._has_package = False
        memory_bytes = min(memory_bytes, (qemu.MEMORY_MB - OWN_MB) << 20)
        limits = {"memory": memory_bytes, "processes": processes, "disk": disk_bytes}
        self._watch = limits if memory_bytes or processes else {}
        self._plugin, self._cold, self._label, self._waits = plugin, cold, label, wait

    def _begin(self) -> None:
        self._control.start(self._spec())
        if self._waits:
            self.wait()
        else:
            self._wait_listening(self._started + START_DEADLINE_S)

    def _spec(self) -> dict[str, object]:
        """The machine, as its keeper is told."""
        vm, cold = self.vm, self._cold
        return {
            "id": self.id,
            "runtime": str(self.runtime),
            "owner": os.getpid(),
            "token": self.token,
            "plugin": self._plugin,
            "folders": {},
            "make": {"gate": 0o700, "share": 0o700},
            "keep_state": True,
            "state": "" if cold else str(vm.warm / "state"),
            "disk": _disk(vm, cold),
            "qemu": qemu.command(
                accelerator=vm.accelerator,
                kernel=vm.kernel,
                initrd=vm.initrd,
                base=[vm.disk] if cold else [vm.disk, vm.warm / "disk.qcow2"],
                memory=(cold or vm.warm) / "memory",
                share=cold is not None,
            ),
        }

    def wait(self) -> None:
        """Until the engine answers. Raises EngineDied when it did not start; the caller then closes it."""
        if self._cold:
            self._wait_cold(self._started + COLD_S)
        else:
            self._wake(self._started + START_DEADLINE_S)
        self.ready_s = time.monotonic() - self._started
        self._announce(self._label)

    def _wake(self, deadline: float) -> None:
        """A restored machine continues with its owner's time, and dockerd answers."""
        self._control.ask(
            keeper_requests.wake,
            deadline - time.monotonic(),
            now=time.time(),
            seed=base64.b64encode(os.urandom(64)).decode(),
            watch=self._watch,
        )
        self._wait_ready(deadline)

    def _wait_cold(self, deadline: float) -> None:
        """The keeper listens long before the machine has booted, and hangs up until then."""
        while True:
            with contextlib.suppress(EngineDied):
                self._wait_ready(time.monotonic() + 5)
                return
            self._check(deadline)
            time.sleep(0.1)

    # -- Engine

    def forward(
        self, tell: Callable[[str], None], note: Callable[[Collection[Published]], None] | None = None
    ) -> AbstractContextManager[object]:
        from grader.engine.ports import Ports

        return Ports(self, {"folder": str(self.runtime)}, tell, note).start()

    def reset(self) -> None:
        """Back to its first state: the machine is restored once more; kernels inside end with it."""
        self.restart()

    def restart(self) -> bool:
        """A machine from the snapshot at the same sockets, also where the last one has died."""
        self._control.ended = None
        self._kernels.clear()
        self._has_package = False
        try:
            self._control.ask(keeper_requests.restart, START_DEADLINE_S)
        except EngineError as error:
            self._control.ended = str(error)  # the last machine has gone, and there is no other
            raise
        self._wake(time.monotonic() + START_DEADLINE_S)
        return True

    # -- for the builder

    def snapshot(self, state: Path) -> None:
        """Write the machine's state and end it: disk and memory are in the folder of the cold boot."""
        self._control.ask(keeper_requests.snapshot, 300, state=str(state))

    def stop_daemon(self) -> None:
        """Stop dockerd cleanly."""
        self._control.ask(keeper_requests.stop, 120)

    def settle(self) -> None:
        """Once dockerd has stopped: its images become the disk's own; the machine ends."""
        self._control.ask(keeper_requests.settle, 120)
        self._control.ask(keeper_requests.end, 60)

    def deliver(self, what: str, archive: BinaryIO) -> None:
        """Bring a tar archive inside: ``hub``, ``package`` or ``work``. Raises EngineError."""
        answer = b""
        with contextlib.suppress(OSError), connect(str(self.runtime / "dial-tcp.sock"), 120) as handle:
            handle.sendall(f"{what}\n".encode())
            while data := archive.read(1 << 20):
                handle.sendall(data)
            handle.shutdown(socket.SHUT_WR)
            answer = handle.recv(100)
        if answer.strip() != b"done":
            raise EngineError(f"The virtual machine did not take its {what}: {last_words(self.tail(5))}")

    # -- a student's kernel

    def _bring(self, files: Path | None) -> None:
        if not self._has_package:
            self.deliver("package", archive({f"grader/{part}": PACKAGE / part for part in STUDENT}))
            self._has_package = True
        self.deliver("work", archive({".": files} if files else {}))

    def launch_kernel(self, connection: str, env: Mapping[str, str]) -> int:
        """As in a sandbox, where kernels share a folder with this side."""
        inside = Path(connection)
        folder = self.runtime / "share" / inside.parent.name
        text = (folder / inside.name).read_text()
        self.kernel_request(keeper_requests.make_kernel_folder, connection=connection, text=text)
        pid = super().launch_kernel(connection, env)
        deadline = time.monotonic() + KERNEL_S
        while time.monotonic() < deadline and self.kernel_request(keeper_requests.kernel_alive, kernel=pid):
            if self.kernel_request(keeper_requests.kernel_sockets, connection=connection) == 5:
                self._control.ask(keeper_requests.listen_kernel, name=folder.name)
                break
            time.sleep(0.1)
        return pid


def _disk(vm: VMImage, cold: Path | None) -> dict[str, str | int]:
    """Where the machine's writes go: a file to keep, or one that ends with it."""
    if cold:
        return {"file": str(cold / "disk.qcow2")}
    scratch = qemu.scratch_folder(paths.cache_folder())
    return {"template": str(vm.warm / "empty.qcow2"), "scratch": str(scratch), "room": qemu.NEEDED_DISK}


def archive(what: dict[str, Path]) -> BinaryIO:
    """A tar archive of files and folders, readable by all and owned by no one in particular."""
    handle = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads it
    with tarfile.open(fileobj=handle, mode="w") as target:
        for name, path in what.items():
            target.add(path, name, filter=_readable)
        if not what:
            empty = tarfile.TarInfo(".")
            empty.type, empty.mode = tarfile.DIRTYPE, 0o755
            target.addfile(empty)
    handle.seek(0)
    return handle


def _readable(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if info.name.endswith("__pycache__"):
        return None
    info.mode = 0o755 if info.isdir() else 0o644
    return info
