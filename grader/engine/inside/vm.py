"""Process 1 of the virtual machine, and its relay: both run already when an engine starts.

The machine's own initial file system mounts the disk and hands over to ``main``. Process 1 is the sandbox's
(``inside.sandbox``) with a kernel of its own around it instead of namespaces. The relay is one more
process: it carries connections between the virtio port and the sockets in here. Standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
import selectors
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from typing import Any

from grader.engine.inside import roots, vm_shim
from grader.engine.inside.guest_sockets import dial_path, dial_port, listen
from grader.engine.inside.mux import CHUNK, Mux
from grader.engine.inside.processes import ENV
from grader.engine.inside.sandbox import AS_STUDENT, Inside
from grader.engine.inside.vm_runtime import CRUN, Runtime
from grader.engine.system import linux
from grader.engine.system.places import CONTROL_SOCKET

SPEC = "/etc/dockbook/vm.json"
PORT_NAME = "dockbook"
FOLDER = "/run/dockbook-vm"
API, CONTROL = f"{FOLDER}/api.sock", f"{FOLDER}/control.sock"
PLUGIN = "/run/docker/plugins/dockbook.sock"
KERNELS = "/run/dockbook/kernel"
_RNDADDENTROPY, _RNDRESEEDCRNG = 0x40085203, 0x5207
_KERNEL_SOCKET = re.compile(r"kernel:(k-[0-9a-f]{8}/s-[1-5])")
UNPACK: dict[str, tuple[str, ...]] = {
    "hub": ("/srv/dockbook/hub",),
    "package": ("/usr/local/lib/dockbook",),
    "work": ("/home/student/work", *AS_STUDENT),
}
"""Where the keeper's archives go, and as whom."""


class Guest(Inside):
    """Process 1 of the machine. Its keeper comes and goes: the snapshot is taken with no connection."""

    dockerd_words = ("dockerd",)
    shim = 0

    def __init__(self, spec: dict[str, Any], log: int) -> None:
        self.unconnected, self._open_end = socket.socketpair()
        super().__init__(spec, self.unconnected, listen(API, 0o600), log)
        self.keeper_listener = listen(CONTROL, 0o600)
        self.selector.register(self.keeper_listener, selectors.EVENT_READ, self.meet_keeper)

    def start(self) -> None:
        """As in a sandbox, once the layers' marks are those that this kernel reads."""
        os.makedirs("/var/lib/docker", exist_ok=True)
        # dockerd would bind it onto itself for its propagation, over the images' layers mounted in there.
        linux.bind("/var/lib/docker", "/var/lib/docker")
        # crun's own guard against a container that writes it (CVE-2019-5736) is a copy of itself each time.
        linux.bind(CRUN, CRUN, read_only=True)
        own_marks("/srv/dockbook/preload/overlay2")
        super().start()

    def start_containerd(self) -> None:
        """As in a sandbox, and the shim of all containers with it; without that one each gets its own."""
        super().start_containerd()
        self.shim = self.spawn(vm_shim.argv(), env=ENV | vm_shim.ENV)
        try:
            vm_shim.hold()
        except OSError as error:
            os.write(self.log, f"shim: {error}\n".encode())
            vm_shim.forget()
            os.kill(self.shim, signal.SIGKILL)

    def ended(self, pid: int) -> None:
        super().ended(pid)
        if pid == self.shim:
            vm_shim.forget()

    def meet_keeper(self) -> None:
        """The machine continues with a new keeper."""
        connection, _ = self.keeper_listener.accept()
        self.selector.unregister(self.control)
        self.control, self.buffer = connection, b""
        self.selector.register(connection, selectors.EVENT_READ, self.hear_keeper)

    def hear_keeper(self) -> None:
        super().hear_keeper()
        if self.over:  # it has gone: stay for the next one
            self.over = False
            self.selector.unregister(self.control)
            self.control.close()
            self.control = self.unconnected
            self.selector.register(self.unconnected, selectors.EVENT_READ, self.hear_keeper)

    def do_make_kernel_folder(self, connection: str, text: str) -> None:
        """What a sandbox has in a folder that it shares with its owner."""
        folder = os.path.dirname(connection)
        os.mkdir(folder)
        roots.write(connection, text)
        os.chmod(folder, 0o777)

    def do_kernel_sockets(self, connection: str) -> int:
        """How many of a kernel's sockets are there."""
        folder = os.path.dirname(connection)
        found = sum(os.path.exists(f"{folder}/s-{number}") for number in range(1, 6))
        if found == 5:
            os.chmod(folder, 0o755)
        return found

    def do_settle(self) -> None:
        """Once dockerd has stopped: its images become those that every engine of this disk starts with."""
        linux.detach("/var/lib/docker")
        os.makedirs("/srv/dockbook/preload")
        for name in ("image", "overlay2"):
            os.rename(f"/var/lib/docker/{name}", f"/srv/dockbook/preload/{name}")
        for name in os.listdir("/var/lib/docker"):
            self.run(["rm", "-rf", f"/var/lib/docker/{name}"])
        os.sync()
        roots.write("/proc/sysrq-trigger", "u")  # read-only, whatever is open: the file system is clean
        time.sleep(1)

    def do_wake(self, now: float, seed: str, watch: dict[str, int]) -> None:
        """Make the snapshot's clock and random state this machine's own, and set its limits."""
        time.clock_settime(time.CLOCK_REALTIME, now)
        data = base64.b64decode(seed)
        with open("/dev/urandom", "wb", buffering=0) as device:
            fcntl.ioctl(device, _RNDADDENTROPY, struct.pack("ii", 8 * len(data), len(data)) + data)
            fcntl.ioctl(device, _RNDRESEEDCRNG)
        if watch:
            self.spec["watch"] = watch | {"rest": 4}
            self.start_watchdog()


