"""Machines for the tests, one after the other, and what each step took, printed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from grader.engine.build.engine_image import ensure_image
from tests.machines import timings
from tests.machines.machine import started
from tests.machines.person import Person, archive


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Seconds of each step on each machine."""
    if found := timings.lines(config):
        terminalreporter.section("machines")
        for line in found:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def image_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine image, made here if need be, as a disk for machines."""
    return archive(ensure_image(), tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session", params=["debian13", "debian12"])
def person(
    request: pytest.FixtureRequest, image_disk: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    """A login user with a clone on a machine as its installer leaves it; the same one for all tests."""
    folder = tmp_path_factory.mktemp(request.param)
    with (
        started(request.param, image_disk) as machine,
        closing(Person(machine, folder, brought=True)) as somebody,
    ):
        timings.report(request.config, request.param, somebody.took)
        somebody.clone()
        yield somebody


@pytest.fixture
def lab(person: Person) -> Person:
    """The same person, with a lab that runs."""
    assert person.address
    return person
