"""Canaries with random content on this machine: nothing that runs in a sandbox finds one.

Neither with any option that the plugin lets through, nor with the plugin switched off and everything allowed.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import DockerClient
from docker.errors import APIError, ContainerError

from grader.engine.base import Engine
from grader.engine.choose import open_engine

SEARCH = (Path(__file__).parent / "search.py").read_text()
IMAGE = "training/webapp"
EVERYTHING: dict[str, Any] = {
    "privileged": True,
    "pid_mode": "host",
    "ipc_mode": "host",
    "network_mode": "host",
    "volumes": ["/:/host"],
}


@pytest.fixture(scope="module")
def canaries() -> Iterator[dict[str, str]]:
    """Each place on this machine, with the word that is there; the words are random, and also names."""
    word = {place: secrets.token_hex(16) for place in ("shm", "tmp", "home", "socket", "process")}
    files = [
        Path("/dev/shm", word["shm"]),
        Path("/tmp", word["tmp"]),
        Path.home() / f".{word['home']}",
    ]
    for path, place in zip(files, ("shm", "tmp", "home"), strict=True):
        path.write_text(f"a canary: {word[place]}\n")
        path.chmod(0o644)
    code = "import sys, time; sys.stdin.read()"
    with (
        socket.socket(socket.AF_UNIX) as listener,
        subprocess.Popen([sys.executable, "-c", code, word["process"]], stdin=subprocess.PIPE) as process,
    ):
        listener.bind(b"\0" + word["socket"].encode())
        listener.listen()
        command_line = Path(f"/proc/{process.pid}/cmdline")
        while word["process"].encode() not in command_line.read_bytes():  # empty for a moment after exec
            assert process.poll() is None
        yield word
        process.kill()
    for path in files:
        path.unlink()


@pytest.fixture(scope="module")
def unguarded() -> Iterator[Engine]:
    """A sandbox without the plugin."""
    with open_engine("sandbox", plugin=False) as engine:
        yield engine


def search(client: DockerClient, words: list[str], **options: Any) -> dict[str, Any]:
    """Search from inside a container with these options."""
    env = {"REVERSED": ",".join(word[::-1] for word in words)}
    output = client.containers.run(
        IMAGE, ["python", "-c", SEARCH], environment=env, remove=True, user="0", **options
    )
    result: dict[str, Any] = json.loads(output)
    assert result["files"] > 100, "the search hardly looked at anything"
    assert result["processes"] >= 1
    return result


def test_the_canaries_are_there_to_be_found_on_the_host(canaries: dict[str, str]) -> None:
    """The same search, on this machine: it would find them all."""
    places = {
        "shm": Path("/dev/shm", canaries["shm"]).read_text(),
        "tmp": Path("/tmp", canaries["tmp"]).read_text(),
        "home": (Path.home() / f".{canaries['home']}").read_text(),
        "socket": Path("/proc/net/unix").read_text(),
        "process": "".join(
            (entry / "cmdline").read_bytes().decode(errors="replace")
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (entry / "cmdline").exists()
        ),
    }
    for place, text in places.items():
        assert canaries[place] in text


ALLOWED: list[dict[str, Any]] = [
    {},
    {"pid_mode": "container:neighbour"},
    {"ipc_mode": "container:neighbour"},
    {"ipc_mode": "shareable"},
    {"network_mode": "container:neighbour"},
    {"network_mode": "none"},
    {"network_mode": "bridge"},
    {"volumes": {"data": {"bind": "/data", "mode": "rw"}}},
    {"volumes_from": ["neighbour"]},
    {"mounts": [docker.types.Mount("/m", "more")]},
    {"mounts": [docker.types.Mount("/t", None, type="tmpfs")]},
    {"tmpfs": {"/scratch": ""}},
    {"cap_add": ["MKNOD", "NET_RAW", "SYS_CHROOT", "DAC_OVERRIDE", "SETFCAP"]},
    {"cgroupns": "private"},
    {"security_opt": ["no-new-privileges:true"]},
    {"sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}},
    {"links": {"neighbour": "neighbour"}},
    {"extra_hosts": {"outside": "host-gateway"}},
    {"dns": ["127.0.0.1"]},
    {"publish_all_ports": True},
    {"group_add": ["0", "disk"]},
    {"init": True},
    {"oom_score_adj": 500},
    {"hostname": "localhost"},
    {"read_only": True, "tmpfs": {"/tmp": ""}},
]


EVERY_TIME = 3
"""Of the options by themselves so many are tried each time, all of them together always."""


@pytest.mark.parametrize(
    "options",
    [pytest.param(one, marks=[pytest.mark.slow] * (n >= EVERY_TIME)) for n, one in enumerate(ALLOWED)],
    ids=lambda options: str(options)[:60],
)
def test_with_an_option_that_the_plugin_lets_through(
    shared_engine: Engine, canaries: dict[str, str], options: dict[str, Any]
) -> None:
    student = docker.DockerClient(base_url=shared_engine.docker_host, timeout=60)
    neighbour = student.containers.run(
        IMAGE, ["sleep", "600"], name="neighbour", detach=True, ipc_mode="shareable", volumes=["/shared"]
    )
    try:
        assert search(student, list(canaries.values()), **options)["found"] == []
    finally:
        neighbour.remove(force=True, v=True)
        student.close()


def test_with_all_of_them_together(shared_engine: Engine, canaries: dict[str, str]) -> None:
    student = docker.DockerClient(base_url=shared_engine.docker_host, timeout=60)
    neighbour = student.containers.run(
        IMAGE, ["sleep", "600"], name="neighbour", detach=True, ipc_mode="shareable"
    )
    together: dict[str, Any] = {}
    for options in ALLOWED:
        together |= {
            name: value for name, value in options.items() if name not in ("hostname", "links", "dns")
        }
    together |= {
        "pid_mode": "container:neighbour",
        "ipc_mode": "container:neighbour",
        "network_mode": "container:neighbour",
        "read_only": False,
    }
    for name in ("publish_all_ports", "extra_hosts", "sysctls"):
        together.pop(name)  # not with another container's network
    try:
        assert search(student, list(canaries.values()), **together)["found"] == []
    finally:
        neighbour.remove(force=True, v=True)
        student.close()


@pytest.mark.parametrize(
    "options",
    [{name: value} for name, value in EVERYTHING.items()] + [EVERYTHING],
    ids="+".join,
)
def test_with_the_plugin_switched_off(
    unguarded: Engine, canaries: dict[str, str], options: dict[str, Any]
) -> None:
    result = search(unguarded.client(timeout=120), list(canaries.values()), **options)
    assert result["found"] == []
    if options is EVERYTHING:
        assert result["files"] > 5000, "the engine's own files were not looked at"


def test_without_the_plugin_the_hosts_disks_cannot_be_had(unguarded: Engine) -> None:
    """Device nodes are what a privileged container would take the host's disks by."""
    attempts = (
        "mknod /disk b 254 0 && dd if=/disk of=/dev/null bs=512 count=1",
        "mknod /disk b 8 0 && dd if=/disk of=/dev/null bs=512 count=1",
        "mknod /kmem c 1 1 && dd if=/kmem of=/dev/null bs=512 count=1",
        "echo '|/x' > /proc/sys/kernel/core_pattern",
        "echo /x > /sys/kernel/uevent_helper",
        "modprobe dummy || insmod /x.ko",
        "mount -t debugfs x /mnt",
        "nsenter -t 1 -m -u -i -n -p ls /home/canary-of-the-host",
    )
    for attempt in attempts:
        with pytest.raises(ContainerError):
            unguarded.client().containers.run("busybox", ["sh", "-c", attempt], remove=True, **EVERYTHING)


