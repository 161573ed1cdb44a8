"""The keeper: a small process per sandbox, outside of it, that outlives its owner just long enough.

It makes the namespaces, maps the ids, answers dockerd's authorization plugin, and carries the owner's
requests inside. When the owner closes the control socket, ends or is killed, or when the sandbox ends by
itself, the keeper kills what is left, removes the sandbox's folder and ends. It is started as
``python -I -S -c ... FD`` with the description of the sandbox on that control socket: standard library
only, no site-packages, about 20 ms.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
from typing import Any

from grader.engine.inside import roots
from grader.engine.inside import sandbox as inside
from grader.engine.keeper import relay
from grader.engine.keeper.authz import Gate
from grader.engine.keeper.plugin import PluginServer
from grader.engine.system import cgroups, ids, keeper_requests, linux

NAMESPACES = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)
"""The one for control groups comes later: its root is the group that process 1 is in at that moment."""
LOG_BYTES = 65536
LOOK_S = 1.0


class Keeper:
    """One sandbox: made by ``start``, kept by ``serve``, ended by ``dispose``."""

    no_group = ""
    """Why the engine has no control group of its own."""

    def __init__(self, spec: dict[str, Any], control: socket.socket) -> None:
        self.spec = spec
        self.control = control
        self.runtime = spec["runtime"]
        self.gate = Gate(spec["token"], buildkit_grpc=True)
        self.selector = selectors.DefaultSelector()
        self.log: collections.deque[bytes] = collections.deque(maxlen=400)
        self.init = 0
        self.namespaces: dict[str, int] = {}
        self.group: cgroups.Group | None = None
        self.lock = self.state_lock = -1
        self.inside: socket.socket | None = None
        self.buffers = {"owner": b"", "inside": b""}
        self.done = False

    # -- start

    def listen(self, name: str, mode: int) -> socket.socket:
        """A listening unix socket in the sandbox's folder; its name appears once it listens."""
        path = os.path.join(self.runtime, name)
        old = os.umask(0o777 & ~mode)
        try:
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.bind(f"{path}-")
            server.listen(512)
            os.rename(f"{path}-", path)
        finally:
            os.umask(old)
        return server

    def make_folder(self) -> None:
        """The sandbox's folder, made here and not by the owner: the process that makes it must be able to
        remove it.

        The lock gets its name once it is locked, which ``grader.files`` does not do: a sweep in between would
        take the engine for abandoned.
        """
        os.umask(0o022)
        os.mkdir(self.runtime, 0o700)
        for name, mode in self.spec["make"].items():
            os.mkdir(os.path.join(self.runtime, name))
            os.chmod(os.path.join(self.runtime, name), mode)
        for name, source in self.spec.get("copy", {}).items():
            copy_for_all(source, os.path.join(self.runtime, name))
        self.make_state()
        lock = os.path.join(self.runtime, "lock")
        self.lock = os.open(f"{lock}-", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(f"{lock}-", lock)

    def make_state(self) -> None:
        """The state's folder on a disk, where it is this engine's own; locked as long as this process lives.

        Open to all, as the sandbox's root is another id, in a folder that is closed. Locked before it gets
        its name, for the sweep.
        """
        path = self.spec["folders"].get("state")
        if path is None or self.spec["keep_state"]:
            return
        os.mkdir(f"{path}-")
        os.chmod(f"{path}-", 0o777)
        self.state_lock = os.open(f"{path}-", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self.state_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(f"{path}-", path)

    def start(self) -> None:
        """Folder, namespaces, ids, plugin, process 1."""
        self.make_folder()
        if self.spec["state_lock"] >= 0:
            # Process 1 has it too: with the keeper killed, the state is in use until the sandbox has ended.
            os.set_inheritable(self.spec["state_lock"], False)
        api = self.listen("docker.sock", 0o600)
        if self.spec["plugin"]:
            plugin = self.listen("gate/dockbook.sock", 0o666)
            PluginServer(self.gate, plugin).register(self.selector)
        self.inside, far_end = socket.socketpair()
        log_read, log_write = os.pipe2(os.O_CLOEXEC)
        map_read, map_write = os.pipe2(os.O_CLOEXEC)
        self.init = linux.clone(NAMESPACES)
        if self.init == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self.selector.close()
            self.control.close()
            self.inside.close()
            os.close(map_write)
            os.close(log_read)
            os.close(self.lock)
            if self.state_lock >= 0:
                os.close(self.state_lock)
            inside.main(self.spec, far_end, api, log_write, map_read)
        far_end.close()
        api.close()
        os.close(log_write)
        os.close(map_read)
        self.namespaces = open_namespaces(self.init)
        self.take_group()
        ids.write_maps(self.init, self.spec["ids"], place=self.spec.get("place", 0))
        os.write(map_write, inside.MAPPED_IN_GROUP if self.group else inside.MAPPED)
        os.close(map_write)
        os.set_blocking(log_read, False)
        self.selector.register(log_read, selectors.EVENT_READ, self.read_log)
        self.selector.register(self.inside, selectors.EVENT_READ, self.read_inside)

    def take_group(self) -> None:
        """A control group for process 1, which is still the person's; else why there is none."""
        watched, room = self.spec["watch"], cgroups.OWN_BYTES
        if "state" not in self.spec["folders"]:
            room += self.spec["disk_bytes"]  # Linux counts files in memory as memory
        limits = {"memory": room, "processes": cgroups.OWN_TASKS}
        limits = {name: watched[name] + more for name, more in limits.items() if watched.get(name)}
        try:
            self.group = cgroups.make(self.spec["id"], self.init, self.spec["ids"], limits)
        except cgroups.NoGroup as error:
            self.no_group = str(error)

    # -- life

    def serve(self) -> None:
        """Until the owner or the sandbox is gone."""
        owner = self.spec["owner"]
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                # A forked child of the owner may hold the control socket open: watch the owner itself too.
                watch = os.pidfd_open(owner)
                self.selector.register(watch, selectors.EVENT_READ, lambda _: self.finish())
        if os.getppid() != owner:
            return
        self.selector.register(self.control, selectors.EVENT_READ, self.read_owner)
        self.take_requests()
        while not self.done:
            self.turn()

    def turn(self) -> None:
        """One round of the loop. Python may notice a signal that comes just before a wait only after it."""
        for key, mask in self.selector.select(LOOK_S):
            handler = key.data
            handler(mask)

    def finish(self) -> None:
        self.done = True

    def read_log(self, _: int) -> None:
        for key in list(self.selector.get_map().values()):
            if key.data == self.read_log:
                data = os.read(int(key.fd), LOG_BYTES)
                if not data:
                    self.selector.unregister(key.fd)
                self.log.extend(line[:2000] for line in data.splitlines())

    def read_inside(self, _: int) -> None:
        assert self.inside is not None
        data = self.inside.recv(65536)
        if not data:
            self.send({"event": "ended", "tail": self.tail()})
            self.finish()
            return
        # Replies are passed on as they are: this side only counts lines.
        with contextlib.suppress(OSError):
            self.control.sendall(data)

    def read_owner(self, _: int) -> None:
        data = self.control.recv(65536)
        if not data:
            self.finish()
            return
        self.buffers["owner"] += data
        self.take_requests()

    def take_requests(self) -> None:
        while b"\n" in self.buffers["owner"]:
            line, self.buffers["owner"] = self.buffers["owner"].split(b"\n", 1)
            self.request(line)

    def request(self, line: bytes) -> None:
        """Answer what concerns the keeper here, and pass on the rest."""
        message = json.loads(line)
        if keeper_requests.is_for(self, message):
            self.send(keeper_requests.answer(self, message))
        else:
            self.pass_on(message, line)

    def pass_on(self, message: dict[str, Any], line: bytes) -> None:
        """To process 1, as it came: the reply goes to the owner in the same way."""
        assert self.inside is not None
        self.inside.sendall(line + b"\n")

    # Requests, as ``keeper_requests`` has them.

    def do_gate(self, closed: bool | None = None, cpus: bool | None = None) -> None:
        self.gate.closed = self.gate.closed if closed is None else closed
        self.gate.cpus = self.gate.cpus if cpus is None else cpus

    def do_no_group(self) -> str:
        return self.no_group

    def do_namespaces(self) -> dict[str, str]:
        own = f"/proc/{os.getpid()}/fd"
        return {name: f"{own}/{number}" for name, number in self.namespaces.items()}

    def do_tail(self) -> str:
        return self.tail()

    def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")

    def tail(self) -> str:
        return b"\n".join(self.log).decode(errors="replace")

    # -- end

    def dispose(self) -> None:
        """Kill the sandbox whole (all processes end with its process 1), remove its folder."""
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)
            os.waitpid(self.init, 0)
        if self.group:
            cgroups.remove(self.group.path, self.spec["ids"])
        if "state" in self.spec["folders"] and not self.spec["keep_state"]:
            parent, name = os.path.split(self.spec["folders"]["state"])
            with contextlib.suppress(OSError):
                ids.remove_tree(self.spec["ids"], parent, name)
        shutil.rmtree(self.runtime, ignore_errors=True)
        if os.path.exists(self.runtime):
            # A student's kernel closed a folder in there; its ids are the sandbox's, and so is the key.
            with contextlib.suppress(OSError):
                ids.remove_tree(self.spec["ids"], self.runtime, "share")
            shutil.rmtree(self.runtime, ignore_errors=True)


def copy_for_all(source: str, target: str) -> None:
    """Copy a file or a folder, readable by every user."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=lambda *_: {"__pycache__"})
        for folder, _, _ in os.walk(target):
            os.chmod(folder, 0o755)
    else:
        shutil.copyfile(source, target)


def open_namespaces(pid: int) -> dict[str, int]:
    """Descriptors of the user and network namespaces of a process that still has the caller's identity.

    Once process 1 has taken its own ids, Linux no longer counts it among the owner's processes, and an
    ordinary user may not open ``/proc/PID/ns`` any more: proc_pid_ns(5), ptrace(2). Root always may.
    """
    return {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("user", "net")}


def main(descriptor: str) -> None:
    """Entry of a sandbox's keeper."""
    run(descriptor, Keeper)


def run(descriptor: str, kind: type[Keeper]) -> None:
    """Body of a keeper's process: its description is the first line on the control socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    linux.set_name("dockbook-keeper")
    control = socket.socket(fileno=int(descriptor))
    data = b""
    while b"\n" not in data:
        chunk = control.recv(65536)
        if not chunk:
            return
        data += chunk
    spec, early = data.split(b"\n", 1)
    keeper = kind(json.loads(spec), control)
    keeper.buffers["owner"] = early
    started = time.monotonic()
    try:
        keeper.start()
        keeper.serve()
    except Exception as error:  # noqa: BLE001 - the owner must learn about any failure in here
        keeper.send({"event": "ended", "tail": f"keeper: {type(error).__name__}: {error}\n{keeper.tail()}"})
    finally:
        keeper.dispose()
        keeper.send({"event": "disposed", "kept_s": time.monotonic() - started})


def try_out(own_ids: str) -> None:
    """The delicate steps of a start with nothing in them, and a relay's.

    Ends with 0, or with 1 and the reason on stderr.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    pid = linux.clone(NAMESPACES)
    if pid == 0:
        roots.try_out(read)
    step = "the ids could not be mapped"
    try:
        opened = open_namespaces(pid)
        ids.write_maps(pid, json.loads(own_ids))
        os.write(write, b"m")
        if os.waitpid(pid, 0)[1]:
            sys.exit(1)
        step = "the engine's network, where its ports are, cannot be entered"
        relay.join(**{name: f"/proc/self/fd/{number}" for name, number in opened.items()})
    except OSError as error:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        sys.exit(f"{step}: {error}")
    sys.exit(0)
