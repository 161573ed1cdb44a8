"""An engine without a control group of its own: nobody's figures, and words where a limit does nothing.

With one, the same is real: tests/machines.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import APIError

from grader.engine.base import REAL_LIMITS, Engine
from grader.engine.choose import open_engine
from grader.engine.sandbox import probe_limits

NOBODY = "unix:path=/nowhere"
DISCARDED = "memory limit capabilities or the cgroup is not mounted. Limitation discarded."


@pytest.fixture(scope="module")
def engine(engine_image: None) -> Iterator[Engine]:
    """A sandbox that no systemd gives anything to: on an ordinary user's machine, too."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
            patch.setenv(variable, NOBODY)
        with open_engine("sandbox") as opened:
            yield opened


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    """A student's: without the trusted side's token."""
    with closing(DockerClient(base_url=engine.docker_host)) as opened:
        opened.containers.run("busybox", ["sleep", "1000"], name="sleeper", detach=True)
        yield opened


def docker(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["docker", *words]
    return subprocess.run(argv, env=engine.env(), capture_output=True, text=True, timeout=60, check=False)


def test_the_lab_says_that_there_is_none_and_why(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.limits != REAL_LIMITS
    assert engine.limits.startswith("Containers have no control groups here (")
    assert engine.limits.endswith("): -m limits nothing, --cpus is refused, docker stats shows zeros.")
    for variable in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
        monkeypatch.setenv(variable, NOBODY)
    controllers, why = probe_limits()
    assert controllers == []
    assert f"({why})" in engine.limits


def test_figures_are_zero_and_nobody_elses(engine: Engine, client: DockerClient) -> None:
    found = cast("dict[str, Any]", client.containers.get("sleeper").stats(stream=False))
    assert found["memory_stats"].get("usage", 0) == 0
    assert found["pids_stats"].get("current", 0) == 0
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] == 0
    shown = docker(engine, "stats", "--no-stream", "--format", "{{json .}}", "sleeper")
    row = json.loads(shown.stdout)
    assert (row["MemUsage"], row["PIDs"], row["CPUPerc"]) == ("0B / 0B", "0", "0.00%")


def test_a_limit_of_memory_is_not_taken_silently(engine: Engine, client: DockerClient) -> None:
    ran = docker(engine, "run", "--rm", "-m", "64m", "busybox", "echo", "hi")
    assert (ran.returncode, ran.stdout) == (0, "hi\n")
    assert DISCARDED in ran.stderr
    created = client.api.create_container(
        "busybox", host_config=client.api.create_host_config(mem_limit="64m")
    )
    assert any(DISCARDED in warning for warning in created["Warnings"])
    client.api.remove_container(created["Id"])


@pytest.mark.parametrize(
    "words", [("run", "--rm", "--cpus", "0.5", "busybox"), ("update", "--cpus", "1", "sleeper")]
)
def test_a_limit_of_processors_is_refused_with_what_to_do(
    engine: Engine, client: DockerClient, words: tuple[str, ...]
) -> None:
    refused = docker(engine, *words)
    assert refused.returncode != 0
    assert "leave out --cpus" in refused.stderr
    assert "kernel does not support" not in refused.stderr


def test_docker_py_reads_the_same(client: DockerClient) -> None:
    with pytest.raises(APIError, match="nano_cpus in docker-py"):
        client.containers.create("busybox", nano_cpus=500_000_000)
    assert client.containers.create("busybox", cpu_shares=512).attrs["HostConfig"]["CpuShares"] == 0


def test_top_and_pause_work_all_the_same(engine: Engine, client: DockerClient) -> None:
    sleeper = client.containers.get("sleeper")
    assert [row[-1] for row in sleeper.top()["Processes"]] == ["sleep 1000"]
    sleeper.pause()
    sleeper.reload()
    assert sleeper.status == "paused"
    sleeper.unpause()
    assert sleeper.exec_run(["echo", "again"]).output == b"again\n"
