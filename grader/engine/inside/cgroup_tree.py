"""The control groups inside a sandbox: what its process 1 makes inside the wall that ``cgroups`` has set up.

``engine`` holds process 1 and the daemons, ``student`` all that a student starts: containers, steps of
builds, kernels. What a student may use is written at ``student``, so that a container that takes all memory
is killed and not dockerd; the wall around both holds whatever happens on this side. If the sandbox has no
control group, the tree shows no figures at all. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping

from grader.engine.inside import kernel_quotas
from grader.engine.system import cgroups, linux
from grader.engine.system.package import file_text

ROOT = "/sys/fs/cgroup"
ENGINE, STUDENT = f"{ROOT}/engine", kernel_quotas.STUDENT
RUNTIME = "/run/dockbook/runtime"
DAEMON: dict[str, object] = {
    "cgroup-parent": "/student",
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "runtimes": {"crun": {"path": RUNTIME}},
}
"""What dockerd is told about them. It starts as for root: rootless, it has no driver but systemd's."""
OOM_SCORE = 500
"""Where the machine itself runs out of memory, a sandbox goes before anything of the person's."""
WRAPPER = file_text("engine/inside/files/group-runtime.sh")
AVAILABLE = f"{ROOT}/cgroup.controllers"
RUNC = "/usr/local/sbin/runc"
PLAIN_RUNC = file_text("engine/inside/files/group-runc.sh", AVAILABLE=AVAILABLE)
SETTINGS = {"io": "blockIO", "cpu": "cpu", "memory": "memory", "pids": "pids"}
"""What a controller's settings are called in a container's config.json, runtime-spec/config-linux.md."""
LIMITING = ("memory", "pids", "cpu")


def arrange(limits: Mapping[str, int]) -> None:
    """Make both groups and move there; ``limits``: the student's, as in ``cgroups.limit``. Raises OSError."""
    for folder in (ENGINE, STUDENT):
        os.mkdir(folder)
    cgroups.write(f"{ENGINE}/cgroup.procs", "0")
    cgroups.enable(ROOT)
    passed = cgroups.enable(STUDENT)
    cgroups.limit(STUDENT, limits)
    cgroups.write(RUNTIME, wrapper(passed))
    os.chmod(RUNTIME, 0o755)


def wrapper(passed: Collection[str]) -> str:
    """The OCI runtime where containers have groups with these controllers: a script before the usual one."""
    absent = "|".join(name for controller, name in SETTINGS.items() if controller not in passed)
    # Empty, but for the limit of processes: dockerd has looked at what there is.
    remove = f';s/"({absent})":\\{{[^{{}}]*\\}},//g;s/,"({absent})":\\{{[^{{}}]*\\}}//g' if absent else ""
    text = WRAPPER.replace("@SCORE@", str(OOM_SCORE)).replace("@REMOVE@", remove)
    return text.replace("@RUNTIME@", kernel_quotas.RUNTIME)


def controllers() -> list[str]:
    """What containers of this engine can be limited in: of memory, pids and cpu."""
    with contextlib.suppress(OSError):
        passed = cgroups.read(f"{ROOT}/cgroup.subtree_control").split()
        return [name for name in LIMITING if name in passed]
    return []


def hide(root: str, *options: str) -> None:
    """Hide the figures of a tree that is not the sandbox's: they would be taken for a container's.

    ``root``: where the tree's system has its root now. Engines read the top of their tree where a container
    has no group of its own. What says which controllers there are becomes empty, too: dockerd then warns of
    each limit that it cannot set. ``options``: for runc.
    """
    folder = f"{root}{ROOT}"
    for name in os.listdir(folder):
        if os.path.isfile(f"{folder}/{name}") and not name.startswith("cgroup."):
            linux.bind(os.devnull, f"{folder}/{name}")
    if set(cgroups.read(f"{root}{AVAILABLE}").split()) & set(cgroups.CONTROLLERS):
        linux.bind(os.devnull, f"{root}{AVAILABLE}")
        cgroups.write(f"{root}{RUNC}", PLAIN_RUNC.replace("@OPTIONS@", " ".join(options)))
        os.chmod(f"{root}{RUNC}", 0o755)


def kernel_group() -> str:
    """The group of a kernel that this process is about to become."""
    return f"{STUDENT}/kernel-{os.getpid()}"


def join_kernel_group() -> None:
    """Move this process to a new group of its own. Raises OSError."""
    folder = kernel_group()
    os.mkdir(folder)
    cgroups.write(f"{folder}/cgroup.procs", "0")


def leave(kernel: int) -> None:
    """Remove the group of a kernel that has ended."""
    with contextlib.suppress(OSError):
        os.rmdir(f"{STUDENT}/kernel-{kernel}")


def remove_empty() -> None:
    """Remove the groups of containers that were killed; those of kernels that run stay."""
    cgroups.remove_below(STUDENT)


# -- figures


def memory(folder: str) -> int:
    """Bytes that a group uses and that only killing a process would free. Raises OSError."""
    table = _table(f"{folder}/memory.stat")
    back = table.get("file", 0) - table.get("shmem", 0) + table.get("slab_reclaimable", 0)
    return int(cgroups.read(f"{folder}/memory.current")) - max(0, back)


def refused_memory(folder: str) -> int:
    """How often a group reached its own limit and a process was killed for it. Raises OSError."""
    return _table(f"{folder}/memory.events.local").get("oom", 0)


def _table(path: str) -> dict[str, int]:
    """A file of names and numbers, a line each."""
    return {name: int(value) for name, value in (line.split() for line in cgroups.read(path).splitlines())}
