"""The ``vm`` boot: a private Docker Engine in a virtual machine, where there are no privileges at all.

The owner's side, as ``grader.engine.sandbox`` is for a sandbox: it starts a keeper
(``grader.engine.vm_keeper``), waits for the engine's first answer and carries requests to it. An engine is
a snapshot that goes on: dockerd runs already, its memory is a file that all engines read.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from docker import DockerClient
from docker.errors import DockerException

from grader.engine import paths, qemu, recipe, registry
from grader.engine.base import CONTROL_VARIABLE, Engine
from grader.engine.control import Control, last_words
from grader.engine.image import find_image
from grader.engine.vm_image import VMImage, find
from grader.engine.vm_keeper import COLD_S, wake_arguments
from grader.errors import EngineDied, EngineError, UsageError

BOOT_DEADLINE_S = 60


def open_vm(suite: str = "trixie", **options: Any) -> VM:
    """A machine from what is in the cache. Raises ImageError when it is not there, UsageError for a suite."""
    for name in recipe.SUITES:
        if name == suite:
            return VM(find(find_image(name), qemu.accelerator()), **options)
    raise UsageError(f"There is no suite {suite!r}.", next_step=f"one of: {', '.join(recipe.SUITES)}")


class VM(Engine):
    """A running virtual machine. ``VM(image)`` returns once ``_ping`` has answered.

    ``memory_bytes``, ``processes``, ``disk_bytes``: limits as a sandbox has them. ``plugin``: whether the
    authorization plugin judges requests; without it everything is allowed. ``cold``: boot without a snapshot
    and write disk and memory to this folder (for the builder). Raises EngineDied when the engine did not
    come up.
    """

    boot = "vm"

    def __init__(
        self,
        vm: VMImage,
        *,
        plugin: bool = True,
        memory_bytes: int = 0,
        processes: int = 0,
        disk_bytes: int = 2 << 30,
        label: str = "",
        cold: Path | None = None,
    ) -> None:
        started = time.monotonic()
        self.vm = vm
        self.image = vm.engine
        self.id = secrets.token_hex(4)
        self.token = secrets.token_hex(16)
        self.runtime = paths.runtime_folder() / self.id
        self.docker_host = f"unix://{self.runtime}/docker.sock"
        self._watch = (
            {"memory": memory_bytes, "processes": processes, "disk": disk_bytes}
            if memory_bytes or processes
            else {}
        )
        registry.sweep()
        memory = cold / "memory" if cold else vm.warm / "memory"
        spec = {
            "id": self.id,
            "runtime": str(self.runtime),
            "owner": os.getpid(),
            "token": self.token,
            "plugin": plugin,
            "folders": {},
            "make": {"gate": 0o700, "work": 0o700, "share": 0o700},
            "keep_state": True,
            "state": "" if cold else str(vm.warm / "state"),
            "disk": {"file": str(cold / "disk.qcow2")}
            if cold
            else {
                "template": str(vm.warm / "empty.qcow2"),
                "scratch": str(qemu.scratch_folder(paths.cache_folder())),
            },
            "qemu": qemu.command(
                accelerator=vm.accelerator,
                kernel=vm.kernel,
                initrd=vm.initrd,
                base=[vm.disk] if cold else [vm.disk, vm.warm / "disk.qcow2"],
                memory=memory,
                share=cold is not None,
            ),
        }
        self._control = Control(spec, "grader.engine.vm_keeper")
        try:
            deadline = started + (COLD_S if cold else BOOT_DEADLINE_S)
            if not cold:
                self._control.ask("wake", deadline - started, **wake_arguments(self._watch))
            self._wait_ready(deadline)
        except BaseException:
            self.close()
            raise
        self.ready_s = time.monotonic() - started
        registry.announce(
            self.runtime,
            registry.EngineInfo(
                id=self.id,
                boot=self.boot,
                docker_host=self.docker_host,
                owner_pid=os.getpid(),
                started_at=time.time(),
                label=label,
                bin=str(self.image.bin),
                docker_config=str(self.image.docker_config),
                control=self._door,
            ),
        )

    @property
    def _door(self) -> str:
        """The student's door to process 1, as this side sees it."""
        return str(self.runtime / "share" / "control.sock")

    def _wait_ready(self, deadline: float) -> None:
        """Ask until dockerd answers: the machine's own sockets may be there later than the keeper's."""
        while True:
            answer = self._ping(deadline)
            if b" 200 " in answer.split(b"\r\n", 1)[0]:
                found = re.search(rb"^api-version: *([0-9.]+)", answer, re.IGNORECASE | re.MULTILINE)
                self._api_version = found[1].decode() if found else None
                return
            if not self._control.alive():
                raise EngineDied(
                    "The virtual machine ended while it was starting: "
                    f"{last_words(self._control.ended or '')}",
                    next_step="`dockbook doctor` says what this machine lacks.",
                )
            if time.monotonic() > deadline:
                raise EngineDied(f"The engine in the virtual machine did not answer in time: {self.tail(5)}")
            time.sleep(0.05)

    def _ping(self, deadline: float) -> bytes:
        headers = f"Host: docker\r\nX-Dockbook-Token: {self.token}\r\nConnection: close"
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as api:
            api.settimeout(max(0.1, deadline - time.monotonic()))
            api.connect(str(self.runtime / "docker.sock"))
            api.sendall(f"GET /_ping HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            return api.recv(4096)
        return b""

    # -- Engine

    def client(self, *, timeout: float = 30) -> DockerClient:
        """A docker-py client that shows the trusted side's token. Raises EngineError."""
        try:
            client = DockerClient(base_url=self.docker_host, timeout=int(timeout), version=self._api_version)
        except DockerException as error:
            raise EngineDied(f"The engine does not answer: {error}. Its log ends: {self.tail(5)}") from error
        client.api.headers["X-Dockbook-Token"] = self.token
        return client

    def tail(self, lines: int = 40) -> str:
        text = self._control.ended
        if text is None:
            text = "no log"
            with contextlib.suppress(EngineError):
                text = str(self._control.ask("tail", 5))
        return "\n".join(text.splitlines()[-lines:])

    def alive(self) -> bool:
        return self._control.alive()

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        env = super().env(base)
        env["PATH"] = os.pathsep.join([str(self.image.bin), env.get("PATH", os.defpath)])
        env["DOCKER_CONFIG"] = str(self.image.docker_config)
        env[CONTROL_VARIABLE] = self._door
        return env

    def reset(self) -> None:
        raise NotImplementedError

    def configure(self, options: Mapping[str, object]) -> None:
        """Reload dockerd with these ``daemon.json`` options, as a sandbox does."""
        self._control.ask("configure", 60, options=dict(options))

    def snapshot(self, state: Path) -> None:
        """Write the machine's state and end it: disk and memory lie in the folder of the cold boot."""
        self._control.ask("snapshot", 300, state=str(state))

    def stop_daemon(self) -> None:
        """Stop dockerd in good order."""
        self._control.ask("stop", 120)

    def deliver(self, what: str, archive: BinaryIO) -> None:
        """Bring a tar archive inside: ``hub``, ``package`` or ``work``. Raises EngineError."""
        answer = b""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as handle:
            handle.settimeout(120)
            handle.connect(str(self.runtime / "dial.sock"))
            handle.sendall(f"{what}\n".encode())
            while data := archive.read(1 << 20):
                handle.sendall(data)
            handle.shutdown(socket.SHUT_WR)
            answer = handle.recv(100)
        if answer.strip() != b"done":
            raise EngineError(f"The virtual machine did not take its {what}: {last_words(self.tail(5))}")

    def close(self) -> None:
        if self.dispose_s is not None:
            return
        started = time.monotonic()
        self._control.close()
        shutil.rmtree(self.runtime, ignore_errors=True)
        self.dispose_s = time.monotonic() - started

    def request(self, do: str, timeout_s: float = 30, **arguments: Any) -> Any:
        """A request to process 1 or the keeper."""
        return self._control.ask(do, timeout_s, **arguments)
