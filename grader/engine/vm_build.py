"""Builds the virtual machine: the engine image as a disk, a kernel, and a snapshot that is warm.

Needs no root and no mount: files are brought together as hard links, ``mke2fs -d`` makes the disk. It goes
beside the final folder and is renamed last, as the engine image does.
"""

from __future__ import annotations

import io
import json
import lzma
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from filelock import FileLock

from grader.engine import ids, qemu, vm_recipe
from grader.engine.build import Progress, mmdebstrap, remove
from grader.engine.image import EngineImage
from grader.engine.vm import VM
from grader.engine.vm_image import DISK_MANIFEST, WARM_MANIFEST, VMImage, find, find_disk, location
from grader.errors import EngineDied, ImageError

TOOLS = {"mke2fs": "e2fsprogs", "mmdebstrap": "mmdebstrap", **qemu.PACKAGES}
NEEDED_BYTES = 5 << 30

STAGE = """
set -eu
umask 022
rm -rf vm.new
mkdir vm.new
cp -al rootfs vm.new/root
mkdir -p vm.new/root/srv/dockbook vm.new/root/dev vm.new/root/proc vm.new/root/sys
[ ! -d preload ] || cp -al preload vm.new/root/srv/dockbook/preload
[ ! -d hub ] || cp -r --preserve=links hub vm.new/root/srv/dockbook/hub
[ ! -d hub ] || chmod -R a+rX vm.new/root/srv/dockbook/hub
tar -C vm.new/root -x
chroot vm.new/root depmod "$1"
cp "vm.new/root/lib/modules/$1/modules.dep" vm.new/
used=$(du -sm --apparent-size vm.new/root | cut -f1)
files=$(find vm.new/root | wc -l)
size=$((used + used / 8 + $2))
mke2fs -q -t ext4 -O ^has_journal,^resize_inode -E lazy_itable_init=1,discard -m 0 -b 4096 \\
  -N $((files + 100000)) -L dockbook -d vm.new/root vm.new/disk.raw "${size}M"
rm -rf vm.new/root
chmod 644 vm.new/disk.raw
"""


def ensure_vm(
    image: EngineImage,
    accelerator: qemu.Accelerator,
    progress: Progress | None = None,
    *,
    rebuild: bool = False,
) -> VMImage:
    """The machine's disk and snapshot, built when missing, stale or damaged. Raises ImageError."""
    tell = progress or (lambda _fraction, _text: None)
    vm = location(image, accelerator)
    if not rebuild:
        try:
            return find(image, accelerator)
        except ImageError:
            pass
    vm.path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(vm.path.with_suffix(".lock"))
    with lock:
        if not rebuild:
            try:
                return find(image, accelerator)
            except ImageError:
                pass
        builder = _Builder(image, vm, tell)
        if rebuild or not _has_disk(image, accelerator):
            builder.disk()
        builder.warm()
    return find(image, accelerator)


def _has_disk(image: EngineImage, accelerator: qemu.Accelerator) -> bool:
    try:
        find_disk(image, accelerator)
    except ImageError:
        return False
    return True


