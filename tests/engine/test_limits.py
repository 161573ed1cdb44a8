"""Limits of a whole sandbox: what grows beyond them is ended and named, and the engine goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from grader.course import Limits
from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.grading.judge.kernel import CellRun, KernelSession

SETUP = "import docker\nclient = docker.from_env()"
LIMITS = Limits(memory_mb=512, disk_mb=256, processes=256)
MEMORY = "memory (512 MB): the largest container or kernel was ended"
PROCESSES = "processes and threads (256): the largest container or kernel was ended"
DISK = "disk (256 MB): it is full"
# A cell, and the limits of which it must meet one.
BOMBS: dict[str, tuple[str, ...]] = {
    "memory of the kernel": ("held = [bytearray(1 << 20) for _ in range(3000)]", MEMORY),
    "memory that is shared": (
        "import mmap\nheld = mmap.mmap(-1, 3 << 30)\nfor at in range(0, 3 << 30, 4096): held[at] = 1",
        MEMORY,
    ),
    "memory without a mapping": (
        "import os\nheld = os.memfd_create('x')\nfor _ in range(3000): os.write(held, bytes(1 << 20))",
        MEMORY,
    ),
    "memory in sockets": (
        (
            "import resource, socket\nresource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))\nheld = []\n"
            "for _ in range(9000):\n"
            "    pair = socket.socketpair()\n    held.append(pair)\n    pair[0].setblocking(False)\n"
            "    try:\n        while True: pair[0].send(bytes(65536))\n    except BlockingIOError: pass"
        ),
        MEMORY,
    ),
    "memory on its way": (
        (
            "import os, socket\nheld = []\nfor _ in range(300):\n    pair = socket.socketpair()\n"
            "    held.append(pair)\n    file = os.memfd_create('x')\n"
            "    for _ in range(10): os.write(file, bytes(1 << 20))\n"
            "    socket.send_fds(pair[0], [b'x'], [file])\n    os.close(file)"
        ),
        MEMORY,
    ),
    # A socket that waits in a socket.
    "memory on its way, twice": (
        (
            "import os, socket\nheld = []\nfor _ in range(300):\n    pair = socket.socketpair()\n"
            "    outer = socket.socketpair()\n    held.append(outer)\n    file = os.memfd_create('x')\n"
            "    for _ in range(10): os.write(file, bytes(1 << 20))\n"
            "    socket.send_fds(pair[0], [b'x'], [file])\n    os.close(file)\n"
            "    socket.send_fds(outer[0], [b'x'], [pair[1].fileno()])\n"
            "    for one in pair: one.close()"
        ),
        MEMORY,
    ),
    # io_uring_setup(2), io_uring_register(2) with IORING_REGISTER_FILES.
    "memory in a ring": (
        (
            "import ctypes, os\nlibrary = ctypes.CDLL(None)\nheld = []\nfor _ in range(300):\n"
            "    ring = library.syscall(425, 2, ctypes.create_string_buffer(120))\n    assert ring > 0\n"
            "    held.append(ring)\n    file = os.memfd_create('x')\n"
            "    for _ in range(10): os.write(file, bytes(1 << 20))\n"
            "    assert library.syscall(427, ring, 2, (ctypes.c_int * 1)(file), 1) == 0\n    os.close(file)"
        ),
        MEMORY,
    ),
    "memory of System V": (
        (
            "import ctypes\nlibrary = ctypes.CDLL(None)\nlibrary.shmat.restype = ctypes.c_void_p\n"
            "for _ in range(300):\n    held = library.shmget(0, 10 << 20, 0o1600)\n    assert held >= 0\n"
            "    at = library.shmat(held, None, 0)\n    ctypes.memset(at, 1, 10 << 20)\n"
            "    library.shmdt(ctypes.c_void_p(at))"
        ),
        MEMORY,
    ),
    "memory of a container": (
        "client.containers.run('busybox', ['sh', '-c', 'x=a; while true; do x=$x$x; done'])",
        MEMORY,
    ),
    "a file system in memory": (
        (
            "fill = 'dd if=/dev/zero of=/x/y bs=1M count=3000; sleep 30'\n"
            "client.containers.run('busybox', ['sh', '-c', fill], tmpfs={'/x': ''})"
        ),
        MEMORY,
    ),
    "a volume in memory": (
        (
            "client.volumes.create('held', driver_opts={'type': 'tmpfs', 'device': 'tmpfs'})\n"
            "fill = 'dd if=/dev/zero of=/x/y bs=1M count=3000; sleep 30'\n"
            "client.containers.run('busybox', ['sh', '-c', fill], volumes={'held': {'bind': '/x'}})"
        ),
        MEMORY,
    ),
    "children of the kernel": (
        "import os, time\nfor _ in range(1000):\n    if not os.fork(): time.sleep(60); os._exit(0)",
        PROCESSES,
    ),
    # What they share counts for each of them as long as they keep everybody from looking.
    "forks of the kernel": ("import os\nwhile True: os.fork()", PROCESSES, MEMORY),
    "forks in a container": (
        "client.containers.run('busybox', ['sh', '-c', 'f() { f | f & }; f; sleep 20'])",
        PROCESSES,
    ),
    "disk": ("client.containers.run('busybox', 'dd if=/dev/zero of=/y bs=1M count=3000')", DISK),
}
HOLD = "import time; time.sleep(30)"
"""After a bomb: on a busy machine it may end before the watchdog has looked. Containers wait as well."""
EVERY_TIME = ("memory of the kernel", "memory of a container", "forks of the kernel", "disk")
"""One of each kind; the others are slow."""


@pytest.fixture
def limited(engine_image: None) -> Iterator[Engine]:
    with open_engine(
        "sandbox",
        memory_bytes=LIMITS.memory_mb << 20,
        processes=LIMITS.processes,
        disk_bytes=LIMITS.disk_mb << 20,
    ) as engine:
        yield engine


def run(engine: Engine, folder: Path, *cells: str) -> list[CellRun]:
    with closing(KernelSession(engine, folder, LIMITS, SETUP)) as session:
        return [session.run(cell, 40) for cell in (SETUP, *cells)]


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] * (one not in EVERY_TIME)) for one in BOMBS]
)
def test_a_bomb_is_ended_and_named_and_the_engine_goes_on(limited: Engine, tmp_path: Path, name: str) -> None:
    bomb, *limits = BOMBS[name]
    _, ran = run(limited, tmp_path, f"{bomb}\n{HOLD}")
    assert ran.ending in ("error", "died"), ran
    reached = limited.limits_reached()
    assert set(limits) & set(reached), reached
    assert limited.alive()
    with closing(limited.client()) as client:
        client.ping()
        if DISK not in limits:
            assert client.containers.run("busybox", ["echo", "ok"], remove=True) == b"ok\n"


def test_ordinary_work_meets_no_limit(limited: Engine, tmp_path: Path) -> None:
    cell = "print(client.containers.run('busybox', ['echo', 'hi'], remove=True).decode())"
    _, ran, again = run(limited, tmp_path, cell, cell)
    assert (ran.ending, again.ending) == ("ok", "ok")
    assert limited.limits_reached() == []


def test_a_limit_is_told_once(limited: Engine, tmp_path: Path) -> None:
    run(limited, tmp_path, BOMBS["memory of the kernel"][0])
    assert limited.limits_reached() == [MEMORY]
    assert limited.limits_reached() == []
