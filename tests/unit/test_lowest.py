"""The lower bounds of ``pyproject.toml``: which they are, and that those with a reason stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lowest import constraints

ROOT = Path(__file__).parents[2]


def test_each_dependency_is_pinned_to_its_bound() -> None:
    found = constraints('[project]\ndependencies = ["a>=1.2", "b-c[x,y]>=3,<4"]')
    assert found == ["a==1.2", "b-c==3"]
    with pytest.raises(ValueError, match=r"'d' in pyproject.toml has no lower bound"):
        constraints('[project]\ndependencies = ["d"]')


@pytest.mark.parametrize(
    ("name", "least"),
    [
        # 0.9.5 lets a submission's files lie outside its folder (`../outside.ipynb`).
        ("nbgrader", (0, 9, 6)),
    ],
)
def test_a_bound_with_a_reason_stays(name: str, least: tuple[int, ...]) -> None:
    pins = dict(pin.split("==") for pin in constraints((ROOT / "pyproject.toml").read_text()))
    assert tuple(map(int, pins[name].split("."))) >= least
