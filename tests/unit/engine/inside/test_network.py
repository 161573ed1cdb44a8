"""Clearing away a sandbox's network devices, of which some go by themselves meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.engine.inside import network


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(network, "DEVICES", str(tmp_path))
    for name in ("br-1", "docker0", "lo", "veth2"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_device_that_has_gone_by_itself_is_no_failure(devices: Path) -> None:
    asked: list[str] = []

    def run(argv: list[str]) -> None:
        asked.append(argv[-1])
        (devices / argv[-1]).unlink()
        if argv[-1] == "veth2":
            raise RuntimeError("ip ended with status 1")

    network.remove_links(run)
    assert sorted(asked) == ["br-1", "veth2"]
    assert {one.name for one in devices.iterdir()} == {"docker0", "lo"}


def test_one_that_stays_is_a_failure(devices: Path) -> None:
    def run(argv: list[str]) -> None:
        raise RuntimeError("ip ended with status 1")

    with pytest.raises(RuntimeError, match="status 1"):
        network.remove_links(run)
