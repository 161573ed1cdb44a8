"""Process 1 of a sandbox: builds its file system, starts the engine, does what the keeper asks.

It starts as a clone of the keeper in fresh namespaces, still with the owner's identity outside: that is
when it opens host folders (the owner may read them, the sandbox's own range of ids may not). Then it
becomes root of its namespaces, mounts everything from those open folders and leaves the host's root.
From ``pivot_root`` on nothing of the host can be imported: every import is at the top.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import selectors
import signal
import socket
import sys
import time
from typing import Any

from grader.engine.inside import cgroup_tree, daemon, kernel_quotas, network, roots, watch
from grader.engine.inside.control_socket import ControlSocket
from grader.engine.inside.processes import PATH, Processes
from grader.engine.system import ids, keeper_requests, linux, procfs
from grader.engine.system.keeper_requests import Probed
from grader.engine.system.places import CONTROL_SOCKET

AS_STUDENT = (
    *("setpriv", "--reuid=1000", "--regid=1000", "--groups=docker", "--no-new-privs", "--pdeathsig=KILL"),
    *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"),
)
"""Whatever touches a student's files inside runs like this, as their kernel does."""
LIBRARIES_FIRST = (
    "--InteractiveShellApp.ignore_cwd=True",
    "--InteractiveShellApp.exec_lines=import sys; sys.path.append('')",
)
"""With ``-P``: no file next to the notebook, such as docker.py, replaces a module of the kernel's or the
course's."""
MAPPED, MAPPED_IN_GROUP = b"m", b"g"
"""What the keeper says once the ids are mapped: without, or with, a control group of the sandbox's own."""
"""Seconds for a kernel's processes to disappear; there may be many at once."""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


