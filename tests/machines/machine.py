"""A machine that runs: QEMU on a copy of its disk that lasts as long as it does, and ssh to it."""

from __future__ import annotations

import contextlib
import math
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader import paths
from grader.engine.image import qemu
from grader.files import is_locked, locked
from tests.machines import config_disk
from tests.machines.disk import Disk, ensure_disk, tell
from tests.machines.recipe import LOGIN, RECIPES, Architecture, Recipe

MEMORY_MB = 4096
PROCESSORS = 2
START_S = {"kvm": 120, "tcg": 600}
STARTS = 3
CONSOLE: dict[Architecture, str] = {"amd64": "ttyS0", "arm64": "ttyAMA0"}


@dataclass(frozen=True)
class Finished:
    """What a command in a machine came to: ``text`` is its output and its errors, as a terminal has them."""

    code: int
    text: str


class Machine:
    """A machine that was started: ``run`` for one command, ``ssh`` for a command line of your own."""

    def __init__(self, recipe: Recipe, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.recipe = recipe
        self.folder = folder
        self.port = port
        self._process = process

    def ssh(self, user: str = LOGIN, *, options: tuple[str, ...] = ()) -> list[str]:
        """The command line that logs in; what is added to it is run there instead of a login shell."""
        argv = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "key")]
        argv += ["-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "HostKeyAlias=machine"]
        argv += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]
        argv += ["-o", "ConnectTimeout=60", "-o", "BatchMode=yes"]
        return [*argv, *options, f"{user}@127.0.0.1"]

    def run(self, command: str, *, user: str = LOGIN, timeout_s: float = 120) -> Finished:
        """Run a line in a login shell of the user's. Raises TimeoutExpired."""
        argv = [*self.ssh(user), f"bash -lc {shlex.quote(command)}"]
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
        return Finished(done.returncode, done.stdout)

    def send(self, source: Path, command: str, *, user: str = LOGIN, timeout_s: float = 600) -> Finished:
        """Run a line in the machine that reads a file of this host as its input."""
        with source.open("rb") as handle:
            done = subprocess.run(
                [*self.ssh(user), f"bash -lc {shlex.quote(command)}"],
                stdin=handle,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        return Finished(done.returncode, done.stdout.decode(errors="replace"))

    @contextmanager
    def tunnel(self, port: int) -> Iterator[int]:
        """What listens at a port of the machine's loopback, at the port of this host's that is given."""
        ours = _free_port()
        argv = self.ssh(options=("-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{ours}:127.0.0.1:{port}"))
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
            try:
                deadline = time.monotonic() + 120
                while process.poll() is None and time.monotonic() < deadline:
                    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ours), 5):
                        break
                    time.sleep(0.2)
                yield ours
            finally:
                process.kill()

    def wait(self, timeout_s: float | None = None) -> None:
        """Until somebody may log in. Raises AssertionError with the console's last lines."""
        limit = timeout_s or START_S[qemu.accelerator()]
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and self._process.poll() is None:
            # A greeting comes from the machine's own server: QEMU takes the connection long before.
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as wire:
                wire.settimeout(10)
                if wire.recv(4) == b"SSH-" and self._may_log_in():
                    return
            time.sleep(1)
        raise AssertionError(
            f"{self.recipe.name} cannot be logged in to after {limit:.0f} s.\n{self.console()}"
        )

    def _may_log_in(self) -> bool:
        # While it starts, pam_nologin turns everybody but root away.
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.run("true", timeout_s=90).code == 0
        return False

    def reboot(self) -> float:
        """Restart it, as ``systemctl reboot`` does, and wait for it; the seconds that took."""
        began = time.monotonic()
        before = self.run("cat /proc/sys/kernel/random/boot_id", user="root").text
        self.run("systemctl reboot", user="root")
        deadline = began + 2 * START_S[qemu.accelerator()]
        while time.monotonic() < deadline:
            self.wait(deadline - time.monotonic())
            now = self.run("cat /proc/sys/kernel/random/boot_id", user="root")
            if now.code == 0 and now.text != before:
                return time.monotonic() - began
        raise AssertionError(f"{self.recipe.name} did not restart.\n{self.console()}")

    def console(self, lines: int = 40) -> str:
        """The last lines of what its kernel and its system said."""
        text = (self.folder / "console.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def wait_for_end(self) -> None:
        """Until it is switched off from within, or QEMU ends."""
        self._process.wait()

    def stop(self) -> None:
        """Switch it off. In no order: what it wrote is thrown away."""
        self._process.kill()
        self._process.wait()


@contextmanager
def started(name: str, *disks: Path) -> Iterator[Machine]:
    """A machine of ``RECIPES``, ready to be logged in to; switched off and forgotten at the end.

    One at a time: it keeps all cores busy. ``disks``: files that it sees as ``/dev/vdc`` and so on, only to
    read. The seconds of its start are said on the terminal. Raises AssertionError if it does not start.
    """
    recipe = RECIPES[name]
    disk = ensure_disk(recipe)
    with _alone(), tempfile.TemporaryDirectory(prefix=f"dockbook-{name}-") as place:
        folder = Path(place)
        began = time.monotonic()
        archive = config_disk.write(folder)
        machine = _start(recipe, disk, folder, (archive, *disks))
        try:
            machine.wait()
            tell(f"{name}: started in {time.monotonic() - began:.0f} s ({qemu.accelerator()})")
            yield machine
        finally:
            machine.stop()


@contextmanager
def _alone() -> Iterator[None]:
    path = paths.cache_folder() / "machines" / "running.lock"
    if is_locked(path):
        tell("another machine runs: waiting for its end")
    with locked(path, wait_s=math.inf):
        yield


def _start(recipe: Recipe, disk: Disk, folder: Path, disks: Sequence[Path]) -> Machine:
    codes: list[int] = []
    while len(codes) < STARTS:
        port = _free_port()
        process = _qemu(recipe, disk, folder, disks, port)
        try:
            codes.append(process.wait(1))  # another program may have taken the port in between
        except subprocess.TimeoutExpired:
            return Machine(recipe, folder, port, process)
    raise AssertionError(f"QEMU ends at once, with {codes[-1]}; what it said is above.")


def _qemu(
    recipe: Recipe, disk: Disk, folder: Path, disks: Sequence[Path], port: int
) -> subprocess.Popen[bytes]:
    changes = folder / "changes.qcow2"
    backing = ["-b", str(disk.image), "-F", "raw"]
    subprocess.run([qemu.IMG, "create", "-q", "-f", "qcow2", *backing, str(changes)], check=True)
    argv = [f"qemu-system-{recipe.processor}", "-name", recipe.name, "-nodefaults", "-no-user-config"]
    argv += ["-display", "none", "-m", str(MEMORY_MB), "-smp", str(PROCESSORS)]
    argv += _processor(recipe.architecture)
    append = (
        f"root=/dev/vda rw console={CONSOLE[recipe.architecture]} net.ifnames=0 mitigations=off norandmaps"
    )
    argv += ["-kernel", str(disk.kernel), "-initrd", str(disk.initrd), "-append", append]
    argv += ["-drive", f"if=virtio,format=qcow2,file={changes},cache=unsafe,discard=unmap"]
    for path in disks:
        argv += ["-drive", f"if=virtio,format=raw,file={path},readonly=on"]
    argv += ["-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{port}-:22"]
    argv += ["-device", "virtio-rng-pci", "-serial", f"file:{folder / 'console.log'}"]
    # With this process it ends, however this process ends.
    return subprocess.Popen(["setpriv", "--pdeathsig=KILL", *argv], stdin=subprocess.DEVNULL, process_group=0)


def _processor(architecture: Architecture) -> list[str]:
    emulated = ["-accel", "tcg,thread=multi,tb-size=512"]
    if architecture == "arm64":
        # Pointer authentication is emulated at length and protects nobody here.
        return ["-M", "virt", "-cpu", "max,pauth=off", *emulated]
    if qemu.accelerator() == "kvm":
        return ["-M", "q35", "-cpu", "host", "-accel", "kvm"]
    return ["-M", "q35", "-cpu", qemu.EMULATED, *emulated]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
