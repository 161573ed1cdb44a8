"""What the steps on a machine took: figures of the machine that these tests run on, printed at their end."""

from __future__ import annotations

import pytest

TOOK = pytest.StashKey[dict[str, dict[str, float]]]()


def report(config: pytest.Config, name: str, steps: dict[str, float]) -> None:
    """Have the seconds of these steps printed at the end; steps may come in until then."""
    config.stash.setdefault(TOOK, {})[name] = steps


def lines(config: pytest.Config) -> list[str]:
    """What is to be printed."""
    found = []
    for name, steps in config.stash.get(TOOK, {}).items():
        found += [f"{name}:", *(f"{seconds:7.0f} s  {step}" for step, seconds in steps.items())]
    return found
