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
    families_25_30,
)
from tests.grading.hostile.attack import Attack

BOMBS: tuple[Attack, ...] = (
    *families_17_18.BOMBS,
    *families_25_30.NEVER_DONE,
    *families_25_30.SHARED,
)
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
    *families_25_30.ATTACKS,
)

QUICK = 1
"""So many of each family are tried each time; the others are variants, and slow."""

NEW = 25
"""From this family on one is enough each time: the kinds have tests of their own, without an engine."""


def slow(attack: Attack) -> bool:
    """Whether there are enough of its family before it."""
    quick = QUICK if attack.family < NEW else 1
    return [other for other in ATTACKS if other.family == attack.family].index(attack) >= quick
