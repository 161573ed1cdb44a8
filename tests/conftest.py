"""Fixtures that every suite shares: real engines. Without one these fail; nothing is skipped."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator, Sequence

import pytest
from _pytest.junitxml import xml_key
from xdist.remote import Producer
from xdist.workermanage import WorkerController

from grader.cli.run_tests import LEFT
from grader.engine.base import Engine
from grader.engine.build.engine_image import ensure_image
from grader.engine.choose import open_engine
from grader.engine.system.programs import extend_path
from grader.notebook.docker_py_fix import keep_whole_answers
from tests.scheduling import Sharing

# Tests call what the command line calls, which has done this first.
extend_path()
# A run that was started in the background may ignore Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
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


_LEFT = pytest.StashKey[int]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the slow tests that a run leaves out: ``dockbook test`` says how many there are."""
    if not items:
        return
    config = items[0].config
    mine = [item for item in items if item.get_closest_marker("slow") and _differs_by_slow(item, config)]
    config.stash[_LEFT] = config.stash.get(_LEFT, 0) + len(mine)


def _differs_by_slow(item: pytest.Item, config: pytest.Config) -> bool:
    """Whether ``slow`` is why an item is left out, where a run also chooses by ``alone``."""
    alone = item.get_closest_marker("alone") is not None
    chosen = config.getoption("markexpr").split(" and ")
    return not (("alone" in chosen and not alone) or ("not alone" in chosen and alone))


@pytest.hookimpl(tryfirst=True)  # before the report is written
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Into the report; from a worker by way of the process that it works for."""
    left = session.config.stash.get(_LEFT, 0)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = left
    elif report := session.config.stash.get(xml_key, None):
        report.add_global_property(LEFT, str(left))


def pytest_testnodedown(node: WorkerController) -> None:
    """Every worker has left out the same."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_LEFT] = output.get("left", node.config.stash.get(_LEFT, 0))


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
