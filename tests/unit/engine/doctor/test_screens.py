"""Whole screens of the doctor on machines that these tests do not run on, as their users read them.

Each is a file in ``golden/``; RENEW_GOLDEN=1 writes them anew, and what changed is read in the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from grader.engine.docker_context import DEFAULT_SOCKET, DockerContext
from grader.engine.doctor.examine import diagnose
from grader.engine.doctor.facts import Facts
from grader.engine.doctor.virtual_machine import VMFacts
from grader.engine.endpoint import Endpoint

GOLDEN = Path(__file__).parent / "golden"
GB = 1 << 30
DESKTOP = Endpoint(DEFAULT_SOCKET, engine_version="28.5.2", api_version="1.51")
ABSENT = Endpoint(DEFAULT_SOCKET, "missing", "No such file or directory")
SOFTWARE = {"python": "3.12.4", "dockbook": "0.1.0", "docker-py": "7.1.0", "jupyterlab": "4.6.0"}
LINUX = Facts(
    user="ann",
    distribution_name="Ubuntu 24.04.1 LTS",
    distribution="ubuntu",
    versions=SOFTWARE,
    endpoint=ABSENT,
    cache="/home/ann/.cache/dockbook",
    cache_free=40 * GB,
    memory_total=16 * GB,
    memory_available=8 * GB,
)
NO_IMAGE = "There is no engine image for this recipe yet."
MACOS = replace(
    LINUX,
    system="Darwin",
    distribution="",
    distribution_name="macOS 15.1",
    kernel="24.1.0",
    machine="arm64",
    systemd=False,
    cache="/Users/ann/Library/Caches/dockbook",
    memory_total=None,
    memory_available=None,
    max_user_namespaces=None,
    namespaces="Darwin has no user namespaces",
    newuidmap=False,
    image=NO_IMAGE,
    image_tools=False,
)
COLIMA = "unix:///Users/ann/.colima/default/docker.sock"
WSL = replace(LINUX, wsl=True, kernel="5.15.167.4-microsoft-standard-WSL2", probed=True, image=NO_IMAGE)
DENIED = "unshare: unshare failed: Operation not permitted"
CONTAINER = replace(
    LINUX,
    user="jovyan",
    distribution="debian",
    distribution_name="Debian GNU/Linux 13 (trixie)",
    in_container=True,
    systemd=False,
    namespaces=DENIED,
    newuidmap=False,
    subordinate_ids="sudo usermod --add-subuids 100000-165535 jovyan",
    probed=True,
    probe=DENIED,
    cache="/srv/dockbook",
    memory_total=2 * GB,
    memory_available=1600 << 20,
)
MACHINES = {
    "macos-without-docker": MACOS,
    "macos-docker-desktop-not-started": replace(
        MACOS,
        docker_installed=True,
        context=DockerContext("desktop-linux", "config.json", "unix:///Users/ann/.docker/run/docker.sock"),
        endpoint=Endpoint("unix:///Users/ann/.docker/run/docker.sock", "refused", "Connection refused"),
    ),
    "macos-docker-desktop": replace(MACOS, docker_installed=True, endpoint=DESKTOP),
    "macos-colima": replace(
        MACOS,
        docker_installed=True,
        context=DockerContext("colima", "config.json", COLIMA),
        endpoint=replace(DESKTOP, address=COLIMA),
        busy_ports=frozenset({5000}),
    ),
    "wsl": WSL,
    "wsl-docker-desktop": replace(WSL, docker_installed=True, endpoint=DESKTOP),
    "ubuntu-apparmor": replace(
        LINUX,
        apparmor_restricts=True,
        namespaces="unshare: mount failed: Permission denied",
        probed=True,
        probe="writing the id maps was not permitted",
        python_path="/home/ann/dockbook/.venv/bin/python3.12",
        image=NO_IMAGE,
    ),
    "container-with-qemu": replace(CONTAINER, vm=VMFacts(missing=(), qemu="10.0.2")),
    "container-without-qemu": replace(CONTAINER, image=NO_IMAGE, image_tools=False),
    "container-with-a-docker": replace(CONTAINER, endpoint=DESKTOP, image=NO_IMAGE, image_tools=False),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_screen_is_as_it_was_read_last(machine: str) -> None:
    screen = diagnose(MACHINES[machine]).as_text() + "\n"
    golden = GOLDEN / f"doctor-{machine}.txt"
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(screen)
    assert screen == golden.read_text()


def test_every_golden_screen_belongs_to_a_machine() -> None:
    assert {path.name for path in GOLDEN.glob("doctor-*.txt")} == {f"doctor-{one}.txt" for one in MACHINES}
