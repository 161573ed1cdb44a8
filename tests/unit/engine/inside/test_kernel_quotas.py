"""What engines share: the script before the OCI runtime, and the counts of the watchdog."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import select
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grader.engine.inside import daemon, kernel_quotas
from grader.engine.inside import sandbox as inside

AIO_SETUP = {"x86_64": 206, "aarch64": 0}
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "newinstance"]},
]
TYPED = [
    'say "type":"devpts","source":"devpts","options":[ x',
    "create",
    "run",
    "a  b",
]
"""A student's words, which are in the file too."""


@pytest.fixture
def bounded(tmp_path, monkeypatch):
    """The script, before a runtime that writes down what it was told."""
    told = tmp_path / "told"
    runtime = tmp_path / "runtime"
    runtime.write_text(f'#!/bin/sh\nfor word; do echo "<$word>"; done >{told}\n')
    runtime.chmod(0o755)
    monkeypatch.setattr(kernel_quotas, "RUNTIME", str(tmp_path / "bounded"))
    monkeypatch.setattr(kernel_quotas, "RUNC", str(tmp_path / "runc"))
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    monkeypatch.setattr(kernel_quotas, "STUDENT", str(tmp_path / "student"))
    kernel_quotas.bound_containers(str(runtime), guarded=True)

    def run(*words: str, group: str = "/student/x", **spaces: Any) -> tuple[list[str], dict[str, Any]]:
        linux = {"cgroupsPath": group, "namespaces": [{"type": "pid"}, {"type": "network"}]} | spaces
        config = {"process": {"args": TYPED}, "mounts": MOUNTS, "linux": linux}
        (bundle / "config.json").write_text(json.dumps(config, separators=(",", ":")))
        argv = [str(bundle) if word == "BUNDLE" else word for word in words]
        subprocess.run([tmp_path / "bounded", *argv], check=True, timeout=20)
        given = [line[1:-1] for line in told.read_text().splitlines()]
        return given, json.loads((bundle / "config.json").read_text())

    return run


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_container_gets_a_number_of_terminals_and_no_key(bounded, tmp_path, verb):
    words = ["--root", "/r", verb, "--bundle", "BUNDLE", "--pid-file", "a b", "create"]
    given, config = bounded(*words)
    bundle = str(tmp_path / "bundle")
    assert given == [
        "--root",
        "/r",
        verb,
        "--no-new-keyring",
        "--bundle",
        bundle,
        "--pid-file",
        "a b",
        "create",
    ]
    assert config["process"]["args"] == TYPED
    assert config["mounts"][0] == MOUNTS[0]
    assert config["mounts"][1]["options"] == [f"max={kernel_quotas.CONTAINERS_PTYS}", "nosuid", "newinstance"]


def test_nothing_runs_in_the_engines_own_network(bounded):
    with pytest.raises(subprocess.CalledProcessError):
        bounded("create", "--bundle", "BUNDLE", "id", namespaces=[{"type": "pid"}])


def test_nothing_runs_outside_the_students_group_where_there_are_groups(bounded, tmp_path):
    bounded("create", "--bundle", "BUNDLE", "id", group="/other/x")
    (tmp_path / "student").mkdir()
    bounded("create", "--bundle", "BUNDLE", "id")
    with pytest.raises(subprocess.CalledProcessError):
        bounded("create", "--bundle", "BUNDLE", "id", group="/other/x")


def test_other_commands_pass_as_they_are(bounded):
    words = ["--root", "/r", "kill", "--all", "create", "KILL", ""]
    given, config = bounded(*words)
    assert given == words
    assert config["mounts"] == MOUNTS


def test_a_runc_that_was_there_before_comes_after_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_quotas, "RUNTIME", str(tmp_path / "bounded"))
    monkeypatch.setattr(kernel_quotas, "RUNC", str(tmp_path / "runc"))
    (tmp_path / "runc").write_text("#!/bin/sh\n# somebody's own\n")
    for _ in range(2):
        kernel_quotas.bound_containers("/x/runtime")
        assert f'exec {tmp_path}/runc.plain "$@"' in (tmp_path / "runc").read_text()
        assert "somebody's own" in (tmp_path / "runc.plain").read_text()
        assert 'exec /x/runtime "$@"' in (tmp_path / "bounded").read_text()


def test_watches_of_epoll_are_counted():
    before = kernel_quotas.watches([os.getpid()])
    read, write = os.pipe()
    with select.epoll() as one, select.epoll() as two:
        for poll in (one, two):
            poll.register(read, select.EPOLLIN)
            poll.register(write, select.EPOLLOUT)
        assert kernel_quotas.watches([os.getpid(), 2**22 + 1]) == before + 4
    os.close(read)
    os.close(write)
    assert kernel_quotas.watches([os.getpid()]) == before
    assert 0 < kernel_quotas.most_watches() <= kernel_quotas.MOST_WATCHES


@pytest.mark.skipif(platform.machine() not in AIO_SETUP, reason="the number of io_setup(2) is not known here")
def test_asynchronous_input_and_output_is_counted():
    before = kernel_quotas.aio([os.getpid()])
    context, libc = ctypes.c_ulong(0), ctypes.CDLL(None, use_errno=True)
    number = AIO_SETUP[platform.machine()]
    assert libc.syscall(number, 1000, ctypes.byref(context)) == 0, os.strerror(ctypes.get_errno())
    try:
        assert kernel_quotas.aio([os.getpid()]) - before >= 500
        assert kernel_quotas.aio_share() > 0
    finally:
        libc.syscall(number + 1, context)
    assert kernel_quotas.aio([os.getpid()]) == before


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"kernel/pty/nr": "3071"}, ""),
        ({"kernel/pty/nr": "3072"}, "pseudo-terminals"),
        ({"fs/aio-nr": "65000"}, "contexts for asynchronous input and output"),
        ({"fs/file-nr": "99000\t0\t100000"}, "open files"),
        ({"loadavg": "1 1 1 3/4000 77", "kernel/pid_max": "4100"}, "processes and threads"),
    ],
)
def test_what_a_machine_has_run_out_of(monkeypatch, facts, said):
    machine = {
        "kernel/pty/max": "4096",
        "kernel/pty/reserve": "1024",
        "kernel/pty/nr": "20",
        "fs/aio-nr": "0",
        "fs/aio-max-nr": "65536",
        "fs/file-nr": "1000\t0\t100000",
        "kernel/pid_max": "32768",
        "kernel/threads-max": "60000",
        "loadavg": "1 1 1 3/400 77",
        **facts,
    }

    def read(path, most):
        return machine[path.removeprefix("/proc/").removeprefix("sys/")].encode()

    monkeypatch.setattr(kernel_quotas, "_read", read)
    assert kernel_quotas.shortage() == said


def test_this_machine_has_what_tests_need():
    assert kernel_quotas.shortage() == ""
    assert Path("/proc/sys/kernel/pty/nr").is_file()


def test_a_runtime_keeps_its_arguments_behind_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container without control groups crun is told so; without that, no container starts there."""
    monkeypatch.setattr(kernel_quotas, "bound_containers", lambda runtime, guarded: f"/bounded{runtime}")
    guest = object.__new__(inside.Inside)
    guest.groups = False
    guest.spec = {
        "daemon": {"runtimes": {"crun": {"path": "/x", "runtimeArgs": ["--cgroup-manager=disabled"]}}}
    }
    guest.bound_containers()
    assert guest.spec["daemon"]["runtimes"] == {
        "crun": {"path": f"/bounded{daemon.RUNTIME}", "runtimeArgs": ["--cgroup-manager=disabled"]}
    }
