"""The differ of ``test_leftovers``: a planted leftover of each kind is found, and so is its removal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import differ


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[differ.Host]:
    # Places of its own: other engines of this machine come and go meanwhile.
    for variable in ("TMPDIR", "XDG_RUNTIME_DIR", "DOCKBOOK_STATE"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    with differ.adopting_orphans():
        yield differ.look()


def planted(before: differ.Host, kind: str, word: str) -> bool:
    return any(entry.startswith(f"{kind}: ") and word in entry for entry in differ.look().since(before))


def test_it_finds_a_process_even_an_orphan_of_an_orphan(before: differ.Host) -> None:
    # A double fork in a session of its own: what daemons do to be nobody's child.
    script = "setsid sh -c 'sleep 4321 >/dev/null 2>&1 &' &"
    subprocess.run(["sh", "-c", script], check=True)
    deadline = time.monotonic() + 5
    while not planted(before, "processes", "sleep 4321"):
        assert time.monotonic() < deadline, "an orphan was not seen"
        time.sleep(0.05)
    left = differ.left_since(before, wait_s=0.5)
    assert len(left) == 1
    os.kill(int(left[0].split()[1]), signal.SIGKILL)
    assert differ.left_since(before) == []


@pytest.mark.root
def test_it_finds_a_mount(before: differ.Host, tmp_path: Path) -> None:
    assert os.geteuid() == 0, "mounting needs root. Next: run these tests as root."
    place = tmp_path / "planted"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "planted", str(place)], check=True)
    try:
        assert planted(before, "mounts", "planted")
        assert differ.left_since(before, wait_s=0.2) != []
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert differ.left_since(before) == []


@pytest.mark.root
def test_it_finds_a_namespace_that_a_mount_keeps(before: differ.Host, tmp_path: Path) -> None:
    assert os.geteuid() == 0, "mounting needs root. Next: run these tests as root."
    pin = tmp_path / "pin"
    pin.touch()
    subprocess.run(["unshare", f"--net={pin}", "true"], check=True)
    try:
        assert planted(before, "mounts", "nsfs")
    finally:
        subprocess.run(["umount", str(pin)], check=True)
    assert differ.left_since(before) == []


def test_it_finds_a_namespace_that_a_process_keeps(before: differ.Host) -> None:
    with subprocess.Popen(["unshare", "--user", "--net", "sleep", "600"]) as process:
        differ.KEPT.add(process.pid)
        deadline = time.monotonic() + 5
        while not planted(before, "namespaces", "net:["):
            assert time.monotonic() < deadline, "a namespace was not seen"
            time.sleep(0.05)
        process.kill()
    differ.KEPT.discard(process.pid)
    assert differ.left_since(before) == []


@pytest.mark.parametrize("folder", ["TMPDIR", "/dev/shm", "/run", "/var/tmp"])
def test_it_finds_a_file(before: differ.Host, folder: str) -> None:
    if not os.access(folder, os.W_OK):  # /run is root's alone
        folder = os.environ["TMPDIR"]
    path = Path(folder, f"planted-{os.getpid()}")
    path.touch()
    try:
        assert planted(before, "files", path.name)
    finally:
        path.unlink()
    assert differ.left_since(before) == []


def test_it_finds_a_socket_without_a_file(before: differ.Host) -> None:
    with socket.socket(socket.AF_UNIX) as planted_socket:
        planted_socket.bind(f"\0planted-{os.getpid()}")
        assert planted(before, "network", f"@planted-{os.getpid()}")
    assert differ.left_since(before) == []


def test_control_groups_of_the_machines_containers_are_not_ours(tmp_path: Path) -> None:
    """Everything else is, beside and below them."""
    for name in ("cpu/docker", f"cpu/docker/{'a1' * 32}/docker", "cpu/docker/a1", f"cpu/{'b2' * 32}"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    found = {str(Path(one).relative_to(tmp_path)) for one in differ._cgroups(str(tmp_path))}
    assert found == {".", "cpu", "cpu/docker", "cpu/docker/a1", f"cpu/{'b2' * 32}"}
