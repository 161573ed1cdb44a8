"""Each attack is worth exactly the honest half: never more, never less, never blocked."""

from __future__ import annotations

import re

import pytest

from tests.grading.hostile import table
from tests.grading.hostile.attacks import ATTACKS, slow
from tests.grading.hostile.batch import HONEST

pytestmark = pytest.mark.timeout(1500)
"""The first test to run waits for the batch."""


@pytest.mark.parametrize(
    "attack",
    [pytest.param(one, marks=[pytest.mark.slow] if slow(one) else [], id=str(one)) for one in ATTACKS],
)
def test_an_attack_is_worth_the_honest_half(attack, batch_of, pytestconfig):
    batch = batch_of(attack)
    result = batch.of(attack.student)
    table.note(pytestconfig, table.OURS, attack, "blocked" if result.blocked else f"{result.score:.0f}")
    told = batch.read_by_instructor(attack.student)
    outcomes = {task.task: task.outcome for task in result.tasks}
    wanted = {task: "passed" if task in attack.passes else "failed" for task in outcomes}
    problems = [problem for problem in batch.result.problems if problem.startswith(f"{attack.student}:")]
    assert outcomes == wanted, (
        attack.because,
        problems,
        [task.reason for task in result.tasks],
        told[-3000:],
    )
    assert batch.in_book(attack.student) == attack.scores
    assert not problems
    assert re.search(attack.told, told), told[-3000:]
    assert "REACHED" not in told


@pytest.mark.parametrize("which", ["attacked", "bombed"])
def test_classmates_keep_full_marks(which, request):
    batch = request.getfixturevalue(which)
    assert batch.result.problems == ()
    for name in HONEST:
        result = batch.of(name)
        assert [task.outcome for task in result.tasks] == ["passed", "passed"], (
            name,
            batch.read_by_instructor(name),
        )
        assert result.notes == ()
        assert batch.in_book(name) == {"greeter": 3, "sum": 2}
