"""Opens a sandbox on the saved state of a workspace; if that is not possible, in memory, and says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from grader.engine.image.engine_image import EngineImage
from grader.engine.persistent_state import PersistentState
from grader.engine.sandbox import Sandbox
from grader.engine.system.programs import last_words
from grader.errors import DockbookError, EngineDied, StateDamaged, StateUnfit

MOST_BYTES = 8 << 30
"""What a student's engine may keep on disk."""
KEPT = "Your containers and images are kept."


def open_persistent(
    image: EngineImage, workspace: Path, tell: Callable[[str], None], *, label: str
) -> Sandbox:
    """The workspace's engine as it was left, or a new one. ``persistence_note`` says whether it is kept.

    ``tell`` gets what cannot be used: a state of another engine image, or one that is damaged, is
    moved aside, and the engine starts clean. Raises StateBusy when another lab uses it, else as
    ``Sandbox.start``.
    """
    persistent = PersistentState(workspace)
    try:
        lock = persistent.hold()
    except StateUnfit as error:
        return _in_memory(image, error, label)
    try:
        return _Opening(persistent, image, tell, label, lock).open()
    except StateUnfit as error:
        return _in_memory(image, error, label)
    finally:
        os.close(lock)  # the engine's own copy stays open


class _Opening:
    def __init__(
        self,
        persistent: PersistentState,
        image: EngineImage,
        tell: Callable[[str], None],
        label: str,
        lock: int,
    ) -> None:
        self.persistent, self.image, self.tell, self.label, self.lock = persistent, image, tell, label, lock

    def open(self) -> Sandbox:
        if self.persistent.exists() and (reason := self.persistent.misfit(self.image.key)):
            self._say(reason, self.persistent.move_aside())
        new = not self.persistent.exists()
        try:
            return self._start()
        except StateDamaged as error:
            if new:
                raise StateUnfit(error.what) from error
            return self._start_clean(error)

    def _start(self) -> Sandbox:
        self.persistent.begin(self.image.key)
        engine = Sandbox(
            self.image,
            state=self.persistent.state,
            state_lock=self.lock,
            disk_bytes=MOST_BYTES,
            label=self.label,
        ).start()
        engine.persistence_note = KEPT
        return engine

    def _start_clean(self, damage: StateDamaged) -> Sandbox:
        aside = self.persistent.move_aside()
        try:
            engine = self._start()
        except EngineDied as error:
            self.persistent.restore(aside)  # a clean one does not start either: it was not at fault
            raise StateUnfit(error.what) from error
        self._say(f"it did not start ({last_words(damage.what)})", aside)
        return engine

    def _say(self, reason: str, aside: Path) -> None:
        self.tell(
            f"What you had on your engine cannot be used: {reason}. It was moved to {aside}; the engine "
            "starts clean. `dockbook engine reset` deletes it."
        )


def _in_memory(image: EngineImage, reason: DockbookError, label: str) -> Sandbox:
    engine = Sandbox(image, label=label).start()
    engine.persistence_note = f"What you make on it is not kept this time: {reason.what.rstrip('.')}."
    return engine
