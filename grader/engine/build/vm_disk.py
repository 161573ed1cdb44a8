"""The virtual machine's disk: the engine image as an ext4 file system, a kernel and its first files.

Needs no root and no mount: files are brought together as hard links, and ``mke2fs -d`` makes the disk.
"""

from __future__ import annotations

import io
import json
import lzma
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.engine.build import tool
from grader.engine.build.bootstrap import mmdebstrap
from grader.engine.build.one_builder import Progress
from grader.engine.image import qemu, vm_recipe
from grader.engine.image.engine_image import EngineImage
from grader.engine.image.vm_image import DISK_MANIFEST
from grader.engine.system import ids
from grader.engine.system.package import file_text
from grader.errors import ImageError

TOOLS = {"mke2fs": "e2fsprogs", "mmdebstrap": "mmdebstrap", **qemu.PACKAGES}
NEEDED_BYTES = 5 << 30

STAGE = file_text("engine/build/files/vm-stage.sh")


def run(argv: list[str]) -> str:
    """Run one of the builder's tools; what it said. Raises ImageError with its last words."""
    with told():
        return tool.run(argv)


@contextmanager
def told() -> Iterator[None]:
    """A tool's failure as an ImageError."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        raise ImageError(
            f"Building the virtual machine stopped at {tool.failure(error)}.",
            next_step="`dockbook engine build --backend vm` again.",
        ) from error


def check_tools(folder: Path) -> None:
    """Whether everything that makes a machine is there, and room for it. Raises ImageError."""
    lacks = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if lacks:
        raise ImageError(
            f"The virtual machine is made with {', '.join(lacks)}, which this machine does not have.",
            next_step=f"sudo apt-get install {' '.join(lacks)}",
        )
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise ImageError(
            f"{folder} has {free >> 20} MB free; the build needs {NEEDED_BYTES >> 20} MB.",
            next_step="free some space, or set DOCKBOOK_CACHE to a folder on another disk.",
        )


def make_disk(image: EngineImage, folder: Path, own: ids.Ids, tell: Progress) -> str:
    """``vmlinuz``, ``initrd`` and ``disk.qcow2`` in a folder; the kernel's release. Raises ImageError."""
    check_tools(folder)
    work = image.path / "vm.new"
    extra = folder / "add.tar"
    try:
        tell(0.02, "kernel")
        release = _fetch_kernel(
            image, folder, extra, lambda done, text: tell(0.02 + 0.13 * done, f"kernel: {text}")
        )
        tell(0.15, "disk")
        script = ["sh", "-c", STAGE, "stage", release, str(vm_recipe.SPARE_BYTES >> 20)]
        with told():
            tool.run_as_root(own, image.path, script, extra)
        modules = _early_modules((work / "modules.dep").read_text(), extra, release)
        (folder / "initrd").write_bytes(_initrd(image.rootfs / "usr/bin/busybox", modules))
        tell(0.35, "packing the disk")
        pack(work / "disk.raw", folder / "disk.qcow2")
    finally:
        extra.unlink(missing_ok=True)
        ids.remove(work, own)
    return release


def pack(source: Path, target: Path, kind: str = "raw") -> None:
    """Compress a disk: what is read is then less than half of its size, on the disk and in memory."""
    packing = ["-c", "-o", "compression_type=zstd"]
    run([qemu.IMG, "convert", "-f", kind, "-O", "qcow2", *packing, str(source), str(target)])


def empty_layer(disk: Path, target: Path) -> None:
    """An empty disk of the same size, to be layered over the other."""
    size = json.loads(run([qemu.IMG, "info", "--output=json", str(disk)]))["virtual-size"]
    target.unlink(missing_ok=True)
    run([qemu.IMG, "create", "-q", "-f", "qcow2", str(target), str(size)])


