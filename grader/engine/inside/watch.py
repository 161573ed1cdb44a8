"""The watchdog of a sandbox: memory, processes and disk of everything in it, with or without control groups.

A person may have no control group to set limits in, and rlimits count one process or one id, not the whole.
Process 1 of the sandbox sees every process, so it counts: a container or a kernel is a pid namespace, and the
largest one is ended when the sum is above the limit. Where there is a group, Linux counts memory exactly and
holds the limits by itself; the watchdog then says which was met, and ends all of a container or a kernel
where Linux ends one process. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import NoReturn

from grader.engine.inside import cgroup_tree, descriptors, in_flight, kernel_quotas, mappings, sockets
from grader.engine.system import cgroups, linux, procfs

PAGE = os.sysconf("SC_PAGE_SIZE")
FILE = 1 << 10
"""Bytes that Linux keeps of a file in memory, an empty one, too, and of its name."""
MOST_OPEN = 50_000
"""Descriptors of all containers and kernels: each is looked at, and an honest process has some twenty."""
RINGS = "a packet ring, whose memory cannot be counted: the container or kernel was ended"
EVERY_S = 0.1
"""Seconds between two looks: how far beyond the limit something may get."""
MANY = 0.9
"""A sandbox with this share of its processes is at its limit: the next fork may be dockerd's."""
FULL = 0.99
"""A disk that is fuller than this has reached its limit."""
ENDED = "the largest container or kernel was ended"
REFUSED = "Linux ended a process that wanted more"
PATIENCE_S = 2
"""If exact counting takes longer, all that a process maps is counted."""
GRACE = 10
"""Looks that whatever was ended has to vanish, as long as nothing grows."""
SHARED_EVERY = 3
"""After this many looks, what engines share is counted."""
SLOW_EVERY = 20
"""After this many looks, the files on a real disk are counted."""
RESTS = 20
"""Counting many files takes time: for this many times as long, nothing is counted afterwards."""
VOLATILE = ("tmpfs", "ramfs")
ENGINE_STATE = "/var/lib/docker"
SHARED, SHARED_MOST = "/run/dockbook/kernel", 16 << 20
"""On this machine's disk whatever the state is on: open to a kernel until its sockets are there."""
WRITABLE = (ENGINE_STATE, "/home/student", "/var/tmp")
"""Where a student's doings take room that no memory file system bounds."""


@dataclass
class Group:
    """The processes of one pid namespace: a container, a step of a build, a kernel."""

    pids: list[int] = field(default_factory=list)
    tasks: int = 0
    resident: int = 0
    waiting: list[in_flight.Waiting] = field(default_factory=list)
    """What holds memory that is not in sight: how much, only a longer look can tell."""


class Count(threading.Thread):
    """Counts memory exactly, for as long as that takes, while the watchdog keeps looking.

    A process that forks all the time holds the lock of its memory, and a reader of its /proc files waits for
    it: 250 such processes keep a reader for ten seconds. One thread, there from the start: under the limit of
    processes it might be impossible to start one later.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ask: SimpleQueue[dict[str, Group]] = SimpleQueue()
        self._answers: SimpleQueue[dict[str, int]] = SimpleQueue()
        self._asked: float | None = None

    def run(self) -> None:
        while True:
            groups = self._ask.get()
            self._answers.put({name: _exactly(group) for name, group in groups.items()})

    def of(self, groups: dict[str, Group]) -> dict[str, int] | None:
        """Bytes of each group's processes, exact or, for want of patience, at most; None: not known yet."""
        if self._asked is None:
            self._asked = time.monotonic()
            self._ask.put(groups)
        try:
            answer, answered = self._answers.get(timeout=EVERY_S), True
        except Empty:
            answer, answered = {}, False
        late = time.monotonic() >= self._asked + PATIENCE_S
        if answered:
            self._asked = None
        if answered == late:
            # Not known yet, or the result is for an old state.
            return None
        return {name: answer.get(name, _at_most(group)) for name, group in groups.items()}


