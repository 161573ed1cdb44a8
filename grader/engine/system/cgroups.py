"""A control group of a sandbox's own: limits and figures that are real, without root.

Linux lets an ordinary user have control groups of version 2 if a privileged process delegates a
part of the tree. On a machine with systemd that is the person's user manager: asked over D-Bus to start a
scope around a process (``StartTransientUnit`` with ``Delegate=yes``), it makes a group that belongs to the
person (https://systemd.io/CGROUP_DELEGATION). Root asks the system's manager. Without systemd, root makes a
group itself where the tree may be written: in a container with a writable one, on a system without systemd.

The result, cgroups(7)::

    dockbook-ID.scope    the person's; nothing runs in it
      sandbox            the wall: the limits written here are the person's, out of the sandbox's reach
        engine           process 1, dockerd, containerd
        student          containers, steps of builds, kernels; see cgroup_tree

``sandbox`` is the root of the sandbox's cgroup namespace. The sandbox's root, a subordinate id, owns the
folder and may move processes and make groups in it; the files that hold its limits stay the person's, and
Linux also refuses them to a namespace's own root (``nsdelegate``).

The keeper asks, not the owner: between process 1's first instruction and the mapping of its ids it is the
only process of the sandbox and still the person's, as systemd wants it, and only the keeper is there then.
The scope needs no clean-up: systemd ends it with its last process, whichever of owner and keeper died
before. What systemd 257 cannot remove, groups of other ids below, the keeper removes, or after a ``kill -9``
the next one. The request is systemd's own ``busctl``: where its manager runs, that program is there.
Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.engine.system import ids, linux, procfs

BOOTED = "/run/systemd/system"
"""There when systemd is process 1: sd_booted(3)."""
WALL = "sandbox"
CONTROLLERS = ("memory", "pids", "cpu", "io", "cpuset")
"""What is passed on, where it is there; a wall without the first two holds nothing."""
DELEGATED = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control")
"""The files that come with a folder that is handed over: cgroups(7), "Cgroups delegation"."""
OWN_BYTES, OWN_TASKS = 256 << 20, 512
"""Room for the engine's own processes, in addition to what a submission may use."""
MOST_GROUPS = 2000
"""Groups take memory of the machine's that no limit counts; a container is one."""
ASK_S, MOVE_S, STOP_S = 10, 5, 40
_UNIT = re.compile(r"dockbook-[0-9a-z]+(?:\.scope)?")
_NO_MANAGER = (
    "systemd's user manager does not answer ({}): it comes with a login by ssh or at a screen, not with su"
)


class NoGroup(Exception):
    """No control group is available; ``str()`` is the reason, for the end of a sentence."""


class Group(NamedTuple):
    """A wall: its path, what can be limited below it, and who made the group around it."""

    path: str
    controllers: tuple[str, ...]
    maker: str


def read(path: str) -> str:
    """A small file's text."""
    with open(path) as handle:
        return handle.read()


def write(path: str, text: str) -> None:
    """Write a control file: one write(2) is one order."""
    with open(path, "w") as handle:
        handle.write(text)


def of(pid: int | str) -> str:
    """The group of a process in the tree of version 2, cgroups(7); empty if there is none."""
    with contextlib.suppress(OSError):
        for line in read(f"/proc/{pid}/cgroup").splitlines():
            if line.startswith("0::"):
                return line[3:]
    return ""


def place(pid: int | str) -> str:
    """The folder of a process's group. Raises NoGroup where no tree with controllers is mounted."""
    for one in procfs.mounts(read("/proc/self/mountinfo").split("\n")):
        if one.kind != "cgroup2":
            continue
        if set(read(f"{one.point}/cgroup.controllers").split()) & set(CONTROLLERS):
            below = of(pid).removeprefix(one.root if one.root != "/" else "")
            return os.path.normpath(f"{one.point}/{below}")
    raise NoGroup("this system has no control groups of version 2 that could be passed on")


def make(name: str, pid: int, own_ids: ids.Ids, limits: Mapping[str, int]) -> Group:
    """A wall around one process, which must still be the caller's. Raises NoGroup.

    ``limits``: ``memory`` in bytes, ``processes``; 0 or nothing means no limit.
    """
    try:
        outer, maker = _outer(name, pid)
        sweep(os.path.dirname(outer))
        wall = f"{outer}/{WALL}"
        os.mkdir(wall)
        write(f"{wall}/cgroup.procs", str(pid))
        controllers = enable(outer)
        if not {"memory", "pids"} <= set(controllers):
            raise NoGroup(f"{maker} passes on no more than {', '.join(controllers) or 'nothing'}")
        limit(wall, limits)
        ids.give(own_ids, wall, (".", *DELEGATED))
        return Group(wall, controllers, maker)
    except OSError as error:
        raise NoGroup(f"making one failed: {error}") from error


def enable(folder: str) -> tuple[str, ...]:
    """Pass on what can be passed on to the groups below; what is."""
    for controller in CONTROLLERS:
        with contextlib.suppress(OSError):  # not there, or not given to this one
            write(f"{folder}/cgroup.subtree_control", f"+{controller}")
    passed = read(f"{folder}/cgroup.subtree_control").split()
    return tuple(name for name in CONTROLLERS if name in passed)


def limit(folder: str, limits: Mapping[str, int]) -> None:
    """Write limits; swap would be additional memory. Raises OSError."""
    orders = {"cgroup.max.descendants": MOST_GROUPS}
    if limits.get("memory"):
        orders |= {"memory.max": limits["memory"], "memory.swap.max": 0}
    if limits.get("processes"):
        orders["pids.max"] = limits["processes"]
    for name, value in orders.items():
        if name != "memory.swap.max" or os.path.exists(f"{folder}/{name}"):  # a kernel may count no swap
            write(f"{folder}/{name}", str(value))


