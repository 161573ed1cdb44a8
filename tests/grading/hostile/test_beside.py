"""What the worst submissions cost those beside them: no points, and not much time."""

from __future__ import annotations

import time

import pytest

from grader.grading.demo import submit_notebook
from grader.grading.grade import grade
from tests.grading import tiny
from tests.grading.hostile.attacks import ATTACKS
from tests.grading.hostile.batch import Batch, limited, released, submit

WORST = ("a message without an end", "mathematics without an end", "watches of epoll")
CLASS = 12


def graded(course, attacks) -> tuple[Batch, float]:
    """A class of twelve, with these among them; what came of it, and how many seconds it took."""
    chapter, notebook = released(course)
    for number in range(CLASS - len(attacks)):
        submit_notebook(course, chapter, f"s{number:02}", tiny.solve(notebook, chapter, ["greeter", "sum"]))
    for attack in attacks:
        submit(course, attack)
    started = time.monotonic()
    result = grade(course, chapter)
    return Batch(course, chapter, result), time.monotonic() - started


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_class_with_the_worst_among_them_takes_no_more_than_twice_its_time(
    released_root, tmp_path, engine_image, record_property
):
    usual, usual_s = graded(limited(released_root, tmp_path / "usual"), [])
    attacks = [attack for attack in ATTACKS if attack.name in WORST]
    assert len(attacks) == len(WORST)
    batch, seconds = graded(limited(released_root, tmp_path / "hostile"), attacks)
    print(f"a class of {CLASS}: {usual_s:.1f} s; with {len(attacks)} of the worst: {seconds:.1f} s")
    record_property("seconds", [usual_s, seconds])
    for one, count in ((usual, CLASS), (batch, CLASS - len(attacks))):
        for number in range(count):
            assert one.in_book(f"s{number:02}") == {"greeter": 3, "sum": 2}
        assert one.result.problems == ()
    for attack in attacks:
        assert batch.in_book(attack.student) == attack.scores
    assert seconds < 2 * usual_s
