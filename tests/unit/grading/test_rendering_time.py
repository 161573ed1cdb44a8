"""What takes too long is ended: also in a regular expression, and where exceptions are caught."""

from __future__ import annotations

import re
import time

from grader.grading.rendering_time import TimeLimit

SLOW = re.compile(r"(?s)\\\(.+?\\\)")


def search_for_long() -> str:
    return str(SLOW.search("\\(" * 200_000))


def stubborn() -> str:
    """A library that catches what it can."""
    for _ in range(1000):
        try:
            while True:
                time.process_time()
        except Exception:  # noqa: BLE001
            continue
    return "never"


def test_a_search_without_an_end_is_ended() -> None:
    limit, began = TimeLimit(0.2, 10, 100), time.process_time()
    assert limit.run(search_for_long) is None
    assert limit.run(stubborn) is None
    assert time.process_time() - began < 2
    assert limit.run(lambda: "short") == "short"


def test_all_pieces_of_a_page_share_their_time() -> None:
    limit, began = TimeLimit(0.2, 0.5, 100), time.process_time()
    assert [limit.run(stubborn) for _ in range(50)] == [None] * 50
    assert time.process_time() - began < 2
    assert limit.run(lambda: "short") is None


def test_all_pieces_of_a_page_share_their_length() -> None:
    limit = TimeLimit(1, 1, 10)
    assert [limit.run(lambda: "12345678"), limit.run(lambda: "123"), limit.run(lambda: "12")] == [
        "12345678",
        None,
        "12",
    ]


def test_an_error_is_not_hidden() -> None:
    limit = TimeLimit(1, 1, 100)
    try:
        limit.run(lambda: str(1 / 0))
    except ZeroDivisionError:
        return
    raise AssertionError
