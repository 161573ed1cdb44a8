"""One builder at a time, a failed one is not in the way of the next, and who waits knows what for."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from grader.engine.build import one_builder as builders_module
from grader.engine.build.one_builder import Shares, one_builder
from grader.errors import ImageError
from grader.files import locked

FORK = multiprocessing.get_context("fork")


def untold(_fraction: float, text: str) -> None:
    pytest.fail(f"told: {text}")


def test_a_failed_build_lets_the_next_one_in(tmp_path: Path) -> None:
    """Even while somebody still looks at the failure, as a debugger or a test's report does."""
    with pytest.raises(ImageError) as kept, one_builder(tmp_path / "x", untold):
        raise ImageError("it broke")
    with one_builder(tmp_path / "x", untold):
        pass
    assert kept.value.what == "it broke"
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


def test_who_waits_is_told_so_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builders_module, "WAIT_S", 0.1)
    told: list[str] = []
    with (
        locked(tmp_path / "x.lock"),
        pytest.raises(ImageError, match=r"Another process has been building .* Next: check whether"),
        one_builder(tmp_path / "x", lambda _fraction, text: told.append(text)),
    ):
        pytest.fail("two at once")
    assert set(told) == {"waiting for another process that builds it"}


def build(path: Path, end: str, calls: Connection) -> None:
    """A builder that says how far it is, then does what it is told to."""
    with contextlib.suppress(ImageError), one_builder(path, lambda _fraction, _text: None) as report:
        report(0.25, "half of a half")
        calls.send("begun")
        calls.recv()
        if end == "killed":
            os._exit(9)
        if end == "failed":
            raise ImageError("no room", next_step="make some.")


@contextlib.contextmanager
def another(path: Path, end: str) -> Iterator[tuple[int, Connection]]:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=build, args=(path, end, theirs))
    process.start()
    assert ours.recv() == "begun"
    try:
        yield process.pid or 0, ours
    finally:
        process.join()


@pytest.mark.parametrize("end", ["done", "killed"])
def test_who_waits_sees_how_far_it_is_and_then_has_the_lock(tmp_path: Path, end: str) -> None:
    told: list[tuple[float, str]] = []
    with another(tmp_path / "x", end) as (_, calls):

        def tell(fraction: float, text: str) -> None:
            told.append((fraction, text))
            if len(told) == 1:
                calls.send("go on")

        with one_builder(tmp_path / "x", tell) as report:
            report(1, "ours")
    assert told[0] == (0.25, "half of a half")
    assert told[-1] == (1, "ours")


def test_a_build_that_fails_has_failed_for_who_waited_in_the_same_words(tmp_path: Path) -> None:
    with another(tmp_path / "x", "failed") as (_, calls):
        sent: list[str] = []

        def tell(_fraction: float, text: str) -> None:
            if not sent:
                sent.append(text)
                calls.send("go on")

        with pytest.raises(ImageError) as found, one_builder(tmp_path / "x", tell):
            pytest.fail("retried at once")
    assert (found.value.what, found.value.next_step) == ("no room", "make some.")
    with one_builder(tmp_path / "x", untold):  # who comes later tries
        pass


def test_one_that_is_known_and_failed_before_has_failed_too(tmp_path: Path) -> None:
    with another(tmp_path / "x", "failed") as (pid, calls):
        calls.send("go on")
    with pytest.raises(ImageError, match="no room"), one_builder(tmp_path / "x", untold, ended=(pid,)):
        pytest.fail("retried at once")


def test_parts_make_a_whole_that_never_goes_back() -> None:
    told: list[tuple[float, str]] = []
    shares = Shares({"a": 0.75, "b": 0.25}, lambda fraction, text: told.append((fraction, text)))
    shares("a", 0, "begins")
    shares("b", 1, "done")
    shares("a", 0.5, "half")
    shares("b", 0, "again")
    shares.all_done("there")
    assert told == [
        (0, "a: begins"),
        (0.25, "b: done"),
        (0.625, "a: half"),
        (0.625, "b: again"),
        (1, "there"),
    ]
