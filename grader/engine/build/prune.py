"""What earlier versions of Dockbook left in the cache: engine images and machines of other recipes."""

from __future__ import annotations

from pathlib import Path

from grader import paths
from grader.engine import running_engines
from grader.engine.image import recipe, vm_recipe
from grader.engine.system import ids
from grader.errors import EngineError
from grader.files import Locked, locked


def stale() -> list[Path]:
    """Folders that today's recipes would neither find nor make."""
    cache = paths.cache_folder()
    wanted = {
        *(cache / "engine" / f"{suite}-{recipe.key(suite)}" for suite in recipe.SUITES),
        *(cache / "vm" / f"{suite}-{vm_recipe.key(suite)}" for suite in recipe.SUITES),
    }
    there = (
        path for kind in ("engine", "vm") if (cache / kind).is_dir() for path in (cache / kind).iterdir()
    )
    return sorted(path for path in there if path.is_dir() and path not in wanted and _is_ours(path.name))


def prune() -> list[Path]:
    """Remove them; what was removed. One that is being built stays.

    Raises EngineError while an engine of this user is running: it may use one of them.
    """
    found = stale()
    if found and (running := running_engines.running()):
        places = ", ".join(map(str, found))
        raise EngineError(
            f"Engines of yours are running ({len(running)}), perhaps from one of these: {places}.",
            next_step="end them (`dockbook engine status` lists them), then run this again.",
        )
    return [path for path in found if _removed(path)]


def _removed(path: Path) -> bool:
    # The lock's file stays: removed, two builders could each hold one of that name.
    try:
        with locked(path.with_suffix(".lock")):
            ids.remove(path, ids.building_ids())
    except Locked:
        return False
    return not path.exists()


def _is_ours(name: str) -> bool:
    """``trixie-0123456789ab``: an image that is still being built has a suffix, and its builder cleans up."""
    suite, _, key = name.partition("-")
    return suite in recipe.SUITES and len(key) == 12 and all(digit in "0123456789abcdef" for digit in key)
