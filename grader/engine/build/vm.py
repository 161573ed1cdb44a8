"""Builds the virtual machine: a disk made of the engine image, and a snapshot of an engine that runs from it.

Everything is made next to its final folder, renamed last, with the manifest as the last file in it: a stale
or unfinished one is never used.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

from grader.engine.build.one_builder import Progress, one_builder
from grader.engine.build.vm_disk import empty_layer, make_disk, write_disk_manifest
from grader.engine.image import qemu
from grader.engine.image.engine_image import MANIFEST, EngineImage
from grader.engine.image.vm_image import WARM_MANIFEST, VMImage, find, find_disk, location
from grader.engine.system import ids
from grader.engine.vm import VM
from grader.errors import EngineDied, ImageError


def ensure_vm(
    image: EngineImage,
    accelerator: qemu.Accelerator,
    progress: Progress | None = None,
    *,
    rebuild: bool = False,
) -> VMImage:
    """The machine's disk and snapshot, built when missing, stale or damaged. One build at a time.

    A snapshot of another QEMU or processor is stale; the disk then stays. Raises ImageError.
    """
    tell = progress or (lambda _fraction, _text: None)
    vm = location(image, accelerator)
    if not rebuild:
        try:
            return find(image, accelerator)
        except ImageError:
            pass
    vm.path.parent.mkdir(parents=True, exist_ok=True)
    with one_builder(vm.path, tell) as report:
        if not rebuild:
            try:
                return find(image, accelerator)
            except ImageError:
                pass
        if (rebuild and has_preload(image)) or not _has_disk(image, accelerator):
            build_disk(image, vm, report)
        build_snapshot(vm, report)
        report(1, "the virtual machine is ready")
    return find(image, accelerator)


def has_preload(image: EngineImage) -> bool:
    """Whether the course's images are in the engine image; those built in a machine are on its disk only."""
    return (image.preload / "image").is_dir()


def _has_disk(image: EngineImage, accelerator: qemu.Accelerator) -> bool:
    try:
        find_disk(image, accelerator)
    except ImageError:
        return False
    return True


def build_disk(image: EngineImage, vm: VMImage, tell: Progress) -> None:
    """Kernel, initial file system and disk, from an engine image that has the course's images."""
    if not has_preload(image):
        raise ImageError(
            f"The engine image in {image.path} was made in a virtual machine that is gone.",
            next_step="`dockbook engine build --backend vm --rebuild` builds both again.",
        )
    started = time.monotonic()
    folder = vm.path.with_suffix(".new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        own = ids.building_ids()
        release = make_disk(image, folder, own, lambda done, text: tell(done, f"virtual machine: {text}"))
        write_disk_manifest(folder, vm.key, release, started)
        shutil.rmtree(vm.path, ignore_errors=True)
        folder.rename(vm.path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def slim(image: EngineImage) -> None:
    """Remove what only a sandbox and the machine's disk are made of: what stays is the ``docker`` command.

    For an image of which nothing but virtual machines is wanted, such as a Binder session's: 0.7 GB less.
    """
    own = ids.building_ids()
    script = (
        "find hub preload rootfs -depth ! -path 'rootfs/usr/bin/docker' ! -path '*/cli-plugins/*' -delete"
    )
    subprocess.run(ids.command(own, str(image.path), ["sh", "-c", f"{script} 2>/dev/null; true"]), check=True)
    # The hub's files are the builder's own.
    shutil.rmtree(image.hub, ignore_errors=True)
    manifest = image.manifest()
    manifest["sentinels"] = [
        entry for entry in manifest["sentinels"] if (image.path / entry["path"]).exists()
    ]
    (image.path / MANIFEST).write_text(json.dumps(manifest, indent=1))


def build_snapshot(vm: VMImage, tell: Progress) -> None:
    """Boot it from its disk, let it do once what it will be used for, and save its state."""
    started = time.monotonic()
    for old in vm.path.glob("warm-*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = vm.path / "warm.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        tell(0.5, "virtual machine: first boot (a minute or two)")
        empty_layer(vm.disk, folder / "empty.qcow2")
        with start_cold(vm, folder) as engine:
            tell(0.8, "virtual machine: warming up")
            warm_up(engine)
            tell(0.9, "virtual machine: snapshot")
            engine.snapshot(folder / "state")
        # Pages of zeros take no room on the disk.
        subprocess.run(["fallocate", "--dig-holes", folder / "memory"], check=False, capture_output=True)
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


def start_cold(vm: VMImage, folder: Path) -> VM:
    """A machine booted from its disk, with its changes and its memory in the folder. Raises EngineDied.

    Emulated, a machine's first instructions fail now and then: its processor resets, and QEMU ends.
    """
    for left in (2, 1, 0):
        empty_layer(vm.disk, folder / "disk.qcow2")
        with (folder / "memory").open("wb") as handle:
            handle.truncate(qemu.MEMORY_MB << 20)
        try:
            return VM(vm, plugin=False, cold=folder).start()
        except EngineDied:
            if not left:
                raise
    raise AssertionError


def warm_up(engine: VM) -> None:
    """What the first student would otherwise wait for: a container's whole life."""
    client = engine.client(timeout=300)
    for _ in range(2):
        client.containers.run("busybox", "true", remove=True)
