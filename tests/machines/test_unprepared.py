"""The README's two commands with nothing brought along: emulated, the image's build takes most of an hour."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.machines import timings
from tests.machines.machine import started
from tests.machines.person import SET_UP_S, Person

BUILD_S = 3 * 3600
pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_S + SET_UP_S)]


def test_from_a_clone_to_a_container(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with started("debian13-ready") as machine, closing(Person(machine, tmp_path, brought=False)) as person:
        timings.report(request.config, "debian13, nothing brought along", person.took)
        person.clone()
        with person.step("./dockbook lab, the environment and the engine image made there"):
            person.start_lab(seconds=BUILD_S)
        assert person.docker("run --rm busybox echo hi") == "hi"
        person.end_lab()