# -- the group around it


def _outer(name: str, pid: int) -> tuple[str, str]:
    """A folder of the caller's for one wall, with the process alone in it, and who made it."""
    if os.path.isdir(BOOTED):
        return _scope(f"dockbook-{name}.scope", pid), "systemd"
    base = place("self")
    if not os.access(f"{base}/cgroup.subtree_control", os.W_OK):
        raise NoGroup("there is no systemd, and the control groups here cannot be written")
    _clear(base)
    enable(base)
    outer = f"{base}/dockbook-{name}"
    os.mkdir(outer)
    # Before there is a wall: a sweep takes an empty wall for an abandoned one.
    write(f"{outer}/cgroup.procs", str(pid))
    return outer, "root"


def _scope(unit: str, pid: int) -> str:
    """Ask systemd for a scope, wait until the process is in it; its folder."""
    place("self")  # of version 1 nothing can be delegated
    user = os.geteuid() != 0
    properties = {
        "Description": ("s", "Dockbook's engine"),
        "Delegate": ("b", "true"),
        "PIDs": ("au", "1", str(pid)),
        "CollectMode": ("s", "inactive-or-failed"),
        # When the machine goes down, all in the scope would be ended at once: dockerd is to end its
        # containers cleanly, when its owner asks. This signal ends no process; later systemd kills.
        "KillSignal": ("i", str(int(signal.SIGURG))),
        "TimeoutStopUSec": ("t", str(STOP_S * 1_000_000)),
    }
    words = [word for key, value in properties.items() for word in (key, *value)]
    service, interface = "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager"
    argv = ["busctl", "--user" if user else "--system", f"--timeout={ASK_S}", "call", service]
    argv += ["/org/freedesktop/systemd1", interface, "StartTransientUnit", "ssa(sv)a(sa(sv))"]
    status, said = _run([*argv, unit, "fail", str(len(properties)), *words, "0"])
    if status:
        raise NoGroup(_NO_MANAGER.format(said) if user else f"systemd does not answer ({said})")
    deadline = time.monotonic() + MOVE_S
    while os.path.basename(of(pid)) != unit:
        if time.monotonic() > deadline:
            raise NoGroup(f"systemd accepted the request but did not move the process within {MOVE_S} s")
        time.sleep(0.002)
    return place(pid)


def _run(argv: list[str]) -> tuple[int, str]:
    """Exit code, and the last line of what a program says of an error (subprocess loads for 5 ms)."""
    source, sink = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    streams = [(os.POSIX_SPAWN_DUP2, one, number) for number, one in enumerate((null, null, sink))]
    try:
        child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=streams)
    except FileNotFoundError:
        os.close(source)
        return 127, f"{argv[0]} is not installed"
    finally:
        os.close(sink)
        os.close(null)
    with open(source, errors="replace") as handle:
        said = handle.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, (said.strip().splitlines() or [f"{argv[0]} ended with {status}"])[-1]


def _clear(base: str) -> None:
    """A group with processes of its own passes nothing on: they move to one below.

    Only in the root of a namespace, as in a container, where no other process is affected. The tree's
    real root, which has no type, may keep its processes.
    """
    if not os.path.exists(f"{base}/cgroup.type") or not read(f"{base}/cgroup.procs"):
        return
    if of("self") != "/":
        raise NoGroup("there is no systemd, and this process shares its control group with others")
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{base}/init")
    for _ in range(10):  # some fork meanwhile
        for pid in read(f"{base}/cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                write(f"{base}/init/cgroup.procs", pid)


# -- the end


def remove(path: str, own_ids: ids.Ids) -> None:
    """Remove a wall, the groups below and the group around it; no process may be in it.

    For single-threaded processes only: see ``linux.clone``.
    """
    with contextlib.suppress(OSError):
        child = ids.enter(own_ids, path)
        if child == 0:
            remove_below(".")
            os._exit(0)
        os.waitpid(child, 0)
        os.rmdir(path)
    with contextlib.suppress(OSError):  # systemd may have been here first
        os.rmdir(os.path.dirname(path))


def remove_below(folder: str) -> None:
    """Remove every empty group below a folder."""
    for path, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            with contextlib.suppress(OSError):
                os.rmdir(f"{path}/{name}")


def left(base: str) -> Iterator[str]:
    """Empty walls in this folder: their keepers were killed."""
    for name in os.listdir(base):
        wall = f"{base}/{name}/{WALL}"
        if _UNIT.fullmatch(name) and os.path.isdir(wall) and os.stat(f"{base}/{name}").st_uid == os.geteuid():
            with contextlib.suppress(OSError):
                if "populated 0" in read(f"{base}/{name}/cgroup.events").splitlines():
                    yield wall


def sweep(base: str) -> None:
    """Remove what keepers that were killed have left. Single-threaded processes only."""
    for wall in list(left(base)):
        remove(wall, ids.own_ids())


def try_out(own_ids: str) -> None:
    """What a start does, around a process that only waits; ends with 0, or with 1 and why on stderr."""
    own: ids.Ids = json.loads(own_ids)
    source, sink = os.pipe2(os.O_CLOEXEC)
    pid = linux.clone(linux.CLONE_NEWUSER)
    if pid == 0:
        os.close(sink)
        os.read(source, 1)
        os._exit(0)
    os.close(source)
    group, why = None, ""
    try:
        group = make(f"try{os.getpid()}", pid, own, {})
    except NoGroup as error:
        why = str(error)
    os.close(sink)
    os.waitpid(pid, 0)
    if group is None:
        sys.stderr.write(why)
        sys.exit(1)
    remove(group.path, own)
    sys.stdout.write(" ".join(group.controllers))
