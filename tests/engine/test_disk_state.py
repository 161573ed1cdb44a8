"""A sandbox whose state cannot be in memory: Linux before 6.6, as Debian 12 has it.

Its folder is on a disk, whatever the folder for sockets lies on: a login user's is in memory there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine import running_engines, sandbox
from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.paths import runtime_folder


@pytest.fixture(autouse=True)
def as_before_6_6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "memory_state_works", lambda: False)


@pytest.fixture
def engine(engine_image: None) -> Iterator[Engine]:
    with open_engine("sandbox", memory_bytes=512 << 20, processes=200) as opened:
        yield opened


def states() -> list[Path]:
    return sorted(running_engines.disk_folder().iterdir())


def test_the_state_is_on_a_disk_and_gone_with_the_engine(engine: Engine) -> None:
    (state,) = [path for path in states() if engine.docker_host.split("/")[-2] == path.name]
    assert not state.is_relative_to(runtime_folder())
    assert not (runtime_folder() / state.name / "state").exists()
    box = engine.client().containers.run("busybox", ["sh", "-c", "echo hi >/x; cat /x"], remove=True)
    assert box == b"hi\n"
    running_engines.sweep()
    assert state.exists(), "an engine that runs keeps what it has"
    engine.close()
    assert not state.exists()


def test_a_keeper_that_is_killed_leaves_it_to_the_next_engine(engine: Engine) -> None:
    (state,) = [path for path in states() if engine.docker_host.split("/")[-2] == path.name]
    engine.client().containers.run("busybox", ["sh", "-c", "echo hi >/x"])
    process = engine._control.process  # type: ignore[attr-defined]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state.exists()
    with open_engine("sandbox"):
        assert not state.exists()


def test_what_is_written_is_bounded_without_any_other_limit(engine_image: None) -> None:
    """As in `lab --fresh`: a file system in memory has a size, the folder on the person's disk has none."""
    with open_engine("sandbox", disk_bytes=200 << 20) as opened:
        box = opened.client().containers.run(
            "busybox", ["sh", "-c", "cat /dev/zero >/x; sleep 60"], detach=True
        )
        deadline = time.monotonic() + 60
        while not (met := opened.limits_reached()):
            assert time.monotonic() < deadline, "nothing bounds it"
            time.sleep(0.2)
        assert "disk" in met[0], met
        assert box.wait(timeout=30)["StatusCode"] == 137
