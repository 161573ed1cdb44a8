"""QEMU on this machine: is it there, which version, does KVM really work; its command line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

from grader import paths, variables
from grader.errors import EngineUnavailable

Accelerator = Literal["kvm", "tcg"]
SYSTEM, IMG = "qemu-system-x86_64", "qemu-img"
PACKAGES = {SYSTEM: "qemu-system-x86", IMG: "qemu-utils"}
MEMORY_MB = 768
PROCESSORS = 1
"""Emulated, two mostly wait for each other: a container starts no sooner, for twice the work."""
EMULATED = "max,la57=off,avx=off,avx2=off,fma=off,f16c=off,xsave=off"
"""What an emulated processor leaves out: a level of page tables, and registers to save at each switch."""
APPEND = (
    *("console=ttyS0", "quiet", "panic=-1", "random.trust_cpu=on", "net.ifnames=0", "tsc=reliable"),
    *("mitigations=off", "preempt=none", "nowatchdog", "audit=0", "apparmor=0", "cgroup_no_v1=all"),
    *("highres=off", "rcupdate.rcu_expedited=1", "lsm=capability", "init_on_alloc=0", "norandmaps"),
)
"""The guest is one person's and disposable: what protects users of one kernel from each other costs time.

``norandmaps`` most of all: a program at the same address as before is not translated again. Emulated, crun
then starts in a third of the time.
"""


TRIAL_SECTOR = b"\xba\xf4\x00\xb0\x10\xee\xf4\xeb\xfd".ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector: mov dx, 0xf4; mov al, 0x10; out dx, al; hlt."""
TRIAL_CODE = 0x10 << 1 | 1
TRIAL = 2
"""Increase it when the trial changes: the result of an earlier one is then discarded."""
TRIAL_S = 5
NEEDED_MEMORY = 600 << 20
AMPLE_DISK, NEEDED_DISK = 1 << 30, 200 << 20
"""Bytes that are free where a machine's disk changes are kept: what is preferred, and the least."""


def missing() -> list[str]:
    """Debian packages whose programs are not on the PATH."""
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


@cache
def version() -> str:
    """QEMU's own version, ``7.2.22``. Raises EngineUnavailable when there is no QEMU."""
    lacks = missing()
    if lacks:
        raise EngineUnavailable(
            "--backend vm needs QEMU, which is missing.", next_step=f"sudo apt-get install {' '.join(lacks)}"
        )
    said = subprocess.run([SYSTEM, "--version"], capture_output=True, text=True, check=False, timeout=20)
    found = re.search(r"version (\d+(?:\.\d+)+)", said.stdout)
    if not found:
        raise EngineUnavailable(f"{SYSTEM} does not say its version: {said.stderr.strip()}.")
    return found[1]


def command(
    *, accelerator: Accelerator, kernel: Path, initrd: Path, base: list[Path], memory: Path, share: bool
) -> list[str]:
    """QEMU's command line; ``{disk}``, ``{wire}`` and ``{monitor}`` are replaced by descriptors.

    ``base``: the layers below the disk that is written, the lowest first. ``memory``: the file of the
    machine's memory; with ``share`` the machine boots and writes it, else it waits for a snapshot's state and
    only reads it.
    """
    accel = "tcg,thread=multi,tb-size=256" if accelerator == "tcg" else "kvm"
    argv = [SYSTEM, "-name", "dockbook", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    argv += ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]
    argv += ["-M", "pc,usb=off,vmport=off,memory-backend=ram", "-accel", accel]
    argv += ["-cpu", EMULATED if accelerator == "tcg" else "host", "-m", f"{MEMORY_MB}"]
    argv += ["-smp", f"{PROCESSORS}"]
    argv += ["-object", _memory(memory, share), *([] if share else ["-incoming", "defer"])]
    argv += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", " ".join(APPEND)]
    lower = ""
    for number, path in enumerate(base):
        name = f"base{number}"
        argv += ["-blockdev", f"file,node-name={name}f,filename={path},read-only=on,cache.no-flush=on"]
        backing = f",backing={lower}" if lower else ""
        argv += ["-blockdev", f"qcow2,node-name={name},file={name}f,read-only=on{backing}"]
        lower = name
    argv += ["-add-fd", "fd={disk},set=1"]
    fast = "discard=unmap,cache.no-flush=on"
    argv += ["-blockdev", f"file,node-name=topf,filename=/dev/fdset/1,{fast}"]
    argv += ["-blockdev", f"qcow2,node-name=top,file=topf,backing={lower},{fast}"]
    argv += ["-device", "virtio-blk-pci,drive=top"]
    argv += ["-device", "virtio-serial-pci", "-chardev", "socket,id=wire,fd={wire}"]
    argv += ["-device", "virtserialport,chardev=wire,name=dockbook"]
    argv += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
    argv += ["-chardev", "socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"]
    return argv