def owners_of(mark: str) -> set[int]:
    """The ids that processes with this word on their command line belong to."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.add(entry.stat().st_uid)
            except OSError:
                continue
    return found


def test_root_in_there_is_nobody_out_here(unguarded: Engine) -> None:
    """A process of a privileged container belongs to a subordinate id, seen from this machine."""
    mark = secrets.token_hex(8)
    client = unguarded.client()
    argv = ["python", "-c", "import time; time.sleep(600)", mark]
    box = client.containers.run(IMAGE, argv, detach=True, **EVERYTHING)
    deadline = time.monotonic() + 20
    while not (owners := owners_of(mark)):  # its start is told a moment before its program is there
        assert time.monotonic() < deadline
    assert not owners & {0, os.geteuid()}
    box.remove(force=True)


# --- the search itself: it finds what is planted where it can reach


@pytest.fixture
def planted(unguarded: Engine) -> Iterator[list[str]]:
    """Canaries in the sandbox, outside of the searching container: files, a process, a socket, memory."""
    words = [secrets.token_hex(16) for _ in range(4)]
    # The words reach the script reversed: on its command line they would all be found there.
    script = """
import os, socket, time
file, memory, name = (word[::-1] for word in os.environ["REVERSED"].split(","))
open("/host/var/tmp/file", "w").write(f"x {file} x")
open(f"/host/dev/shm/{memory}", "w")
listener = socket.socket(socket.AF_UNIX)
listener.bind(bytes(1) + name.encode())
listener.listen()
print("ready", flush=True)
time.sleep(600)
"""
    env = {"REVERSED": ",".join(word[::-1] for word in words[:3])}
    box = unguarded.client().containers.run(
        IMAGE, ["python", "-c", script, words[3]], detach=True, environment=env, **EVERYTHING
    )
    for line in box.logs(stream=True, follow=True):
        if b"ready" in line:
            break
    yield words
    box.remove(force=True)


def test_the_search_finds_what_is_planted_inside(unguarded: Engine, planted: list[str]) -> None:
    found = search(unguarded.client(timeout=120), planted, **EVERYTHING)["found"]
    text = "\n".join(found)
    for word, where in zip(
        planted, ("/host/var/tmp/file", "/dev/shm/", "/proc/net/unix", "/cmdline"), strict=True
    ):
        assert any(where in line and word[:8] in line for line in found), f"{where}: {text}"
    assert f"a socket without a file: {planted[2][:8]}" in found


def test_with_the_plugin_none_of_that_can_be_asked_for(shared_engine: Engine) -> None:
    student = docker.DockerClient(base_url=shared_engine.docker_host, timeout=60)
    for name, value in EVERYTHING.items():
        with pytest.raises(APIError, match="this course's engine does not"):
            student.containers.create("busybox", "true", **{name: value})
    student.close()
