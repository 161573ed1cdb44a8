"""The engine image as an archive for a machine: made here, since emulated its build takes most of an hour."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from grader.engine.image.engine_image import EngineImage
from grader.engine.system import ids

UNPACK = (
    "unshare --map-root-user --map-auto "
    "tar --extract --preserve-permissions --numeric-owner --xattrs --xattrs-include='*'"
)
"""Unpacks it, for a user whose subordinate ids were made by ``useradd``."""


def write(image: EngineImage, target: Path) -> None:
    """Write an image to the archive ``target``, as ``NAME/...``, to be unpacked in a cache.

    A sandbox's ids differ from user to user, and so do the owners of an image's files. In the archive its
    builder is 0 and a sandbox's id N is N + 1: as ids are in a namespace made with ``--map-auto``.
    """
    base, count = ids.own_ids()["uid"]

    def owner(found: int) -> int:
        return found - base + 1 if base <= found < base + count else 0

    def changed(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid, info.gid = owner(info.uid), owner(info.gid)
        info.uname = info.gname = ""
        path = image.path.parent / info.name
        kept = [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")]
        info.pax_headers = {
            f"SCHILY.xattr.{name}": os.getxattr(path, name).decode(errors="surrogateescape") for name in kept
        }
        return info

    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(image.path, image.path.name, filter=changed)