def _memory(path: Path, share: bool) -> str:
    text = f"memory-backend-file,id=ram,size={MEMORY_MB}M,mem-path={path},share={'on' if share else 'off'}"
    if share:
        return text
    if tuple(map(int, version().split(".")[:2])) >= (8, 2):
        # Opened for writing, a file of a container image's lower layer would be copied first, whole.
        return f"{text},readonly=on,rom=off"
    if path.exists() and not os.access(path, os.W_OK):
        raise EngineUnavailable(
            f"{path} cannot be opened for writing, as QEMU {version()} does with a snapshot "
            "that it only reads.",
            next_step="set DOCKBOOK_CACHE to a folder that you can write in, or install QEMU 8.2 or newer.",
        )
    return text


def scratch_folder(cache: Path) -> Path:
    """Where a machine's changes to its disk are kept until it ends: the cache's disk, or another with enough
    room.

    Raises EngineUnavailable where there is none: such a machine would stop at its first write.
    """
    room = {
        folder: shutil.disk_usage(folder).free
        for folder in (cache, Path(tempfile.gettempdir()))
        if os.access(folder, os.W_OK)
    }
    for folder, free in room.items():
        if free > AMPLE_DISK:
            return folder
    folder = max(room, key=room.__getitem__, default=cache)
    if room.get(folder, 0) < NEEDED_DISK:
        found = " and ".join(f"{free >> 20} MB in {name}" for name, free in room.items()) or "none"
        raise EngineUnavailable(
            f"--backend vm: a virtual machine needs room for its disk, {NEEDED_DISK >> 20} MB at least; "
            f"there is {found}.",
            next_step="remove what you do not need, or set TMPDIR to a folder on a disk with enough room.",
        )
    return folder


def accelerator() -> Accelerator:
    """KVM where a trial says that it works, else TCG: emulated, which works wherever a process runs."""
    return "tcg" if kvm_trouble() else "kvm"


@cache
def kvm_trouble() -> str | None:
    """Why KVM cannot be used: None, or the reason in one sentence. The trial's result is kept until a reboot.

    In some virtual machines KVM starts and then hangs: only a guest that has run shows that it works.
    """
    if variables.ACCELERATOR in os.environ:
        chosen = os.environ[variables.ACCELERATOR] == "kvm"
        return None if chosen else f"{variables.ACCELERATOR} is set"
    device = Path("/dev/kvm")
    if not device.exists():
        return "there is no /dev/kvm"
    if not os.access(device, os.R_OK | os.W_OK):
        return "this user may not open /dev/kvm"
    if missing():
        return "QEMU is not installed"
    backend = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    kept = paths.cache_folder() / "kvm.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        value = json.loads(kept.read_text())
        if (value["backend"], value["qemu"], value["trial"]) == (backend, version(), TRIAL):
            return value["trouble"] or None
    trouble = _try_kvm()
    with contextlib.suppress(OSError):
        found = {"backend": backend, "qemu": version(), "trial": TRIAL, "trouble": trouble or ""}
        kept.write_text(json.dumps(found))
    return trouble


def _try_kvm() -> str | None:
    """Let a guest of nine bytes run: it tells QEMU's debugging device to end with a code of its own."""
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(TRIAL_SECTOR)
        disk.flush()
        argv = [SYSTEM, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel", "kvm"]
        # With the host's processor, as the machine: some KVM has others, and not this one.
        argv += ["-M", "pc", "-cpu", "host", "-m", "32"]
        argv += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        argv += ["-drive", f"file={disk.name},format=raw,if=ide"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=TRIAL_S, check=False)
        except subprocess.TimeoutExpired:
            return f"KVM starts, but a guest of nine bytes did not end within {TRIAL_S} s"
    if done.returncode == TRIAL_CODE:
        return None
    said = done.stderr.strip().splitlines()
    return f"KVM does not start: {said[-1] if said else f'exit code {done.returncode}'}"


def probe() -> str | None:
    """Whether a machine can run here: None, or the reason why not in one sentence."""
    if os.uname().machine != "x86_64":
        return f"the machine's kernel is for x86_64, and this is {os.uname().machine}"
    lacks = missing()
    if lacks:
        return f"{' and '.join(lacks)} is not installed"
    free = memory_available()
    if free is not None and free < NEEDED_MEMORY:
        return f"{free >> 20} MB of memory are available, {NEEDED_MEMORY >> 20} MB are needed"
    return None


def memory_available() -> int | None:
    """Bytes available to programs, by the kernel's count or by this container's limit."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        text = Path("/proc/meminfo").read_text()
        found += [
            int(kilobytes) << 10 for kilobytes in re.findall(r"^MemAvailable: *(\d+)", text, re.MULTILINE)
        ]
    groups = Path("/sys/fs/cgroup")
    for group, limit, usage, files in (
        (groups, "memory.max", "memory.current", "file"),
        (groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
    ):
        with contextlib.suppress(OSError, ValueError):
            most, used = (int((group / name).read_text()) for name in (limit, usage))
            cached = re.findall(rf"^{files} (\d+)", (group / "memory.stat").read_text(), re.MULTILINE)
            found.append(most - used + sum(map(int, cached)))
    return min(found) if found else None
