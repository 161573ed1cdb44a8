"""What a virtual machine leaves out of a container's start: a shim for each, crun's copy of itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker import DockerClient
from docker.models.containers import Container

from grader.cli.engine_options import open_chosen
from grader.engine.inside.vm_shim import SHIM
from tests.engine.typed import eventually

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]
PATIENCE_S = 60


@pytest.fixture
def client() -> Iterator[DockerClient]:
    with open_chosen("vm")[0] as engine:
        yield engine.client(timeout=120)


@pytest.fixture
def root(client: DockerClient) -> Container:
    """A container that is root of the machine: the trusted side may have one."""
    return client.containers.run(
        "debian:trixie",
        ["sleep", "infinity"],
        detach=True,
        privileged=True,
        pid_mode="host",
        volumes={"/usr/bin": {"bind": "/machine", "mode": "rw"}},
    )


def shims(root: Container) -> list[int]:
    """Processes of that program in the machine. Its wrapper has its name too, but is a shell."""
    script = f'for exe in /proc/[0-9]*/exe; do [ "$(readlink $exe)" != {SHIM} ] || echo $exe; done'
    return [int(line.split("/")[2]) for line in said_by(root, "sh", "-c", script).splitlines()]


def said_by(container: Container, *argv: str) -> str:
    """What a command in a container says."""
    return bytes(container.exec_run([*argv]).output).decode()  # type: ignore[arg-type] # no stream


def test_all_containers_have_one_shim_that_outlives_them(client: DockerClient, root: Container) -> None:
    before = shims(root)
    assert len(before) == 1
    some = [client.containers.run("busybox", ["sleep", "300"], detach=True) for _ in range(3)]
    assert shims(root) == before
    for one in some:
        one.kill()
        assert one.wait()["StatusCode"] == 137
        one.remove()
    # On a busy machine one more may just be cleaning up.
    assert eventually(lambda: shims(root) == before, PATIENCE_S), shims(root)
    assert client.containers.run("busybox", ["echo", "on"], remove=True) == b"on\n"


def test_when_it_dies_its_containers_have_ended_and_others_get_shims_of_their_own(
    client: DockerClient, root: Container
) -> None:
    lost = client.containers.run("busybox", ["sleep", "300"], detach=True)
    (shim,) = shims(root)
    # Later: it is what answers this request.
    root.exec_run(["sh", "-c", f"sleep 2; kill -KILL {shim}"], detach=True)
    for one in (lost, root):
        # containerd asks the shim's program how it ended; where that takes more than 5 s it says 255.
        assert one.wait(timeout=PATIENCE_S)["StatusCode"] in (137, 255)
    lost.remove()
    root.start()
    client.containers.run("busybox", ["sleep", "300"], name="other", detach=True)
    assert eventually(lambda: len(shims(root)) == 2, PATIENCE_S), shims(root)
    client.containers.get("other").remove(force=True)
    assert eventually(lambda: len(shims(root)) == 1, PATIENCE_S)
    assert client.containers.run("busybox", ["echo", "on"], remove=True) == b"on\n"


def test_nobody_writes_crun_and_it_is_executed_once(root: Container) -> None:
    assert "Read-only file system" in said_by(root, "cp", "/machine/true", "/machine/crun")
    trace = "/sys/kernel/tracing"
    root.exec_run(["mount", "-t", "tracefs", "none", trace])
    root.exec_run(["sh", "-c", f"echo 1 >{trace}/events/sched/sched_process_exec/enable"])
    root.exec_run(["true"])
    found = said_by(root, "cat", f"{trace}/trace")
    assert "filename=/usr/bin/crun " in found
    assert "filename=/dev/fd/" not in found
