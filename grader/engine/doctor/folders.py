"""What the doctor knows of folders: tried as a build and a lab use them, and cleared away."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader import variables
from grader.errors import DockbookError


@dataclass(frozen=True)
class Place:
    """An unsuitable folder: what it is for, what is wrong with it, what helps.

    ``needed``: no lab can start without it.
    """

    name: str
    text: str
    next_step: str
    needed: bool = True


def gather_places(*, to_build: bool) -> tuple[Place, ...]:
    """What is wrong, if anything. ``to_build``: the engine image is still to be made. Raises OSError."""
    found = [_workspace(), _sockets()]
    if os.uname().sysname == "Linux":
        found.append(_state())
        if to_build:
            found += _for_building()
    return tuple(place for place in found if place)


def _workspace() -> Place | None:
    """Where the student's notebooks will be: in the home folder, unless DOCKBOOK_WORKSPACE names another."""
    named = os.environ.get(variables.WORKSPACE)
    folder = Path(named).expanduser().absolute() if named else Path.home()
    while not os.path.exists(folder):  # noqa: PTH110 - false for what may not be looked at, too
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return Place(
            "notebooks",
            f"{folder} cannot be written: {error.strerror}",
            "name another folder for your notebooks: dockbook lab --workspace FOLDER (and DOCKBOOK_CACHE and "
            "DOCKBOOK_STATE for what Dockbook keeps)",
        )


def _sockets() -> Place | None:
    from grader import paths

    try:
        paths.runtime_folder()
    except DockbookError as error:
        return Place("sockets", error.what.rstrip("."), error.next_step.rstrip("."))
    return None


def _state() -> Place | None:
    """Where a lab's containers and images are kept; a lab works without, and then keeps nothing."""
    from grader import paths
    from grader.engine.system import folder_trial, ids

    try:
        folder = paths.state_folder()
        trouble = folder_trial.try_image(ids.own_ids(), folder)
    except DockbookError as error:
        return Place("state", error.what.rstrip("."), error.next_step.rstrip("."), needed=False)
    except ids.NoIds:
        return None  # no sandbox: that is reported already
    if not trouble:
        return None
    text = f"what you make on an engine cannot be kept in {folder}: this folder {trouble}"
    return Place("state", text, "set DOCKBOOK_STATE to a folder on a local disk", needed=False)


def _for_building() -> Iterator[Place]:
    """Where an image is put, and where it is unpacked first."""
    from grader import paths
    from grader.engine.system import folder_trial, ids
    from grader.engine.system.scratch import scratch_folder

    try:
        folder = paths.cache_folder()
    except DockbookError:
        return  # there is no room at all: that is reported already
    try:
        if trouble := folder_trial.try_image(ids.building_ids(), folder):
            text = f"{folder} cannot hold an engine image: this folder {trouble}"
            yield Place("cache", text, "set DOCKBOOK_CACHE to a folder on a local disk")
        scratch_folder()
    except ids.NoIds:
        return  # no sandbox: that is reported already
    except DockbookError as error:
        yield Place("unpacking", error.what.rstrip("."), error.next_step.rstrip("."))
