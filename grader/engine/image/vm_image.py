"""The virtual machine in the cache: found, checked, described. ``grader.engine.build.vm`` makes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import paths
from grader.engine.image import qemu, vm_recipe
from grader.engine.image.engine_image import EngineImage
from grader.errors import ImageError

DISK_MANIFEST = "disk.json"
WARM_MANIFEST = "warm.json"
BUILD = "`dockbook engine build --backend vm` makes it (some minutes, once)."


@dataclass(frozen=True)
class VMImage:
    """A machine in its folder: kernel, disk, and for each QEMU and accelerator a snapshot."""

    path: Path
    key: str
    engine: EngineImage
    accelerator: qemu.Accelerator
    warm: Path

    @property
    def kernel(self) -> Path:
        """Linux."""
        return self.path / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initial file system, which mounts the disk."""
        return self.path / "initrd"

    @property
    def disk(self) -> Path:
        """The engine image as an ext4 file system in a compressed qcow2 file; never written again."""
        return self.path / "disk.qcow2"


def location(image: EngineImage, accelerator: qemu.Accelerator) -> VMImage:
    """Where the machine for today's recipe and QEMU is or would be."""
    key = vm_recipe.key(image.suite)
    path = paths.cache_folder() / "vm" / f"{image.suite}-{key}"
    return VMImage(path, key, image, accelerator, path / f"warm-{vm_recipe.warm_key(accelerator)}")


def find_disk(image: EngineImage, accelerator: qemu.Accelerator) -> VMImage:
    """The machine's disk, checked. Raises ImageError."""
    vm = location(image, accelerator)
    _check(vm.path, DISK_MANIFEST, vm.key, "virtual machine")
    return vm


def find(image: EngineImage, accelerator: qemu.Accelerator) -> VMImage:
    """The machine with a snapshot for this QEMU, checked. Raises ImageError."""
    vm = find_disk(image, accelerator)
    _check(vm.warm, WARM_MANIFEST, vm.warm.name, "virtual machine's snapshot")
    return vm


def _check(folder: Path, name: str, key: str, what: str) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / name).read_text())
    except FileNotFoundError:
        raise ImageError(f"There is no {what} for this recipe and this QEMU yet.", next_step=BUILD) from None
    except (OSError, ValueError) as error:
        raise ImageError(f"The {what} in {folder} is damaged: {error}.", next_step=BUILD) from error
    if not isinstance(manifest, dict) or manifest.get("key") != key:
        raise ImageError(f"The {what} in {folder} is not what its name says.", next_step=BUILD)
    for entry in manifest["sentinels"]:
        path = folder / str(entry["path"])
        size = path.stat().st_size if path.exists() else -1
        if size != entry["size"]:
            raise ImageError(
                f"The {what} in {folder} is damaged: {entry['path']} has {max(size, 0):,} bytes, "
                f"and {entry['size']:,} when it was made.",
                next_step="`dockbook engine build --backend vm --rebuild` builds it again.",
            )
    return manifest
