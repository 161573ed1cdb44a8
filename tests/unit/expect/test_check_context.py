"""How long a check waits: as long as the machine is slow, and not without end."""

from __future__ import annotations

import pytest

from grader.expect import check_context
from grader.expect.check_context import CheckContext
from tests.unit.inspectors import FakeInspector


class Clock:
    """Time that passes when something is done."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(check_context, "time", made)
    return made


@pytest.mark.parametrize(
    ("look_s", "most_s", "least_looks"), [(0.01, 5.1, 50), (1.0, 10.6, 10), (4.0, 24.2, 5), (60.0, 60.1, 1)]
)
def test_a_slow_machine_has_its_looks_within_four_times_the_patience(
    clock: Clock, look_s: float, most_s: float, least_looks: int
) -> None:
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        clock.now += look_s
        return False

    assert not CheckContext(FakeInspector()).wait(look, 5)
    assert clock.now <= most_s
    assert looks >= least_looks


def test_what_holds_ends_the_wait(clock: Clock) -> None:
    assert CheckContext(FakeInspector()).wait(lambda: clock.now > 0.3, 5)
    assert clock.now < 0.5
