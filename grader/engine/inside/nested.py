"""Process 1 of a nested engine, and its relay: what the engine's container runs.

The container brings the root file system and the namespaces; the rest is the sandbox's process 1
(``inside.sandbox``). Everything comes and goes over the container's standard input and output, which
the keeper outside holds: when they end, for whatever reason, so does the container. Standard library
only.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
import threading
from typing import Any

from grader.engine.inside import cgroup_tree, roots
from grader.engine.inside.guest_sockets import dial_path, dial_port, listen
from grader.engine.inside.mux import CHUNK, Broken, Mux
from grader.engine.inside.sandbox import Inside
from grader.engine.system import linux
from grader.engine.system.places import CONTROL_SOCKET

SPEC = "/etc/dockbook/nested.json"
IMAGES = "/srv/dockbook/preload.tar"
FOLDER = "/run/dockbook/nested"
API = f"{FOLDER}/api.sock"
PLUGIN = "/run/docker/plugins/dockbook.sock"
CGROUPS = "/sys/fs/cgroup"
CONTROLLERS = f"{CGROUPS}/cgroup.controllers"
RUNC = "/usr/local/sbin/runc"


class Guest(Inside):
    """Process 1 of the container. Its dockerd is root, of the container's namespaces.

    If containers cannot have control groups, it works without, as an engine without root does.
    """

    def __init__(self, spec: dict[str, Any], control: socket.socket, api: socket.socket, log: int) -> None:
        super().__init__(spec, control, api, log)
        if spec["cgroups"]:
            self.dockerd_words = ("dockerd",)

    def limit(self) -> None:
        """Nothing: a namespace's limits would be those of the user's whole machine here."""

    def preload(self) -> None:
        """The course's images, unpacked: an overlay cannot hold another's marks of what was removed."""
        if os.path.exists(IMAGES) and not os.path.exists("/var/lib/docker/overlay2"):
            self.run(["tar", "--xattrs", "--xattrs-include=*", "-C", "/var/lib/docker", "-xf", IMAGES], 120)


def prepare(spec: dict[str, Any]) -> None:
    """The mounts and files that a sandbox's ``build_root`` makes, in the container's own mount namespace."""
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", "/run", "tmpfs", quiet, "mode=755,size=64m,nr_inodes=16k")
    linux.mount("tmpfs", "/tmp", "tmpfs", quiet, "mode=1777,size=256m,nr_inodes=16k")
    for path in ("lock", "dockbook/kernel", "dockbook/work", "containerd", "hub", "docker/plugins"):
        os.makedirs(f"/run/{path}")
    os.chmod("/run/docker", 0o700)
    os.mkdir(FOLDER, 0o700)
    # Docker has put files of its own over these.
    for path, text in spec["files"].items():
        roots.write(path, text)
    spec["cgroups"] = delegate_cgroups()
    if not spec["cgroups"]:
        # Either version 1, where groups would outlive the engine, or not writable here. Then containers have
        # no groups of their own, as in a sandbox.
        if not os.path.exists(CONTROLLERS):
            linux.mount("cgroup2", CGROUPS, "cgroup2", quiet | linux.MS_NOEXEC)
        linux.mount("none", CGROUPS, flags=linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY)
        spec["daemon"]["runtimes"]["crun"]["runtimeArgs"] = ["--cgroup-manager=disabled"]
        # BuildKit uses no other runtime than the runc that it finds.
        roots.write(RUNC, '#!/bin/sh\nexec /usr/sbin/runc --rootless=true "$@"\n')
        os.chmod(RUNC, 0o755)
        cgroup_tree.hide("", "--rootless=true")  # the figures of the container that all of this is in


def delegate_cgroups() -> bool:
    """Let containers have control groups, where they are of version 2 and may be written; whether they can.

    A group with processes of its own can pass nothing on: they move to one below.
    """
    if not os.path.exists(CONTROLLERS):
        return False
    try:
        linux.remount_writable("/sys")
        linux.remount_writable(CGROUPS)
        os.makedirs(f"{CGROUPS}/init", exist_ok=True)
        roots.write(f"{CGROUPS}/init/cgroup.procs", str(os.getpid()))
    except OSError:
        return False
    with open(CONTROLLERS) as handle:
        controllers = handle.read().split()
    for controller in controllers:
        with contextlib.suppress(OSError):  # one that this kernel does not give to a namespace
            roots.write(f"{CGROUPS}/cgroup.subtree_control", f"+{controller}")
    return True


# -- the relay


def dial(target: str) -> socket.socket | None:
    """A socket for what the keeper asks for; None for what is not available. Raises OSError."""
    path = {"api": API, "student-control": CONTROL_SOCKET}.get(target)
    return dial_path(path) if path else dial_port(target)


def relay(log: int, plugin: socket.socket, control: socket.socket) -> None:
    """Body of the relay's process: ends with the container's standard input."""
    linux.set_name("dockbook-relay")
    selector = selectors.DefaultSelector()
    wire, far = socket.socketpair()
    wire.setblocking(False)
    threading.Thread(target=copy, args=(0, far.fileno(), far), daemon=True).start()
    threading.Thread(target=copy, args=(far.fileno(), 1, far), daemon=True).start()

    def dial_or_control(target: str) -> socket.socket | None:
        return control if target == "control" else dial(target)

    mux = Mux(selector, wire.fileno(), dial_or_control, first=2)

    def plugin_call(_: int) -> None:
        with contextlib.suppress(OSError):
            mux.open("plugin", plugin.accept()[0])

    plugin.setblocking(False)
    selector.register(plugin, selectors.EVENT_READ, plugin_call)
    selector.register(log, selectors.EVENT_READ, lambda _: mux.log(os.read(log, CHUNK)))
    try:
        while True:
            for key, mask in selector.select():
                key.data(mask)
    except Broken:
        os._exit(0)


def copy(source: int, target: int, end: socket.socket) -> None:
    """Bytes from one descriptor to another until one of them ends; the wire ends with it."""
    with contextlib.suppress(OSError):
        while data := os.read(source, 256 << 10):
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
    end.shutdown(socket.SHUT_RDWR)


# -- start


def main() -> None:
    """Entry of process 1; the container ends when it returns."""
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.umask(0o022)
    log_write = 2
    try:
        with open(SPEC) as handle:
            spec = json.load(handle)
        prepare(spec)
        plugin = listen(PLUGIN, 0o600)
        # Before there is a relay: the owner's first connection may wait already, and it would be refused.
        api = listen(API, 0o600)
        control, far_end = socket.socketpair()
        log_read, log_write = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(log_write)
            control.close()
            api.close()
            relay(log_read, plugin, far_end)
        os.close(log_read)
        plugin.close()
        far_end.close()
        guest = Guest(spec, control, api, log_write)
        guest.relay = pid
        guest.start()
        guest.serve()
    except BaseException as error:  # noqa: BLE001 - the last word of process 1: say why, then all ends
        os.write(2, f"nested: {type(error).__name__}: {error}\n".encode())
        sys.exit(1)
