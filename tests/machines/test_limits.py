"""What a student's containers may take, on a machine with control groups of version 2.

With a user manager, which hands groups of one's own out, limits are real; without one nothing is limited
and nothing counted, and it is said.
"""

from __future__ import annotations

import re

import pytest

from tests.machines.person import SET_UP_S, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SET_UP_S)]
NO_MANAGER = "env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS"
"""As after ``su`` or from cron: no session's variables, so nobody to ask."""


def test_limits_are_real_where_a_user_manager_hands_groups_out(lab: Person) -> None:
    eaten = lab.in_terminal("docker run --name big --memory 64m busybox tail /dev/zero")
    assert eaten.code == 137, eaten.text
    assert lab.docker("inspect --format '{{.State.OOMKilled}}' big") == "true"
    lab.docker("run --detach --name half --cpus 0.5 busybox sh -c 'while :; do :; done'")
    lab.docker("run --detach --name calm --memory 64m busybox sleep 100000")
    assert lab.docker("exec half cat /sys/fs/cgroup/cpu.max") == "50000 100000"
    read = lab.docker("stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}'")
    print(read)
    shown = {line.split()[0]: line.split()[1:] for line in read.splitlines()}
    assert 20 < float(shown["half"][0].rstrip("%")) < 65, read
    # Its own figures: a shell's few hundred kilobytes, one process.
    assert 0 < mebibytes(shown["calm"][1]) < 10, read
    assert shown["calm"][-1] == "1", read
    assert "64MiB" in shown["calm"], read
    assert "sleep 100000" in lab.docker("top calm")
    lab.docker("pause calm")
    assert lab.docker("inspect --format '{{.State.Status}}' calm") == "paused"
    lab.docker("unpause calm")
    lab.docker("rm --force big half calm")


BUILDS = {
    "printf 'FROM busybox\\nRUN cat /proc/self/cgroup\\n' > Dockerfile && docker build --progress plain .": 0,
    "DOCKER_BUILDKIT=0 docker build --no-cache .": 0,
    "docker buildx build --no-cache --progress plain --cgroup-parent /outside .": 1,
}
"""What is typed in an empty folder, and the exit code."""


def test_a_build_has_its_group_among_the_students(lab: Person) -> None:
    lab.run("mkdir -p ~/built")
    for words, code in BUILDS.items():
        done = lab.in_terminal(f"cd ~/built && {words}")
        print(done.text)
        assert done.code == code, done.text


def test_without_a_user_manager_nothing_is_counted_and_it_is_said(lab: Person) -> None:
    run = f"cd dockbook && {NO_MANAGER} ./dockbook engine run --"
    words = "docker run --detach --name calm --memory 64m busybox sleep 100 && docker stats --no-stream calm"
    read = lab.run(f"{run} sh -c '{words}'")
    print(read.text)
    assert read.code == 0, read.text
    assert re.search(r"calm +0\.00% +0B / 0B .* 0$", read.text.rstrip()), read.text
    assert "memory limit" in read.text.lower(), read.text
    refused = lab.run(f"{run} docker run --cpus 0.5 busybox true")
    print(refused.text)
    assert refused.code != 0
    assert "leave out --cpus" in refused.text, refused.text
    told = lab.run(f"cd dockbook && {NO_MANAGER} ./dockbook doctor")
    assert "systemd's user manager does not answer" in told.text, told.text


def mebibytes(text: str) -> float:
    """Of a figure such as ``740KiB``."""
    number, unit = re.fullmatch(r"([\d.]+)([KMG]?i?B)", text.strip()).groups()  # type: ignore[union-attr]
    return float(number) * {"B": 2**-20, "KiB": 2**-10, "MiB": 1, "GiB": 1024}[unit]