def write_disk_manifest(folder: Path, key: str, release: str, started: float) -> None:
    """Written last: without it the disk is not usable."""
    names = ("vmlinuz", "initrd", "disk.qcow2")
    manifest = {
        "key": key,
        "kernel": release,
        "seconds": round(time.monotonic() - started, 1),
        "sentinels": [{"path": name, "size": (folder / name).stat().st_size} for name in names],
    }
    (folder / DISK_MANIFEST).write_text(json.dumps(manifest, indent=1))


def _fetch_kernel(image: EngineImage, folder: Path, extra: Path, tell: Progress) -> str:
    """``vmlinuz``, and an archive of what is added to the disk: modules and process 1. Its release."""
    archive = folder / "kernel.tar"
    options = ["--variant=extract", "--format=tar", f"--include={vm_recipe.KERNEL_PACKAGE}"]
    options += ["--dpkgopt=path-exclude=/usr/share/*", image.suite, str(archive)]
    with told():
        mmdebstrap(options, folder.with_suffix(".log"), tell)
    release = ""
    with tarfile.open(archive) as source, tarfile.open(extra, "w") as target:
        for member in source:
            name = member.name.removeprefix("./")
            handle = source.extractfile(member) if member.isfile() else None
            if name.startswith("boot/vmlinuz-") and handle:
                release = name.removeprefix("boot/vmlinuz-")
                (folder / "vmlinuz").write_bytes(handle.read())
            elif name.startswith("usr/lib/modules/"):
                member.name = name
                member.uid = member.gid = 0
                target.addfile(member, handle)
        for name, (data, mode) in vm_recipe.guest_files().items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), mode, int(time.time())
            target.addfile(info, io.BytesIO(data))
    archive.unlink()
    folder.with_suffix(".log").unlink(missing_ok=True)
    if not release:
        raise ImageError(f"{vm_recipe.KERNEL_PACKAGE} of {image.suite} brought no kernel.")
    return release


def _early_modules(dependencies: str, archive: Path, release: str) -> dict[str, bytes]:
    """The modules that the disk needs, unpacked, in the order in which they are loaded."""
    paths = {}
    for line in dependencies.splitlines():
        path, _, needs = line.partition(":")
        paths[Path(path).name.split(".")[0].replace("-", "_")] = [*reversed(needs.split()), path]
    ordered = dict.fromkeys(path for name in vm_recipe.EARLY_MODULES for path in paths[name])
    found = {}
    with tarfile.open(archive) as source:
        for path in ordered:
            handle = source.extractfile(f"usr/lib/modules/{release}/{path}")
            data = handle.read() if handle else b""
            found[f"{Path(path).name.split('.')[0]}.ko"] = (
                lzma.decompress(data) if path.endswith(".xz") else data
            )
    return found


def _initrd(busybox: Path, modules: dict[str, bytes]) -> bytes:
    """A cpio archive: busybox, the modules, a script."""
    archive = Cpio()
    for folder in ("bin", "dev", "proc", "root"):
        archive.add(folder, b"", 0o040755)
    archive.add("bin/busybox", busybox.read_bytes(), 0o100755)
    archive.add("bin/sh", b"busybox", 0o120777)
    archive.add("init", vm_recipe.INIT.encode(), 0o100755)
    archive.add("modules", "".join(f"{name}\n" for name in modules).encode(), 0o100644)
    for name, data in modules.items():
        archive.add(name, data, 0o100644)
    return archive.done()


class Cpio:
    """An archive in the kernel's form ("newc": initramfs buffer format)."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._number = 0

    def add(self, name: str, data: bytes, mode: int) -> None:
        """One entry; for a symbolic link ``data`` is its target."""
        self._number += 1
        fields = (self._number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        self._out += b"070701" + b"".join(b"%08X" % field for field in fields)
        self._out += name.encode() + b"\0"
        self._pad()
        self._out += data
        self._pad()

    def _pad(self) -> None:
        self._out += bytes(-len(self._out) % 4)

    def done(self) -> bytes:
        """The archive, with its trailer."""
        self.add("TRAILER!!!", b"", 0)
        return bytes(self._out)
