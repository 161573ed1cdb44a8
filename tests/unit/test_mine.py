"""``mine``: values that are one student's own, the same everywhere and each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import CourseError
from grader.expect import StudentValues
from grader.expect.student_values import PORTS

TASKS = [f"task-{number}" for number in range(200)]


def test_the_values_of_a_version_never_change() -> None:
    """Outputs are stored with the source's values and work is graded by the students'."""
    values = [
        (mine.port("web"), mine.word("web"), mine.number("web", 1, 6))
        for mine in (StudentValues(""), StudentValues("ada"))
    ]
    assert values == [(5470, "rinde", 6), (5407, "marna", 5)]


@given(st.text(max_size=30), st.text(min_size=1, max_size=30).filter(str.strip))
def test_any_student_and_any_task(student: str, task: str) -> None:
    mine = StudentValues(student)
    assert 5100 <= mine.port(task) <= 5999
    word = mine.word(task)
    assert 5 <= len(word) <= 7
    assert word.isascii()
    assert word.isalpha()
    assert word.islower()
    assert 3 <= mine.number(task, 3, 5) <= 5
    assert mine.number(task, 7, 7) == 7
    assert (mine.port(task), mine.word(task)) == (
        StudentValues(student).port(task),
        StudentValues(student).word(task),
    )


def test_a_words_vowels_and_consonants_take_turns() -> None:
    """At most two consonants in a row, so that it can be said aloud."""
    for task in TASKS:
        pattern = "".join("a" if letter in "aeiou" else "b" for letter in StudentValues("ada").word(task))
        assert "aa" not in pattern
        assert "bbb" not in pattern


def test_students_differ_and_tasks_differ() -> None:
    students = [StudentValues(f"student-{number}") for number in range(200)]
    for value in (lambda mine: mine.port("web"), lambda mine: mine.word("web")):
        different: Callable[[Any], Any] = value
        assert len({different(mine) for mine in students}) > 150
    assert len({StudentValues("ada").word(task) for task in TASKS}) > 150
    assert {StudentValues(f"s{number}").number("web", 1, 6) for number in range(200)} == {1, 2, 3, 4, 5, 6}


def test_tasks_that_do_not_meet_for_one_student_meet_for_nobody() -> None:
    def meeting_for(student: str) -> set[tuple[str, str]]:
        ports = {task: StudentValues(student).port(task) for task in TASKS}
        return {
            (one, other) for one in TASKS for other in TASKS if one < other and ports[one] == ports[other]
        }

    meeting = meeting_for("")
    assert len(meeting) < 60  # of 19900 pairs, about 1 in 887
    for student in ("ada", "bob", "x"):
        assert meeting_for(student) == meeting


def test_no_port_that_a_usual_program_has() -> None:
    assert len(PORTS) == 887
    assert all(len(PORTS) % factor for factor in range(2, 30)), "it must be a prime"
    assert not {5353, 5432, 5900} & set(PORTS)


@pytest.mark.parametrize("task", ["", "  ", None, 3])
def test_a_value_needs_a_tasks_name(task: Any) -> None:
    mine = StudentValues("ada")
    for ask in (mine.port, mine.word, lambda name: mine.number(name, 1, 2)):
        with pytest.raises(CourseError, match="needs a task's name"):
            ask(task)


def test_no_number_between_two_and_one() -> None:
    with pytest.raises(CourseError, match="There is no number between 2 and 1"):
        StudentValues().number("web", 2, 1)
