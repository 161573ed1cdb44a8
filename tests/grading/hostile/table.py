"""The table at the end of a run: what each attack was worth on stock nbgrader, and here."""

from __future__ import annotations

import pytest

from tests.grading.hostile.attack import Attack
from tests.grading.hostile.attacks import ATTACKS

OURS = pytest.StashKey[dict[Attack, str]]()
STOCK = pytest.StashKey[dict[Attack, str]]()


def note(
    config: pytest.Config, column: pytest.StashKey[dict[Attack, str]], attack: Attack, said: str
) -> None:
    """Enter a score into a column."""
    config.stash.setdefault(column, {})[attack] = said


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """One row for each attack that was graded in this run."""
    ours, stock = config.stash.get(OURS, {}), config.stash.get(STOCK, {})
    rows = [attack for attack in ATTACKS if attack in ours or attack in stock]
    if not rows:
        return
    write = terminalreporter.write_line
    terminalreporter.section("hostile submissions: points of 5")
    form = "{:>6}  {:<45} {:>9} {:>5} {:>12}"
    write(form.format("family", "attack", "stock", "ours", "honest half"))
    for attack in rows:
        cells = stock.get(attack, "not run" if attack.stock else "-"), ours.get(attack, "-")
        half = str(attack.half) if attack.worth is None else f"{sum(attack.scores.values())} (*)"
        write(form.format(attack.family, attack.name[:45], *cells, half))
    won = [attack for attack in rows if stock.get(attack, "").isdigit() and int(stock[attack]) > attack.half]
    if stock:
        write(f"stock gives more than the honest half to {len(won)} of {len(stock)}.")
    write("(*) nothing in it can be taken for sure: see the attack's reason.")
