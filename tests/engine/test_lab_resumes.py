"""`dockbook lab` with what a student left on its engine, and the commands that clear that."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from docker import DockerClient

from grader.engine import running_engines
from grader.engine.persistent_state import PersistentState
from grader.engine.resume import KEPT
from grader.engine.system import ids
from grader.engine.system.ids import remove
from tests.browser.lab import DOCKBOOK, Lab

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def workspace(engine_image: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DOCKBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKBOOK_WORKSPACE", str(tmp_path / "dockbook"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    yield tmp_path / "dockbook"
    remove(tmp_path / "state", ids.own_ids())


@contextmanager
def running(workspace: Path, *options: str) -> Iterator[tuple[Lab, DockerClient]]:
    """A lab that answers, and its engine as a terminal has it."""
    lab = Lab(workspace, "lab", "--no-browser", *options)
    try:
        lab.address()
        [info] = [one for one in running_engines.running() if one.owner_pid == lab.process.pid]
        with closing(DockerClient(base_url=info.docker_host, timeout=60)) as client:
            yield lab, client
    finally:
        lab.end()


def dockbook(*arguments: str, code: int = 0) -> str:
    """A command's output; nobody is there to be asked."""
    done = subprocess.run(
        [DOCKBOOK, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def engine_line(lab: Lab) -> str:
    [line] = [line for line in lab.lines if line.startswith("Engine: ")]
    return line


def fetch(url: str) -> bytes:
    """What is answered there; waits for somebody to listen."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return bytes(urllib.request.urlopen(url, timeout=2).read())
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)


def test_a_lab_goes_on_after_ctrl_c_and_after_kill(workspace: Path) -> None:
    with running(workspace) as (lab, client):
        assert KEPT in engine_line(lab)
        client.containers.run("httpd", name="web", detach=True, restart_policy={"Name": "always"})
        client.containers.create("busybox", name="box").commit("mine")
        assert lab.end() == 0
    with running(workspace) as (lab, client):
        assert client.containers.get("web").status == "running"
        lab.process.send_signal(signal.SIGKILL)
        lab.process.wait(30)
    with running(workspace) as (lab, client):
        assert client.containers.get("web").status == "running"
        assert client.containers.get("box").status == "created"
        assert client.images.get("mine").tags == ["mine:latest"]
    assert "Saved engine state: " in dockbook("status")
    assert json.loads(dockbook("status", "--json"))["saved_engine"]["bytes"] > 100_000


@pytest.mark.slow
def test_a_second_lab_is_told_and_a_fresh_one_is_not_in_the_way(workspace: Path) -> None:
    with running(workspace) as (lab, _):
        said = dockbook("lab", "--no-browser", code=3)
        assert f"in use by another lab (process {lab.process.pid}" in said
        with running(workspace, "--fresh") as (fresh, client):
            assert "Nothing on it is kept (--fresh)." in engine_line(fresh)
            client.containers.create("busybox", name="box")
    with running(workspace) as (_, client):
        assert client.containers.list(all=True) == []


@pytest.mark.slow
def test_reset_cleans_the_engine_of_a_running_lab_once_allowed(workspace: Path) -> None:
    with running(workspace) as (lab, client):
        client.networks.create("shop")
        client.containers.run("httpd", name="web", detach=True, network="shop")
        said = dockbook("reset", "ch01")
        assert "containers: web (httpd)" in said
        assert "networks: shop" in said
        assert "The engine is left unchanged." in said
        assert client.containers.get("web").status == "running"

        said = dockbook("reset", "ch01", "--yes")
        assert "clean: your engine" in said
        assert client.containers.list(all=True) == []
        lab.wait_for("dockbook: the engine was reset", 10)

        # The lab goes on: what is published now answers on this machine.
        client.containers.run("httpd", detach=True, ports={"80/tcp": 15017})
        assert b"It works" in fetch("http://127.0.0.1:15017/")
        assert "containers" not in dockbook("reset", "ch01", "--keep-engine")
        assert len(client.containers.list()) == 1


@pytest.mark.slow
def test_without_a_lab_what_is_kept_is_cleared_once_allowed(workspace: Path) -> None:
    assert "Saved engine state" not in dockbook("lab", "--help")
    with running(workspace) as (_, client):
        client.containers.create("busybox", name="box").commit("mine:1")
    said = dockbook("engine", "reset", code=1)
    assert "containers: box (busybox)" in said
    assert "images: mine:1" in said
    assert PersistentState(workspace).exists()
    assert "clean: your engine" in dockbook("reset", "ch01", "--yes")
    assert not PersistentState(workspace).place.exists()
    assert "Saved engine state" not in dockbook("status")
    assert dockbook("engine", "reset") == ""


@pytest.mark.slow
def test_a_person_is_asked(workspace: Path) -> None:
    with running(workspace) as (_, client):
        client.containers.create("busybox", name="box")
    for answer, code in (b"n\n", 1), (b"y\n", 0):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [DOCKBOOK, "engine", "reset"], stdin=theirs, stdout=subprocess.PIPE, text=True
        ) as asked:
            os.close(theirs)
            os.write(ours, answer)
            out, _ = asked.communicate(timeout=60)
        os.close(ours)
        assert "Remove them?" in out
        assert asked.returncode == code
        assert PersistentState(workspace).exists() == (code == 1)


def test_all_of_it_even_for_workspaces_that_are_gone(workspace: Path, tmp_path: Path) -> None:
    other = PersistentState(tmp_path / "gone")
    os.close(other.hold())
    other.begin("key")
    other.state.mkdir()
    said = dockbook("engine", "reset", "--all", "--yes")
    assert f"{tmp_path / 'gone'}:" in said
    assert not other.place.exists()