class Inside(Processes):
    """Process 1. ``spec`` is the keeper's description of the sandbox, ``control`` its socket."""

    dockerd_words: tuple[str, ...] = ("dockerd", "--rootless")
    relay = 0  # a process for connections, in a virtual machine or a container

    def __init__(self, spec: dict[str, Any], control: socket.socket, api: socket.socket, log: int) -> None:
        self.spec = spec
        self.control = control
        self.api = api
        self.log = log
        self.folders = roots.Folders(spec["folders"])
        self.containerd = 0
        self.dockerd = 0
        self.hub = 0
        self.kernels: dict[int, str] = {}
        self.selector = selectors.DefaultSelector()
        self.buffer = b""
        self.over = False
        self.watchdog = 0
        self.reached = -1
        self.groups = False

    @staticmethod
    def become_root() -> None:
        """Root of the user namespace: an unprivileged, subordinate id on the host."""
        ids.become_root()
        linux.die_with_parent()
        os.setsid()
        os.umask(0o022)

    # -- the engine's processes

    def start_containerd(self) -> None:
        if daemon.containerd_keeps_images(self.spec["daemon"]):
            roots.move_containerds_data()
        self.containerd = self.spawn(["containerd", "--config", roots.CONTAINERD_TOML])
        # dockerd backs off for a second when the socket is not there yet: wait for it here, in small steps.
        deadline = time.monotonic() + 20
        while not os.path.exists(CONTAINERD_SOCKET):
            if time.monotonic() > deadline or self.reaped(self.containerd):
                raise RuntimeError("containerd did not start")
            time.sleep(0.002)

    def start_dockerd(self) -> None:
        os.makedirs("/etc/docker", exist_ok=True)
        self.bound_containers()
        roots.write("/etc/docker/daemon.json", json.dumps(self.spec["daemon"], indent=2))
        argv = [*self.dockerd_words, "--containerd", CONTAINERD_SOCKET]
        argv += ["-H", "fd://", "-H", "unix:///run/docker.sock", "-G", "docker"]
        self.dockerd = self.spawn(argv, api=True)

    def bound_containers(self) -> None:
        """Containers take no more than their part of what they share with the whole machine."""
        guarded = "authorization-plugins" in self.spec["daemon"]
        runtime = kernel_quotas.bound_containers(daemon.RUNTIME, guarded=guarded)
        if not self.groups:
            self.spec["daemon"]["runtimes"]["crun"]["path"] = runtime  # its arguments stay

    def preload(self) -> None:
        """Put the course's images where dockerd finds them."""
        roots.preload_images()

    def start(self) -> None:
        """Everything up to a dockerd that will answer."""
        linux.set_hostname("dockbook")
        linux.set_name("dockbook-init")
        linux.link_up("lo")
        roots.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.limit()
        self.start_containerd()
        self.preload()
        self.start_dockerd()
        if self.spec["watch"]:
            self.start_watchdog()
        if "hub" in self.folders:
            network.make_hub_host()
            nginx = ["nginx", "-e", "stderr", "-c", "/etc/dockbook/hub.conf"]
            self.hub = self.spawn(["nsenter", f"--net={network.HUB_NETNS}", *nginx])

    def take_groups(self) -> None:
        """Use the control group that the keeper has got: dockerd as it is where root starts it."""
        limits = dict(self.spec["watch"])
        if limits.get("memory") and "state" not in self.folders:
            limits["memory"] += self.spec["disk_bytes"]  # Linux counts files in memory as memory
        cgroup_tree.arrange(limits)
        self.groups = True
        self.spec["daemon"] |= cgroup_tree.DAEMON
        self.dockerd_words = ("dockerd", "--rootless=false")

    def limit(self) -> None:
        """What this process may not exceed, its children inherit; the sum is the watchdog's to count."""
        roots.limit_namespace(groups=self.groups)
        processes = self.spec["watch"].get("processes", 0)
        # Counted for a user, the daemons' threads among them: where groups can tell them apart, those do.
        if processes and not self.groups:
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))

    def start_watchdog(self) -> None:
        """A process of its own: requests from outside may keep this one busy for seconds."""
        read, write = os.pipe2(os.O_NONBLOCK)
        self.watchdog = os.fork()
        if self.watchdog == 0:
            os.dup2(self.log, 2)
            os.dup2(write, 3)
            os.closerange(4, 1024)
            watch.run(3, groups=self.groups, **self.spec["watch"])
        os.close(write)
        self.reached = read

    # -- what the keeper asks for

    def serve(self) -> None:
        """Answer the keeper until it goes; end when dockerd ends without being asked to."""
        wake, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, 4096))
        self.selector.register(self.control, selectors.EVENT_READ, self.hear_keeper)
        ControlSocket(CONTROL_SOCKET, self.selector, self.do_configure)
        while not self.over:
            for key, _ in self.selector.select(1):
                key.data()
            self.reap()

    def hear_keeper(self) -> None:
        data = self.control.recv(65536)
        self.over = not data
        self.buffer += data
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            reply = keeper_requests.answer(self, json.loads(line))
            self.control.sendall(json.dumps(reply).encode() + b"\n")

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            parts = {self.dockerd: "dockerd", self.containerd: "containerd", self.watchdog: "the watchdog"}
            parts[self.relay] = "the relay"
            if pid in parts:
                name = parts[pid]
                os.write(self.log, f"{name} ended with status {status}\n".encode())
                sys.exit(1)
            self.ended(pid)

    def ended(self, pid: int) -> None:
        """A process that the engine does not need has ended."""
        if self.kernels.pop(pid, None) and self.groups:
            cgroup_tree.leave(pid)

    # Requests, as ``keeper_requests`` has them.

    def do_controllers(self) -> list[str]:
        """What containers can be limited in."""
        return cgroup_tree.controllers()

    def do_limits(self) -> list[str]:
        """The limits that the sandbox has reached since the last call."""
        reached = b""
        if self.watchdog:
            with contextlib.suppress(BlockingIOError):
                reached = os.read(self.reached, 65536)
        return reached.decode().splitlines()

    def do_start_kernel(self, connection: str, env: dict[str, str]) -> int:
        """A student's kernel: uid 1000, group docker, no capabilities, its own pid namespace."""
        argv = ["unshare", "--pid", "--mount", "--ipc", "--fork", "--kill-child", "--mount-proc", *AS_STUDENT]
        argv += ["sh", "-c", 'cd /home/student/work && umask 000 && exec "$@"', "kernel"]
        argv += ["python3", "-P", "-m", "ipykernel_launcher", "-f", connection, *LIBRARIES_FIRST]
        home = {"HOME": "/home/student", "USER": "student", "PATH": PATH, "LANG": "C.UTF-8"}
        pid = self.spawn(argv, home | env, before=cgroup_tree.join_kernel_group if self.groups else None)
        self.kernels[pid] = connection
        return pid

    def do_copy_work(self) -> None:
        """Copy what the owner provides to the student's working directory, with the student's own rights.

        An earlier kernel may have left links there: as root the copy would follow them anywhere.
        """
        work, copy = "/home/student/work", "cp -r --no-preserve=all --remove-destination"
        script = f"mkdir -p {work} && {copy} /run/dockbook/work/copy/. {work}/"
        try:
            self.run([*AS_STUDENT, "sh", "-c", script])
        except RuntimeError as error:
            raise RuntimeError(f"{work} takes no files ({error})") from error

    def first_process(self, kernel: int) -> int:
        """The kernel itself, process 1 of its namespace: the child of its ``unshare``. 0 if there is none."""
        return procfs.child(kernel) if kernel in self.kernels else 0

    def kernel_processes(self, kernel: int) -> list[int]:
        """Every process in the pid namespace of a kernel, found from outside of it."""
        return procfs.same_namespace(self.first_process(kernel))

    def do_signal_kernel(self, kernel: int, number: int) -> int:
        """Send a signal to every process of a kernel, newly forked ones too; how many got it."""
        seen: set[int] = set()
        for _ in range(50):
            fresh = [pid for pid in self.kernel_processes(kernel) if pid not in seen]
            if not fresh:
                break
            for pid in fresh:
                seen.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        return len(seen)

    def do_interrupt_kernel(self, kernel: int) -> None:
        """SIGINT to the kernel process itself, as Jupyter's interrupt does."""
        pid = self.first_process(kernel)
        if pid:
            os.kill(pid, signal.SIGINT)

    def do_kernel_alive(self, kernel: int) -> bool:
        return kernel in self.kernels

    def do_kill_kernel(self, kernel: int, limit_s: float) -> None:
        """End a kernel with all that it started, and wait: what still counts as the student's is not free
        yet.

        Its ``unshare`` ends with the first process of the namespace, and that one when all the others have:
        hundreds of processes with much memory take a busy machine many seconds. Raises RuntimeError for one
        that is not gone by then.
        """
        if kernel in self.kernels:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.first_process(kernel) or kernel, signal.SIGKILL)
            status = self.exit_code(kernel, time.monotonic() + limit_s)
            self.ended(kernel)
            if status is None:
                raise RuntimeError(f"not all of its processes had ended after {limit_s:g} s")

    def do_probe(self, pid: int, argv: list[str], limit_s: float) -> Probed:
        """Run trusted code in the network namespace of a container's process; output cut at 64 kB."""
        read, write_end = os.pipe2(os.O_CLOEXEC)
        kept, self.log = self.log, write_end
        try:
            target = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid else []
            child = self.spawn([*target, *argv])
        finally:
            self.log = kept
            os.close(write_end)
        output, deadline = b"", time.monotonic() + limit_s
        while time.monotonic() < deadline and len(output) < 65536:
            if select.select([read], [], [], deadline - time.monotonic())[0]:
                chunk = os.read(read, 65536)
                if not chunk:
                    break
                output += chunk
        status = self.exit_code(child, deadline)
        os.close(read)
        return {"status": status, "output": output[:65536].decode("latin-1")}

    def do_configure(self, options: dict[str, object]) -> None:
        """Let dockerd check the options, then reload it. Raises ValueError with its reason."""
        daemon_options = daemon.merged(self.spec["daemon"], options)
        proposed = "/etc/docker/proposed.json"
        roots.write(proposed, json.dumps(daemon_options, indent=2))
        reply = self.do_probe(0, [*self.dockerd_words, "--validate", "--config-file", proposed], 10)
        if reply["status"]:
            raise ValueError(reply["output"].strip())
        os.rename(proposed, "/etc/docker/daemon.json")
        os.kill(self.dockerd, signal.SIGHUP)

    def do_reset(self) -> None:
        """Kill the engine and its containers, empty its folders, start it again with the course's images."""
        dockerd, containerd = self.dockerd, self.containerd
        self.dockerd = self.containerd = 0
        spared = {os.getpid(), self.hub, self.watchdog, self.relay, *self.kernels}
        for kernel in self.kernels:
            spared.update(self.kernel_processes(kernel))
        for pid in (dockerd, containerd):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for pid in procfs.pids():
            # Workers of the hub's nginx are children of a process that is spared.
            if pid not in spared and procfs.parent(pid) not in spared - {os.getpid()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.reap()
        for path in roots.mounts("/var/lib/docker/", "/run/docker/netns", "/run/containerd/"):
            linux.detach(path)
        roots.empty_data()
        if self.groups:
            cgroup_tree.remove_empty()
        for folder in ("/var/lib/containerd", "/run/containerd", "/run/docker"):
            for name in os.listdir(folder):
                if name != "plugins":
                    self.run(["rm", "-rf", f"{folder}/{name}"])
        network.remove_links(self.run)
        self.start_containerd()
        self.preload()
        self.start_dockerd()

    def do_stop(self, patience_s: float = 30) -> None:
        """Stop dockerd cleanly, so that what it wrote can be kept.

        Containers that run for longer than ``patience_s`` are killed: dockerd notes how they ended.
        """
        pid, self.dockerd = self.dockerd, 0
        os.kill(pid, signal.SIGTERM)
        patience, deadline = time.monotonic() + patience_s, time.monotonic() + 30
        while not self.reaped(pid):
            if time.monotonic() > deadline:
                raise RuntimeError("dockerd did not stop")
            if time.monotonic() > patience:
                procfs.kill_contained()
            time.sleep(0.01)


def main(spec: dict[str, Any], control: socket.socket, api: socket.socket, log: int, mapped: int) -> None:
    """Body of process 1; never returns. ``mapped``: readable once the ids are mapped."""
    code = 1
    try:
        inside = Inside(spec, control, api, log)
        roots.write("/proc/self/oom_score_adj", str(cgroup_tree.OOM_SCORE))
        word = os.read(mapped, 1)
        if word not in (MAPPED, MAPPED_IN_GROUP):
            os._exit(1)
        inside.become_root()
        linux.unshare(linux.CLONE_NEWCGROUP)
        roots.build_root(inside.folders, spec["disk_bytes"], groups=word == MAPPED_IN_GROUP)
        if word == MAPPED_IN_GROUP:
            inside.take_groups()
        if spec.get("place"):
            roots.own(ids.STUDENT, "/home/student")
        inside.start()
        control.sendall(json.dumps({"event": "started"}).encode() + b"\n")
        inside.serve()
        code = 0
    except BaseException as error:  # noqa: BLE001 - the last word of process 1: say why, then take the namespace down
        os.write(log, f"sandbox: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)
