"""The keeper of a virtual machine: a small process that outlives its owner just long enough.

It starts QEMU, cold from the disk or from a snapshot, and carries connections between unix sockets in the
engine's folder and the machine over one virtio port (``inside.mux``). dockerd's authorization plugin
is answered here, on the trusted side. The machine has no network card: there is no port on this machine that
another user could connect to, and no way out. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

from grader.engine.inside.mux import Broken, Mux
from grader.engine.keeper.qmp import Qmp, QmpError
from grader.engine.keeper.remote import MuxKeeper
from grader.engine.keeper.sandbox import LOG_BYTES, run
from grader.engine.system import linux

START_S = 30
COLD_S = 300
"""Under TCG on a busy machine."""


class VMKeeper(MuxKeeper):
    """One machine. ``spec["qemu"]`` is QEMU's command line; ``{wire}`` and the like in it are descriptors."""

    DIALS = re.compile(rb"(?:tcp|udp):[0-9]{1,5}|hub|package|work")
    qmp: Qmp | None = None
    machine: contextlib.ExitStack
    log_end = -1
    """Where QEMU's words and the console's are read, once there is a machine."""

    def start(self) -> None:
        """Folder, sockets, QEMU, and the snapshot if there is one."""
        self.make_sockets()
        try:
            self.start_machine()
        except (QmpError, OSError):
            time.sleep(0.2)  # QEMU's own words are on their way
            self.drain_log()
            raise

    def start_machine(self) -> None:
        """QEMU as a child that dies with this process, with its disk's changes in a file without a name."""
        spec = self.spec
        disk = self.scratch_disk(spec["disk"])
        wire, far_end = socket.socketpair()
        monitor, monitor_far_end = socket.socketpair()
        log_read, log_write = os.pipe2(os.O_CLOEXEC)
        numbers = {"wire": far_end.fileno(), "monitor": monitor_far_end.fileno(), "disk": disk}
        argv = [word.format(**numbers) if "{" in word else word for word in spec["qemu"]]
        self.init = os.fork()
        if self.init == 0:
            try:
                linux.die_with_parent()
                os.setsid()
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(log_write, 1)
                os.dup2(log_write, 2)
                for descriptor in numbers.values():
                    os.set_inheritable(descriptor, True)
                os.execvp(argv[0], argv)
            except OSError as error:
                os.write(2, f"{argv[0]}: {error}\n".encode())
            finally:
                os._exit(127)
        os.close(log_write)
        os.close(disk)
        far_end.close()
        monitor_far_end.close()
        os.set_blocking(log_read, False)
        self.log_end, self.line = log_read, b""
        watch = os.pidfd_open(self.init)
        wire.setblocking(False)
        self.inside, there = socket.socketpair()
        self.machine = contextlib.ExitStack()
        for descriptor in (log_read, watch):
            self.machine.callback(os.close, descriptor)
        for handle in (wire, monitor, self.inside):
            self.machine.enter_context(handle)
        self.follow(log_read, self.read_log)
        self.follow(watch, self.machine_ended)
        self.qmp = Qmp(monitor)
        self.follow(monitor, self.hear_monitor)
        self.qmp.greet(START_S)
        if spec["state"]:
            self.restore(spec["state"])
        self.mux = Mux(self.selector, wire.fileno(), self.dial_back, first=1, log=self.take_log)
        self.machine.callback(self.mux.close)
        self.mux.open("control", there)
        self.follow(self.inside, self.read_inside)

    def follow(self, end: int | socket.socket, handler: Callable[[int], None]) -> None:
        """Take part in the loop until this machine is gone."""
        self.selector.register(end, selectors.EVENT_READ, handler)
        self.machine.callback(self.unfollow, end)

    def unfollow(self, end: int | socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self.selector.unregister(end)

    def scratch_disk(self, disk: dict[str, Any]) -> int:
        """A copy of the empty overlay, in a file that goes with its last descriptor; or a file to keep."""
        if "file" in disk:
            return os.open(disk["file"], os.O_RDWR | os.O_CLOEXEC)
        if shutil.disk_usage(disk["scratch"]).free < disk["room"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), disk["scratch"])
        with tempfile.TemporaryFile(dir=disk["scratch"], buffering=0) as handle:
            with open(disk["template"], "rb") as template:
                handle.write(template.read())
            return os.dup(handle.fileno())

    def restore(self, path: str) -> None:
        """Continue from the snapshot. Process 1 then replaces what belongs to the snapshot, such as its
        time."""
        assert self.qmp is not None
        with contextlib.suppress(FileNotFoundError), open(f"{path}.log", "rb") as handle:
            self.log.extend(handle.read().splitlines())
        self.share_memory()
        read, write = os.pipe()
        try:
            self.qmp.do("getfd", descriptor=read, fdname="state")
        finally:
            os.close(read)
        with open(path, "rb") as source, os.fdopen(write, "wb", buffering=0) as target:
            self.qmp.do("migrate-incoming", uri="fd:state")
            target.write(source.read())
        # It was stopped when the snapshot was taken, so it is again.
        deadline = time.monotonic() + START_S
        while self.qmp.do("query-status")["status"] == "inmigrate":
            if time.monotonic() > deadline:
                raise QmpError("the snapshot was not restored in time")
            time.sleep(0.003)
        self.qmp.do("cont")

    def share_memory(self) -> None:
        """The memory is a file of its own: the state is without it, and restored in no time."""
        assert self.qmp is not None
        wanted = [{"capability": "x-ignore-shared", "state": True}]
        self.qmp.do("migrate-set-capabilities", capabilities=wanted)

    # -- connections

    def read_log(self, _: int) -> None:
        """QEMU's words and the machine's console, which comes in single characters."""
        data = os.read(self.log_end, LOG_BYTES)
        if not data:
            self.selector.unregister(self.log_end)
        self.take_log(data)

    def take_log(self, data: bytes) -> None:
        *lines, self.line = (self.line + data).split(b"\n")
        self.log.extend(line.strip()[:2000] for line in lines)

    # -- life

    def drain_log(self) -> None:
        with contextlib.suppress(OSError):
            self.read_log(0)

    def read_inside(self, _: int) -> None:
        """Replies of process 1; when it has gone, the machine is going."""
        assert self.inside is not None
        data = b""
        with contextlib.suppress(OSError):
            data = self.inside.recv(65536)
        if data:
            self.control.sendall(data)
        else:
            self.unfollow(self.inside)

    def hear_monitor(self, _: int) -> None:
        """What QEMU says unasked, for ``disk_trouble``."""
        assert self.qmp is not None
        try:
            self.qmp.hear()
        except QmpError:
            self.unfollow(self.qmp.socket)

    def disk_trouble(self) -> str:
        """Why QEMU has stopped the machine: its disk's changes could not be written. Empty if it has not.

        QEMU would wait for room; users of the engine would wait, too, without knowing for what.
        """
        while self.qmp is not None and self.qmp.events:
            event = self.qmp.events.pop(0)
            found = event.get("data", {})
            if event["event"] == "BLOCK_IO_ERROR" and found.get("action") == "stop":
                folder = self.spec["disk"].get("scratch") or os.path.dirname(self.spec["disk"]["file"])
                reason = found.get("reason", "an error")
                return f"The machine's disk could not be written, in {folder}: {reason}."
        return ""

    def machine_ended(self, _: int = 0, why: str = "") -> None:
        """Report it once, and stay: the owner may want another machine."""
        if self.mux is None:
            return
        self.drain_log()
        status = self.wait_machine(0 if why else 5)
        # A machine that stops by itself has said why before; QEMU then ends with 0.
        how = f"\nQEMU was ended by signal {-status}" if status < 0 else ""
        how = f"\nQEMU ended with code {status}" if status > 0 else how
        how = f"\n{why}" if why else how
        self.forget_machine()
        self.gone = self.tail() + how
        self.send({"event": "ended", "tail": self.gone})

    def wait_machine(self, limit_s: float) -> int:
        """QEMU's exit code once it has ended; it is killed when it takes longer."""
        deadline = time.monotonic() + limit_s
        while self.init:
            pid, status = os.waitpid(self.init, os.WNOHANG)
            if pid:
                self.init = 0
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self.init, signal.SIGKILL)
            time.sleep(0.005)
        return 0

    def forget_machine(self) -> None:
        self.mux = self.qmp = None
        self.machine.close()

    def turn(self) -> None:
        try:
            if trouble := self.disk_trouble():
                self.machine_ended(why=trouble)
            super().turn()
        except Broken:
            # QEMU is on its way out; its exit code says more.
            self.machine_ended()

    def do_restart(self) -> None:
        """Another machine from the same snapshot, at the same sockets."""
        if self.mux is not None:
            os.kill(self.init, signal.SIGKILL)
            self.wait_machine(5)
            self.forget_machine()
        self.start_machine()

    def do_listen_kernel(self, name: str) -> None:
        """The sockets of a student's kernel, as if its folder were shared."""
        for number in range(1, 6):
            self.serve_at(self.listen(f"share/{name}/s-{number}", 0o600), f"kernel:{name}/s-{number}")

    def pass_on(self, message: dict[str, Any], line: bytes) -> None:
        if self.mux is None:
            # That it ended was said when it did. Said again, it would be taken for the next one's end.
            self.send({"id": message["id"], "error": "the machine has ended"})
        else:
            super().pass_on(message, line)

    def do_snapshot(self, state: str) -> None:
        """Stop the machine for good and write its state: QEMU's part here, memory and disk are files."""
        assert self.mux is not None and self.qmp is not None
        with open(f"{state}.log", "wb") as handle:
            handle.write(b"\n".join(self.log))
        self.mux.hang_up()
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            for key, mask in self.selector.select(0.1):
                if key.data not in (self.read_inside, self.read_owner):
                    key.data(mask)
        self.qmp.do("stop")
        self.share_memory()
        read, write = os.pipe()
        with open(state, "wb") as target:
            writer = subprocess.Popen(["cat"], stdin=read, stdout=target)
            os.close(read)
            try:
                self.qmp.do("getfd", descriptor=write, fdname="state")
            finally:
                os.close(write)
            self.qmp.do("migrate", uri="fd:state", limit_s=60)
            self.finish_migration()
            writer.wait(60)
        self.do_end()

    def do_end(self) -> None:
        """Let QEMU write what it holds of the disk, and end."""
        assert self.qmp is not None
        self.qmp.do("quit")
        self.wait_machine(60)

    def finish_migration(self) -> None:
        assert self.qmp is not None
        deadline = time.monotonic() + 120
        while True:
            status = self.qmp.do("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed" or time.monotonic() > deadline:
                raise RuntimeError(f"QEMU could not write the machine's state: {status}")
            time.sleep(0.05)


def main(descriptor: str) -> None:
    """Entry of a virtual machine's keeper."""
    run(descriptor, VMKeeper)
