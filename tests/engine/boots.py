"""The ways to boot a private engine that ``test_boots.py`` runs on: one entry each, in ``BOOTS``.

``machine(boot)`` makes what a boot needs of the machine, or fails: nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from grader.engine.base import Boot

BOOTS: tuple[Boot, ...] = ("sandbox",)


@dataclass(frozen=True)
class Machine:
    """What a boot finds. ``patience``: how many times slower than a sandbox's its containers may be.

    ``environment``: variables for every process that opens such an engine. ``holds``: what the machine
    keeps that is not seen in its processes, mounts and files, as lines; an engine leaves these as they were.
    """

    boot: Boot
    patience: float = 1
    environment: dict[str, str] = field(default_factory=dict)
    holds: Callable[[], set[str]] = set


@contextmanager
def machine(boot: Boot) -> Iterator[Machine]:
    """A machine that the boot works on, as long as it lasts."""
    yield Machine(boot)
