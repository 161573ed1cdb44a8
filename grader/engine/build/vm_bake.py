"""The course's images built in a virtual machine, where there is only root: in a `docker build`.

A sandbox needs namespaces. Here the engine that builds the images is a machine booted from a disk without
them; what it holds at the end becomes the disk that every machine is made from.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.engine.base import Engine
from grader.engine.build.vm import start_cold
from grader.engine.build.vm_disk import make_disk, pack, run, write_disk_manifest
from grader.engine.image import qemu
from grader.engine.image.engine_image import EngineImage
from grader.engine.image.vm_image import VMImage, location
from grader.engine.system import ids
from grader.engine.vm import archive


@contextmanager
def builder_engine(
    image: EngineImage, final: EngineImage, tell: Callable[[float, str], None]
) -> Iterator[Engine]:
    """An engine to build the images in; at the end of the block it and the hub's files become the machine's
    disk.

    ``image`` is the one being built, ``final`` what it will be. Raises ImageError and EngineDied.
    """
    started = time.monotonic()
    target = location(final, qemu.accelerator())
    folder = target.path.with_suffix(".new")
    target.path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "builder").mkdir(parents=True)
    try:
        release = make_disk(
            image,
            folder,
            ids.building_ids(),
            lambda done, text: tell(0.4 * done, f"virtual machine: {text}"),
        )
        with start_cold(
            VMImage(folder, target.key, image, target.accelerator, folder), folder / "builder"
        ) as engine:
            yield engine
            tell(1, "virtual machine: the course's images")
            engine.stop_daemon()
            engine.deliver("hub", archive({".": image.hub}))
            engine.settle()
        whole = folder / "whole.qcow2"
        base = ["-u", "-f", "qcow2", "-F", "qcow2", "-b", str(folder / "disk.qcow2")]
        run([qemu.IMG, "rebase", *base, str(folder / "builder" / "disk.qcow2")])
        pack(folder / "builder" / "disk.qcow2", whole, "qcow2")
        whole.rename(folder / "disk.qcow2")
        shutil.rmtree(folder / "builder")
        write_disk_manifest(folder, target.key, release, started)
        shutil.rmtree(target.path, ignore_errors=True)
        folder.rename(target.path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