def own_marks(layers: str) -> None:
    """Make overlay's marks in layers that a user namespace made those of a kernel's root: overlayfs.rst."""
    if not os.path.isdir(layers):
        return
    for folder, _, _ in os.walk(layers):
        for name in ("opaque", "redirect"):
            with contextlib.suppress(OSError):
                mark = os.getxattr(folder, f"user.overlay.{name}", follow_symlinks=False)
                os.setxattr(folder, f"trusted.overlay.{name}", mark, follow_symlinks=False)
                os.removexattr(folder, f"user.overlay.{name}", follow_symlinks=False)


# -- the relay


def dial(target: str) -> socket.socket | None:
    """A socket for what the keeper asks for; None for what is not available. Raises OSError."""
    if target in UNPACK:
        return unpack(*UNPACK[target])
    kernel = _KERNEL_SOCKET.fullmatch(target)
    path = (
        f"{KERNELS}/{kernel[1]}"
        if kernel
        else {"api": API, "control": CONTROL, "student-control": CONTROL_SOCKET}.get(target)
    )
    if path is None:
        return dial_port(target)
    # What a student puts in a socket's place may lead anywhere.
    return dial_path(path) if stat.S_ISSOCK(os.lstat(path).st_mode) else None


def unpack(folder: str, *prefix: str) -> socket.socket:
    """A socket that takes a tar archive for a folder, and says "done" when all of it is there."""
    here, there = socket.socketpair()
    with there:
        script = f"umask 022; mkdir -p {folder} && tar -x --no-same-owner -C {folder} && echo done"
        subprocess.Popen([*prefix, "sh", "-c", script], stdin=there.fileno(), stdout=there.fileno())
    return here


def relay(log: int, plugin: socket.socket) -> None:
    """Body of the relay's process."""
    linux.set_name("dockbook-relay")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    mux = Mux(selector, os.open(wire(), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC), dial, first=2)

    Runtime().start()

    def plugin_call(_: int) -> None:
        with contextlib.suppress(OSError):
            mux.open("plugin", plugin.accept()[0])

    plugin.setblocking(False)
    selector.register(plugin, selectors.EVENT_READ, plugin_call)
    selector.register(log, selectors.EVENT_READ, lambda _: mux.log(os.read(log, CHUNK)))
    while True:
        for key, mask in selector.select():
            key.data(mask)


def wire() -> str:
    """The device of the virtio port that leads to the keeper."""
    for name in os.listdir("/sys/class/virtio-ports"):
        with open(f"/sys/class/virtio-ports/{name}/name") as handle:
            if handle.read().strip() == PORT_NAME:
                return f"/dev/{name}"
    raise RuntimeError("the machine has no port to its keeper")


# -- start


def mount_all() -> None:
    """The equivalent of a sandbox's ``build_root``, with a separate kernel."""
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    for kind, path, flags, data in (
        ("proc", "/proc", quiet | linux.MS_NOEXEC, None),
        ("sysfs", "/sys", quiet | linux.MS_NOEXEC, None),
        ("devtmpfs", "/dev", linux.MS_NOSUID, None),
        ("cgroup2", "/sys/fs/cgroup", quiet | linux.MS_NOEXEC, None),
        ("tmpfs", "/run", quiet, "mode=755,size=64m,nr_inodes=16k"),
        ("tmpfs", "/tmp", quiet, "mode=1777,size=64m,nr_inodes=16k"),
    ):
        linux.mount(kind, path, kind, flags, data)
    for name in ("pts", "shm", "mqueue"):
        os.makedirs(f"/dev/{name}", exist_ok=True)
    linux.mount("devpts", "/dev/pts", "devpts", data="ptmxmode=0666,mode=620,gid=5")
    linux.mount("shm", "/dev/shm", "tmpfs", quiet, "mode=1777,size=64m,nr_inodes=16k")
    linux.mount("mqueue", "/dev/mqueue", "mqueue")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        with contextlib.suppress(FileExistsError):
            os.symlink(f"/proc/self/{target}", f"/dev/{name}")
    for path in ("lock", "dockbook/kernel", "dockbook/work", "containerd", "hub", "docker/plugins"):
        os.makedirs(f"/run/{path}")
    os.chmod("/run/docker", 0o700)
    os.mkdir(FOLDER, 0o700)


def main() -> None:
    """Entry of process 1; the machine stops when it returns."""
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.umask(0o022)
    mount_all()
    with open(SPEC) as handle:
        spec = json.load(handle)
    plugin = listen(PLUGIN, 0o600)
    log_read, log_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(log_write)
        relay(log_read, plugin)
    os.close(log_read)
    plugin.close()
    try:
        guest = Guest(spec, log_write)
        guest.relay = pid
        guest.start()
        guest.serve()
    except BaseException as error:  # noqa: BLE001 - the last word of process 1: say why, then all ends
        os.write(log_write, f"vm: {type(error).__name__}: {error}\n".encode())
        os.write(2, f"vm: {type(error).__name__}: {error}\n".encode())
        time.sleep(0.5)
    finally:
        sys.stdout.flush()
        with open("/proc/sysrq-trigger", "w") as handle:
            handle.write("o")
        time.sleep(5)
        os._exit(1)
