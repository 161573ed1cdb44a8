"""All attacks, by family."""

from __future__ import annotations

from tests.grading.hostile import (
    families_01_04,
    families_05_08,
    families_09_10,
    families_11_12,
    families_13_14,
    families_15_16,
    families_17_18,
    families_19_20,
    families_21_22,
)
from tests.grading.hostile.attack import Attack

BOMBS: tuple[Attack, ...] = tuple(families_17_18.BOMBS)
ATTACKS: tuple[Attack, ...] = (
    *families_01_04.ATTACKS,
    *families_05_08.ATTACKS,
    *families_09_10.ATTACKS,
    *families_11_12.ATTACKS,
    *families_13_14.ATTACKS,
    *families_15_16.ATTACKS,
    *families_17_18.ATTACKS,
    *families_19_20.ATTACKS,
    *families_21_22.ATTACKS,
)

QUICK = 1
"""So many of each family are tried each time; the others are variants, and slow."""


def slow(attack: Attack) -> bool:
    """Whether there are enough of its family before it."""
    return [other for other in ATTACKS if other.family == attack.family].index(attack) >= QUICK
