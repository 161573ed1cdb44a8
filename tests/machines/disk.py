"""Makes the machines' disks: Debian's packages in; a kernel, its first files and an ext4 file system out.

Without rights where namespaces can be had: ``mmdebstrap`` unpacks, ``mke2fs -d`` makes the file system.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from grader import paths
from grader.engine.build.bootstrap import mmdebstrap
from grader.engine.build.one_builder import Progress, one_builder
from grader.engine.system import ids
from grader.engine.system.ids import remove
from grader.errors import ImageError
from tests.machines.recipe import CUSTOMIZE, DISK_GB, FILES, Recipe

BINFMT = Path("/proc/sys/fs/binfmt_misc")
UNUSED_S = 7 * 24 * 3600

STAGE = """
set -eu
umask 022
mkdir root
tar -C root --numeric-owner --xattrs --xattrs-include='*' -x
mkdir -p root/dev root/proc root/sys root/run
cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd
truncate --size "$1G" disk.raw
mke2fs -q -t ext4 -L machine -E lazy_itable_init=1,discard -d root disk.raw
chmod 644 vmlinuz initrd disk.raw
rm -rf root
"""


@dataclass(frozen=True)
class Disk:
    """A machine's disk in the cache, with the kernel that starts from it. Nothing writes to it any more."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """Linux, for QEMU to start."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Its first files: they know how to find the disk."""
        return self.folder / "initrd"

    @property
    def image(self) -> Path:
        """The file system, raw, without partitions."""
        return self.folder / "disk.raw"


def ensure_disk(recipe: Recipe) -> Disk:
    """The machine's disk, made now if it is not in the cache. Raises CalledProcessError, ImageError."""
    folder = paths.cache_folder() / "machines" / f"{recipe.name}-{recipe.key}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with one_builder(folder, waiting(recipe)):
            if not folder.is_dir():
                _make(recipe, folder)
    os.utime(folder)
    _remove_old(folder.parent, recipe)
    return Disk(folder)


def waiting(recipe: Recipe) -> Progress:
    """Says once that another process is at it."""
    told: list[str] = []

    def say(_fraction: float, _text: str) -> None:
        if not told:
            told.append(f"another process makes {recipe.name}'s disk")
            tell(told[0])

    return say


def _make(recipe: Recipe, final: Path) -> None:
    """In a folder beside the final one, which is there whole or not at all."""
    began = time.monotonic()
    folder, archive, files = (final.with_suffix(f".{end}") for end in ("new", "tar", "files"))
    log = final.with_suffix(".log")
    own = ids.building_ids()
    remove(folder, own)
    folder.mkdir()
    # Open so that the range's ids may write; closed to all others by the cache folder above.
    folder.chmod(0o777)
    tell(f"{recipe.name}: making its disk")
    try:
        _write_files(files)
        options = [*_foreign(recipe), "--variant=minbase", "--format=tar", "--skip=output/dev"]
        options += [f"--include={','.join(recipe.packages)}", f"--customize-hook=tar-in {files} /"]
        options += [f"--customize-hook={line}" for line in CUSTOMIZE]
        mmdebstrap([*options, recipe.suite, str(archive)], log, lambda _fraction, _text: None)
        with archive.open("rb") as handle:
            argv = ids.command(own, str(folder), ["sh", "-c", STAGE, "stage", str(DISK_GB)])
            subprocess.run(argv, check=True, stdin=handle)
        folder.rename(final)
        final.chmod(0o755)
    except subprocess.CalledProcessError as error:
        raise ImageError(
            f"{recipe.name}: making its disk stopped: {error.stderr}", next_step=f"see {log}."
        ) from error
    finally:
        archive.unlink(missing_ok=True)
        files.unlink(missing_ok=True)
        remove(folder, own)
    log.unlink(missing_ok=True)
    tell(f"{recipe.name}: its disk is made, {time.monotonic() - began:.0f} s")


def _foreign(recipe: Recipe) -> list[str]:
    """Options for packages of another processor, whose programs the kernel then hands to an emulator."""
    native = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    if native.stdout.strip() == recipe.architecture:
        return []
    if not (BINFMT / f"qemu-{recipe.processor}").exists():
        raise ImageError(
            f"{recipe.name}: this kernel does not know how to run {recipe.architecture}'s programs.",
            next_step=f"sudo apt-get install qemu-user-static binfmt-support (see {BINFMT}).",
        )
    return [f"--architectures={recipe.architecture}", "--skip=check/qemu"]


def _write_files(path: Path) -> None:
    with tarfile.open(path, mode="w") as tar:
        for name, text in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))


def _remove_old(folder: Path, recipe: Recipe) -> None:
    """What earlier recipes left there, once nobody has used it for a week."""
    for old in folder.glob(f"{recipe.name}-{'?' * len(recipe.key)}"):
        if old.stat().st_mtime < time.time() - UNUSED_S:
            remove(old, ids.building_ids())


def tell(text: str) -> None:
    """Say on the terminal what is being waited for."""
    sys.stderr.write(f"machines: {text}\n")
