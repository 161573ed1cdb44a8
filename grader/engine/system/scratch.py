"""Where a root file system is unpacked while an engine image is made."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from grader.engine.system import folder_trial, ids, spare_memory
from grader.errors import ImageError

SCRATCH_BYTES = 1536 << 20
"""Room for the engine's root file system and the packages that it is made of, while it is unpacked."""
MEMORY = Path("/dev/shm")
PLENTY = 3
"""How many times what is needed must be free in memory."""


def scratch_folder(needed: int = SCRATCH_BYTES) -> Path:
    """Where a root file system is unpacked: TMPDIR, memory, /tmp or /var/tmp.

    It takes room, and a user who is not the caller: mmdebstrap's own user enters its folder by its path.
    Memory, where there is plenty: dpkg asks the disk several times a package to have what it wrote, and what
    it writes here is read once. That takes a third of the time while others use the disk.

    Raises ImageError if none is suitable.
    """
    own = ids.REAL if os.geteuid() == 0 else ids.building_ids()
    if not os.environ.get("TMPDIR") and needed * PLENTY <= spare_memory.available():
        with contextlib.suppress(OSError):
            if shutil.disk_usage(MEMORY).free >= needed * PLENTY and not folder_trial.try_scratch(
                own, MEMORY
            ):
                return MEMORY
    against = {}
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        folder = Path(place)
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            against[place] = error.strerror or str(error)
            continue
        if free < needed:
            against[place] = f"{free >> 20} MB free"
        elif trouble := folder_trial.try_scratch(own, folder):
            against[place] = str(trouble)
        else:
            return folder
    found = "; ".join(f"{place}: {why}" for place, why in against.items())
    raise ImageError(
        f"There is no folder to unpack Debian in, for {needed >> 20} MB. {found}.",
        next_step="set TMPDIR to a folder on a local disk with that much room, which other users may enter.",
    )