class _Builder:
    def __init__(self, image: EngineImage, vm: VMImage, tell: Progress) -> None:
        self.image = image
        self.vm = vm
        self.tell = tell
        self.ids = ids.own_ids()
        self.log = vm.path.with_suffix(".log")

    def disk(self) -> None:
        """Kernel, initial file system, disk."""
        self._check()
        started = time.monotonic()
        folder = self.vm.path.with_suffix(".new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            self.tell(0.02, "virtual machine: kernel")
            release = self._kernel(folder)
            self.tell(0.15, "virtual machine: disk")
            argv = ids.command(
                self.ids,
                str(self.image.path),
                ["sh", "-c", STAGE, "stage", release, str(vm_recipe.SPARE_BYTES >> 20)],
            )
            with (folder / "add.tar").open("rb") as handle:
                self._run(argv, stdin=handle)
            work = self.image.path / "vm.new"
            early = self._early_modules((work / "modules.dep").read_text(), folder / "add.tar", release)
            (folder / "initrd").write_bytes(self._initrd(early))
            self.tell(0.35, "virtual machine: packing the disk")
            packing = ["-c", "-o", "compression_type=zstd"]
            self._run(
                [
                    qemu.IMG,
                    "convert",
                    "-O",
                    "qcow2",
                    *packing,
                    str(work / "disk.raw"),
                    str(folder / "disk.qcow2"),
                ]
            )
            (folder / "add.tar").unlink()
            names = ("vmlinuz", "initrd", "disk.qcow2")
            manifest = {
                "key": self.vm.key,
                "kernel": release,
                "seconds": round(time.monotonic() - started, 1),
                "sentinels": [{"path": name, "size": (folder / name).stat().st_size} for name in names],
            }
            (folder / DISK_MANIFEST).write_text(json.dumps(manifest, indent=1))
            shutil.rmtree(self.vm.path, ignore_errors=True)
            folder.rename(self.vm.path)
        finally:
            remove(self.image.path / "vm.new", self.ids)
            shutil.rmtree(folder, ignore_errors=True)

    def _check(self) -> None:
        lacks = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
        if lacks:
            raise ImageError(
                f"The virtual machine is made with {', '.join(lacks)}, which this machine lacks.",
                next_step=f"sudo apt-get install {' '.join(lacks)}",
            )
        free = shutil.disk_usage(self.vm.path.parent).free
        if free < NEEDED_BYTES:
            raise ImageError(
                f"{self.vm.path.parent} has {free >> 20} MB free; the build needs {NEEDED_BYTES >> 20} MB.",
                next_step="free some space, or set DOCKBOOK_CACHE to a folder on another disk.",
            )

    def _run(self, argv: list[str], **options: object) -> None:
        try:
            subprocess.run(argv, check=True, capture_output=True, **options)  # type: ignore[call-overload]
        except subprocess.CalledProcessError as error:
            words = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            raise ImageError(
                f"Building the virtual machine stopped at `{Path(argv[0]).name}`: "
                f"{words[-1] if words else f'exit code {error.returncode}'}.",
                next_step="`dockbook engine build --boot vm` again.",
            ) from error

    def _kernel(self, folder: Path) -> str:
        """Fetch the kernel package; ``vmlinuz`` and ``add.tar``, what is added to the disk. Its release."""
        archive = folder / "kernel.tar"
        mmdebstrap(
            [
                "--variant=extract",
                "--format=tar",
                f"--include={vm_recipe.KERNEL_PACKAGE}",
                "--dpkgopt=path-exclude=/usr/share/*",
                self.image.suite,
                str(archive),
            ],
            self.log,
            lambda text: self.tell(0.05, f"virtual machine: kernel: {text}"),
        )
        release = ""
        with tarfile.open(archive) as source, tarfile.open(folder / "add.tar", "w") as target:
            for member in source:
                name = member.name.removeprefix("./")
                if name.startswith("boot/vmlinuz-"):
                    release = name.removeprefix("boot/vmlinuz-")
                    (folder / "vmlinuz").write_bytes(source.extractfile(member).read())  # type: ignore[union-attr]
                elif name.startswith("usr/lib/modules/"):
                    member.name = name
                    member.uid = member.gid = 0
                    target.addfile(member, source.extractfile(member) if member.isfile() else None)
            for name, (data, mode) in vm_recipe.guest_files().items():
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(data), mode, int(time.time())
                target.addfile(info, io.BytesIO(data))
        archive.unlink()
        if not release:
            raise ImageError(f"{vm_recipe.KERNEL_PACKAGE} of {self.image.suite} brought no kernel.")
        return release

    def _early_modules(self, dependencies: str, archive: Path, release: str) -> dict[str, bytes]:
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
                assert handle is not None
                data = handle.read()
                found[Path(path).name.split(".")[0] + ".ko"] = (
                    lzma.decompress(data) if path.endswith(".xz") else data
                )
        return found

    def _initrd(self, modules: dict[str, bytes]) -> bytes:
        """A cpio archive: busybox, the modules, a script."""
        archive = Cpio()
        for folder in ("bin", "dev", "proc", "root"):
            archive.add(folder, b"", 0o040755)
        archive.add("bin/busybox", (self.image.rootfs / "usr/bin/busybox").read_bytes(), 0o100755)
        archive.add("bin/sh", b"busybox", 0o120777)
        archive.add("init", vm_recipe.INIT.encode(), 0o100755)
        archive.add("modules", "".join(f"{name}\n" for name in modules).encode(), 0o100644)
        for name, data in modules.items():
            archive.add(name, data, 0o100644)
        return archive.done()

    def warm(self) -> None:
        """Boot it cold, let it do once what will be asked of it, and keep its state."""
        started = time.monotonic()
        vm = self.vm
        shutil.rmtree(vm.warm, ignore_errors=True)
        folder = vm.warm.with_suffix(".new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            self.tell(0.5, "virtual machine: first boot (a minute or two)")
            self._empty_disk(folder / "empty.qcow2")
            with self._first_boot(folder) as engine:
                self.tell(0.8, "virtual machine: warming up")
                warm_up(engine)
                self.tell(0.9, "virtual machine: snapshot")
                engine.snapshot(folder / "state")
            self._punch(folder / "memory")
            names = ("disk.qcow2", "empty.qcow2", "memory", "state")
            manifest = {
                "key": vm.warm.name,
                "disk": vm.key,
                "qemu": qemu.version(),
                "seconds": round(time.monotonic() - started, 1),
                "sentinels": [{"path": name, "size": (folder / name).stat().st_size} for name in names],
            }
            (folder / WARM_MANIFEST).write_text(json.dumps(manifest, indent=1))
            folder.rename(vm.warm)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.tell(1, "the virtual machine is ready")

    def _first_boot(self, folder: Path) -> VM:
        """Emulated, a machine's first instructions fail now and then: its processor resets, QEMU ends."""
        for left in (2, 1, 0):
            self._empty_disk(folder / "disk.qcow2")
            with (folder / "memory").open("wb") as handle:
                handle.truncate(qemu.MEMORY_MB << 20)
            try:
                return VM(self.vm, plugin=False, cold=folder)
            except EngineDied:
                if not left:
                    raise
        raise AssertionError

    def _empty_disk(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._run([qemu.IMG, "create", "-f", "qcow2", str(path), self._disk_bytes()])

    def _disk_bytes(self) -> str:
        said = subprocess.run(
            [qemu.IMG, "info", "--output=json", str(self.vm.disk)], check=True, capture_output=True, text=True
        )
        return str(json.loads(said.stdout)["virtual-size"])

    def _punch(self, memory: Path) -> None:
        """Pages of zeros take no room on the disk."""
        subprocess.run(["fallocate", "--dig-holes", str(memory)], check=False, capture_output=True)


def warm_up(engine: VM) -> None:
    """What the first student would otherwise wait for: a container's whole life."""
    client = engine.client(timeout=300)
    for _ in range(2):
        client.containers.run("busybox", "true", remove=True)


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
