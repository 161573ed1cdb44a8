"""All attacks, by family."""

from __future__ import annotations

from tests.grading.hostile import (
    attacks_on_formats_and_texts,
    attacks_on_gradebook_and_kernel,
    attacks_on_libraries_and_addresses,
    attacks_on_network_and_clock,
    attacks_on_others_and_afterwards,
    attacks_on_resources,
    attacks_on_results,
    attacks_on_secrets_and_host,
    attacks_on_test_cells,
    attacks_on_the_grader,
)
from tests.grading.hostile.attack import Attack

BOMBS: tuple[Attack, ...] = (
    *attacks_on_resources.BOMBS,
    *attacks_on_the_grader.NEVER_DONE,
    *attacks_on_the_grader.SHARED,
)
ATTACKS: tuple[Attack, ...] = (
    *attacks_on_test_cells.ATTACKS,
    *attacks_on_results.ATTACKS,
    *attacks_on_gradebook_and_kernel.ATTACKS,
    *attacks_on_libraries_and_addresses.ATTACKS,
    *attacks_on_secrets_and_host.ATTACKS,
    *attacks_on_others_and_afterwards.ATTACKS,
    *attacks_on_resources.ATTACKS,
    *attacks_on_formats_and_texts.ATTACKS,
    *attacks_on_network_and_clock.ATTACKS,
    *attacks_on_the_grader.ATTACKS,
)

QUICK = 1
"""So many of each family are tried each time; the others are variants, and slow."""

NEW = 25
"""From this family on one is enough each time: the kinds have tests of their own, without an engine."""


def slow(attack: Attack) -> bool:
    """Whether there are enough of its family before it."""
    quick = QUICK if attack.family < NEW else 1
    return [other for other in ATTACKS if other.family == attack.family].index(attack) >= quick