def run(tell: int, *, rest: int = 0, groups: bool = False, **limits: int) -> NoReturn:
    """Body of the watchdog's process: looks, and writes each limit reached to a descriptor, a line each.

    ``rest``: at least this many times as long as a look took, until the next: an emulated processor is slow.
    """
    code = 1
    try:
        linux.die_with_parent()
        linux.set_name("dockbook-watch")
        signal.set_wakeup_fd(-1)
        watch = Watch(lambda what: os.write(tell, f"{what}\n".encode()), groups=groups, **limits)
        watch.start()
        while True:
            started = time.monotonic()
            watch.look()
            time.sleep(max(watch.pause_s, rest * (time.monotonic() - started)))
    except BaseException as error:  # noqa: BLE001 - without its watchdog the sandbox ends: say why
        os.write(2, f"watchdog: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


class Watch:
    """``look()`` every now and then. ``tell`` gets each limit that is passed, in words, once in a while.

    ``memory``: bytes of all processes and of what they keep in memory file systems. ``processes``: threads
    count, as they do for RLIMIT_NPROC. ``disk``: bytes of the engine's state and the student's home. 0 is no
    limit. ``groups``: the sandbox has a control group (``cgroup_tree``).
    """

    def __init__(
        self,
        tell: Callable[[str], object],
        *,
        memory: int = 0,
        processes: int = 0,
        disk: int = 0,
        groups: bool = False,
    ) -> None:
        self.memory, self.processes, self.disk = memory, processes, disk
        self._hear = tell
        self._told: dict[str, int] = {}
        self._own = os.readlink("/proc/self/ns/pid")
        self._looks = 0
        # Memory can be gone in a moment. Files alone take a while: no reason to wake a laptop so often.
        self._slow_every = SLOW_EVERY if memory or processes else 1
        self.pause_s = EVERY_S * SLOW_EVERY / self._slow_every
        self._next_walk = 0.0
        self._ended = -GRACE, 0
        kinds = {one.point: one.kind for one in _mounts(os.getpid())}
        self._disk_is_memory = kinds.get(ENGINE_STATE) in VOLATILE
        self._groups_count = groups and bool(memory)
        self._refused = cgroup_tree.refused_memory(cgroup_tree.STUDENT) if self._groups_count else 0
        self._rings = sockets.Rings()
        self._count = Count() if memory and not groups else None
        self._least_shared = mappings.shared_in_memory()

    def start(self) -> None:
        """Once, before the first look."""
        if self._count:
            self._count.start()

    def look(self) -> None:
        """Count once; end the largest group for each limit that is passed."""
        self._looks += 1
        groups = self._groups()
        tasks = {name: group.tasks for name, group in groups.items()}
        if self.processes and sum(tasks.values()) > MANY * self.processes:
            self._end(groups, tasks, f"processes and threads ({self.processes}): {ENDED}")
        if self._groups_count:
            self._look_at_group(groups)
        if self._count:
            self._look_at_memory(groups, self._count)
        if self.processes and self._looks % SHARED_EVERY == 0:
            self._look_at_shared(groups)
        if self.disk and self._disk_full():
            self._tell(f"disk ({self.disk >> 20} MB): it is full")
            # A separate file system stops the writer; on the host's, the watchdog has to.
            if not self._disk_is_memory:
                self._end_all(groups)
        if self._looks % self._slow_every == 0 and _on_disk(SHARED) > SHARED_MOST:
            self._tell("disk: files where a kernel has its sockets")
            self._end_all(groups)

    def _groups(self) -> dict[str, Group]:
        """Every process of the sandbox but this one, by its pid namespace; the engine's own is among them."""
        found: dict[str, Group] = {self._own: Group()}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as handle:
                    # After the command, which may hold anything: state is field 3 of proc_pid_stat(5).
                    fields = handle.read().rpartition(b")")[2].split()
                group = found.setdefault(os.readlink(f"/proc/{name}/ns/pid"), Group())
                group.pids.append(int(name))
                group.tasks += int(fields[17])
                group.resident += int(fields[21]) * PAGE
        return found

    def _look_at_memory(self, groups: dict[str, Group], count: Count) -> None:
        # What the engine itself mounts is there in every kernel's namespace too; a volume is its containers'.
        devices: set[int] = set()
        _in_memory_files(os.getpid(), devices, lambda point: not point.startswith(f"{ENGINE_STATE}/"))
        held = {
            name: _in_memory_files(group.pids[0], devices, lambda point: not point.startswith(ENGINE_STATE))
            for name, group in groups.items()
            if name != self._own
        }
        held[self._own] = _in_memory_files(os.getpid(), devices, lambda _: True)
        opened = dict.fromkeys(groups, 0)
        for name, group in groups.items():
            trusted = name == self._own
            left = MOST_OPEN if trusted else MOST_OPEN - sum(opened.values())
            found = descriptors.look(group.pids, left, trusted=trusted)
            held[name] += found.size
            # The engine's own processes are trusted, and pass descriptors on all the time.
            if not trusted:
                group.waiting, opened[name] = found.waiting, found.opened
                held[name] += _unattached(group.pids) + sockets.unaccepted(group.pids)
        if sum(opened.values()) > MOST_OPEN:
            self._end(groups, opened, f"open files ({MOST_OPEN:,}): {ENDED}")
            return
        # Resident pages are quick to read but count what is shared several times, so this is no proof yet.
        waiting = any(group.waiting for group in groups.values())
        in_sight = sum(one.resident for one in groups.values()) + sum(held.values())
        if not waiting and in_sight + self._shared_since() <= self.memory:
            return
        counted = count.of(groups)
        if counted is not None:
            self._hold(groups, {name: size + held[name] for name, size in counted.items()})

    def _shared_since(self) -> int:
        """By how much the shared memory of the whole machine has grown: some of it may be mapped in here.

        Looked at now and then, since others' may have grown, and then everything is counted exactly.
        """
        if self._looks % SHARED_EVERY:
            return 0
        now = mappings.shared_in_memory()
        self._least_shared = min(self._least_shared, now)
        return now - self._least_shared

    def _look_at_group(self, groups: dict[str, Group]) -> None:
        """What Linux has counted, less the files on the engine's disk where that is memory."""
        refused = cgroup_tree.refused_memory(cgroup_tree.STUDENT)
        if refused > self._refused:
            self._refused = refused
            self._tell(f"memory ({self.memory >> 20} MB): {REFUSED}")
        used = cgroup_tree.memory(cgroup_tree.ROOT)
        if self._disk_is_memory:
            disk = os.statvfs(ENGINE_STATE)
            used -= (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        if used > self.memory:
            self._hold(groups, {name: _of_group(group.pids) for name, group in groups.items()}, used)

    def _hold(self, groups: dict[str, Group], used: dict[str, int], total: int | None = None) -> None:
        """End the largest group where all together are above the limit. ``total``: what they come to."""
        total = sum(used.values()) if total is None else total
        if total > self.memory:
            looks, before = self._ended
            # A volume stays in use until dockerd notices the end of its container: no reason to end another.
            if self._looks < looks + GRACE and total <= before:
                return
            self._ended = self._looks, total
            self._end(groups, used, f"memory ({self.memory >> 20} MB): {ENDED}")

    def _look_at_shared(self, groups: dict[str, Group]) -> None:
        """What Linux has of a number for the machine, or for the user that all engines run as."""
        others = {name: group.pids for name, group in groups.items() if name != self._own}
        rings = self._rings.of({name: group.pids for name, group in groups.items()})
        if any(rings[name] for name in others):
            self._end(groups, rings, RINGS)
        most = kernel_quotas.most_watches()
        watched = {name: kernel_quotas.watches(pids) for name, pids in others.items()}
        if sum(watched.values()) > most:
            self._end(groups, watched, f"watches of epoll ({most}): {ENDED}")
        if kernel_quotas.aio_scarce():
            most = kernel_quotas.aio_share()
            asked = {name: kernel_quotas.aio(pids) for name, pids in others.items()}
            if sum(asked.values()) > most:
                self._end(groups, asked, f"events of asynchronous input and output ({most}): {ENDED}")

    def _disk_full(self) -> bool:
        if self._disk_is_memory:
            found = os.statvfs(ENGINE_STATE)
            return found.f_bavail < (1 - FULL) * found.f_blocks
        if self._looks % self._slow_every or time.monotonic() < self._next_walk:
            return False
        started = time.monotonic()
        used = sum(map(_on_disk, WRITABLE))
        self._next_walk = time.monotonic() + RESTS * (time.monotonic() - started)
        return used > self.disk

    def _end_all(self, groups: dict[str, Group]) -> None:
        for name, group in groups.items():
            if name != self._own:
                _kill(group.pids)

    def _end(self, groups: dict[str, Group], sizes: dict[str, int], what: str) -> None:
        """Kill the largest container or kernel; without any it is the engine that is too large."""
        self._tell(what)
        others = [name for name in groups if name != self._own]
        _kill(groups[max(others or [self._own], key=sizes.__getitem__)].pids)

    def _tell(self, what: str) -> None:
        """Before anything is killed, so that the reason is there when the death is noticed."""
        if self._looks >= self._told.get(what, 0):
            self._hear(what)
        # A full disk stays full: it is the same story until it was not for a while.
        self._told[what] = self._looks + SLOW_EVERY


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _mounts(pid: int) -> Iterator[procfs.Mount]:
    """What is mounted in the mount namespace of a process; nothing if it is gone."""
    with contextlib.suppress(OSError):
        yield from procfs.mountinfo(pid)


def _in_memory_files(pid: int, devices: set[int], wanted: Callable[[str], bool]) -> int:
    """Bytes in the memory file systems at the wanted mount points of a process's mount namespace.

    ``devices``: those that are counted already; gets the new ones.
    """
    total = 0
    for device, _, point, kind in _mounts(pid):
        if kind not in VOLATILE or device in devices or not wanted(point):
            continue
        with contextlib.suppress(OSError):
            path = os.open(f"/proc/{pid}/root{point}", os.O_PATH | os.O_CLOEXEC)
            try:
                # When a container ends, its mounts are gone; then the path leads to the disk below.
                if os.fstat(path).st_dev == device:
                    devices.add(device)
                    found = os.fstatvfs(path)
                    total += (found.f_blocks - found.f_bfree) * found.f_frsize
                    total += (found.f_files - found.f_ffree) * FILE
            finally:
                os.close(path)
    return total


def _exactly(group: Group) -> int:
    """However long that takes: what belongs to a group's processes, and what waits in their sockets."""
    own, shared = mappings.proportional(group.pids)
    # What is in sight may be part of what mappings could hold: the larger one counts, at least half of both.
    return own + max(shared, mappings.held(group.pids)) + in_flight.size(group.waiting)


def _at_most(group: Group) -> int:
    """When exact counting takes too long: all that a group maps, and whatever cannot be seen."""
    return group.resident + (in_flight.TOO_MUCH if group.waiting else 0)


def _of_group(pids: list[int]) -> int:
    """Bytes of the control groups that these processes are in, as long as they live."""
    folders = {cgroups.of(pid) for pid in pids}
    total = 0
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            total += cgroup_tree.memory(f"{cgroup_tree.ROOT}{folder}")
    return total


def _unattached(pids: list[int]) -> int:
    """Bytes of System V objects of these processes' namespace: ``in_flight``."""
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            return in_flight.system_v_bytes(pid)
    return 0


def _on_disk(folder: str) -> int:
    """Bytes of the files below a folder; what is mounted in there is not counted."""
    mounted = {one.point for one in _mounts(os.getpid())} - {folder}
    total, rest = 0, [folder]
    while rest:
        with contextlib.suppress(OSError):
            for entry in os.scandir(rest.pop()):
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    total += found.st_blocks * 512
                    if stat.S_ISDIR(found.st_mode) and entry.path not in mounted:
                        rest.append(entry.path)
    return total
