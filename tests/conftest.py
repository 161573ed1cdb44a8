"""Fixtures that every suite shares: real engines. Without one these fail; nothing is skipped."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from xdist.remote import Producer

from grader.engine.auto import open_engine
from grader.engine.base import Engine
from grader.engine.build import ensure_image
from grader.engine.programs import extend_path
from grader.lab.whole_answers import keep_whole_answers
from tests.scheduling import Sharing

# Tests call what the command line calls, which has done this first.
extend_path()
# As in the course's notebooks: what a test's command said is not lost on a busy machine.
keep_whole_answers()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing | None:
    """``--dist loadgroup``: by what tests share."""
    return Sharing(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What hostile submissions print is not always text; a report must be, to come here from a worker."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def engine_image() -> None:
    """The engine image, built now if it is not in the cache."""
    ensure_image()


@pytest.fixture
def engine(engine_image: None) -> Iterator[Engine]:
    """A fresh sandbox for one test."""
    with open_engine("sandbox") as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_engine(engine_image: None) -> Iterator[Engine]:
    """One sandbox for all tests that clean up after themselves."""
    with open_engine("sandbox") as opened:
        yield opened
