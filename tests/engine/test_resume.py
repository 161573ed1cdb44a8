"""A lab's engine goes on where it was left: after an orderly end, after `kill -9` of any part or of all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from docker import DockerClient

from grader.engine import resume, running_engines
from grader.engine.contents import Contents, from_api
from grader.engine.image.engine_image import EngineImage, find_image
from grader.engine.persistent_state import PersistentState, all_kept
from grader.engine.resume import KEPT, open_persistent
from grader.engine.sandbox import Sandbox
from grader.engine.system import ids
from grader.engine.system.ids import remove
from grader.errors import StateBusy
from tests.engine import differ
from tests.shared_tree import shared_python, shared_tree
from tests.users import ordinary_user

TREE = str(Path(__file__).resolve().parents[2])
OWNER = """
import sys, time
from pathlib import Path
from grader.engine.image.engine_image import find_image
from grader.engine.resume import open_persistent
engine = open_persistent(find_image(), Path(sys.argv[1]), print, label="test")
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def workspace(engine_image: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace whose engine is kept in a folder of this test."""
    monkeypatch.setenv("DOCKBOOK_STATE", str(tmp_path / "state"))
    place = tmp_path / "dockbook"
    place.mkdir()
    yield place
    remove(tmp_path / "state", ids.own_ids())


@pytest.fixture
def said() -> list[str]:
    return []


@contextmanager
def opened(workspace: Path, said: list[str]) -> Iterator[tuple[Sandbox, DockerClient]]:
    engine = open_persistent(find_image(), workspace, said.append, label="test")
    with engine, closing(engine.client()) as client:
        yield engine, client


def make_things(client: DockerClient) -> None:
    """What a student may leave behind: of each kind one, and an image less."""
    client.networks.create("shop")
    client.volumes.create("data")
    mount = {"data": {"bind": "/data", "mode": "rw"}}
    client.containers.run("busybox", ["sh", "-c", "echo kept > /data/x"], volumes=mount, remove=True)
    box = client.containers.run("busybox", ["sh", "-c", "echo written > /new"], name="done", detach=True)
    box.wait()
    box.commit("mine")
    client.containers.run("busybox", ["sleep", "1000"], name="plain", detach=True, network="shop")
    client.containers.run(
        "httpd",
        name="web",
        detach=True,
        network="shop",
        ports={"80/tcp": 5001},
        restart_policy={"Name": "always"},
    )
    client.images.remove("hello-world")


def require_things(engine: Sandbox, client: DockerClient) -> None:
    """All of it is there, and works."""
    boxes = {box.name: box for box in client.containers.list(all=True)}
    assert {name: box.status for name, box in boxes.items()} == {
        "done": "exited",
        "plain": "exited",
        "web": "running",
    }
    tags = {tag for image in client.images.list() for tag in image.tags}
    assert {"mine:latest", "busybox:latest", "httpd:latest"} <= tags
    assert "hello-world:latest" not in tags
    assert client.containers.run("mine", ["cat", "/new"], remove=True) == b"written\n"
    mount = {"data": {"bind": "/data", "mode": "ro"}}
    assert client.containers.run("busybox", ["cat", "/data/x"], volumes=mount, remove=True) == b"kept\n"
    boxes["plain"].start()
    assert "It works" in str(boxes["plain"].exec_run(["wget", "-qO-", "http://web/"]).output)
    fetch = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:5001/', timeout=3).read().decode())"
    )
    assert b"It works" in engine.probe("", ["python3", "-c", fetch])[1]
    boxes["plain"].kill()


@contextmanager
def owned(workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that owns the workspace's engine until it is killed, at the end here."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, workspace],
        env={**os.environ, "PYTHONPATH": TREE},
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "ready\n"
            yield owner
        finally:
            owner.kill()


def test_after_an_orderly_end_all_is_there(workspace: Path, said: list[str]) -> None:
    with opened(workspace, said) as (engine, client):
        assert engine.persistence_note == KEPT
        make_things(client)
    with opened(workspace, said) as (engine, client):
        assert client.containers.get("plain").attrs["State"]["ExitCode"] == 137
        require_things(engine, client)
    assert said == []


@pytest.mark.parametrize("who", ["owner", "keeper", "all at once"])
def test_after_a_kill_all_is_there(workspace: Path, said: list[str], who: str) -> None:
    """`all at once` is what a reboot does: nobody is asked, nothing is written any more."""
    with differ.adopting_orphans():
        with owned(workspace) as owner:
            [info] = [one for one in running_engines.running() if one.owner_pid == owner.pid]
            with closing(DockerClient(base_url=info.docker_host, timeout=60)) as client:
                make_things(client)
            below = differ.descendants(owner.pid)
            [keeper] = differ.keepers(owner.pid)
            for pid in {"owner": [owner.pid], "keeper": [keeper], "all at once": [owner.pid, *below]}[who]:
                with suppress(ProcessLookupError):  # the first ones take others along
                    os.kill(pid, signal.SIGKILL)
            if who == "keeper":
                deadline = time.monotonic() + 20
                while PersistentState(workspace).in_use():
                    assert time.monotonic() < deadline, "the sandbox outlived its keeper"
                    time.sleep(0.02)
        with opened(workspace, said) as (engine, client):
            assert client.containers.get("plain").attrs["State"]["ExitCode"] != 0
            require_things(engine, client)
    assert said == []


def test_what_an_image_was_removed_of_stays_removed_and_can_be_pulled_again(
    workspace: Path, said: list[str]
) -> None:
    with opened(workspace, said) as (_, client):
        client.images.remove("training/webapp")
        client.images.remove("busybox")
    with opened(workspace, said) as (_, client):
        assert not {"busybox:latest", "training/webapp:latest"} & {
            tag for image in client.images.list() for tag in image.tags
        }
        client.images.pull("busybox", tag="latest")
        assert client.containers.run("busybox", ["echo", "again"], remove=True) == b"again\n"
    with opened(workspace, said) as (_, client):
        assert client.containers.run("busybox", ["echo", "kept"], remove=True) == b"kept\n"
    assert said == []


def test_what_buildkit_built_is_there_with_its_cache(
    workspace: Path, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN date +%N > /when\nCMD cat /when\n")

    def build(engine: Sandbox) -> bytes:
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", "timed", tmp_path],
            env=engine.env() | {"DOCKER_BUILDKIT": "1"},
            check=True,
            capture_output=True,
        )
        with closing(engine.client()) as client:
            return bytes(client.containers.run("timed", remove=True))

    with opened(workspace, said) as (engine, _):
        first = build(engine)
    with opened(workspace, said) as (engine, client):
        assert client.containers.run("timed", remove=True) == first
        assert build(engine) == first


def test_a_reset_clears_what_is_kept_too(workspace: Path, said: list[str]) -> None:
    with opened(workspace, said) as (engine, client):
        make_things(client)
        engine.reset()
        assert client.containers.list(all=True) == []
    with opened(workspace, said) as (_, client):
        assert client.containers.list(all=True) == []
        assert client.volumes.list() == []
        assert "hello-world:latest" in {tag for image in client.images.list() for tag in image.tags}


@pytest.mark.parametrize("half", ["before the mark", "in a reset"])
def test_half_a_preload_is_done_again(workspace: Path, said: list[str], half: str) -> None:
    with opened(workspace, said):
        pass
    state = PersistentState(workspace).state
    gone = ["docker/.dockbook-preloaded"]
    if half == "in a reset":
        gone += ["docker/image", "docker/network"]
    subprocess.run(ids.command(ids.own_ids(), str(state), ["rm", "-rf", *gone]), check=True)
    with opened(workspace, said) as (_, client):
        assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
    assert said == []


def with_another_key(image: EngineImage) -> EngineImage:
    return EngineImage(image.path, image.suite, "0123456789ab")


def test_what_another_engine_image_kept_is_moved_aside(workspace: Path, said: list[str]) -> None:
    with open_persistent(with_another_key(find_image()), workspace, said.append, label="test") as engine:
        make_things(engine.client())
    assert said == []
    with opened(workspace, said) as (engine, client):
        assert client.containers.list(all=True) == []
        assert engine.persistence_note == KEPT
    [line] = said
    [aside] = PersistentState(workspace).aside()
    assert "made with another engine image" in line
    assert str(aside) in line
    assert "dockbook engine reset" in line
    with opened(workspace, said):
        assert len(said) == 1


def test_layers_of_another_build_of_the_same_image_are_moved_aside(workspace: Path, said: list[str]) -> None:
    with opened(workspace, said):
        pass
    script = "echo another-layer >> docker/.dockbook-preloaded"
    state = PersistentState(workspace).state
    subprocess.run(ids.command(ids.own_ids(), str(state), ["sh", "-c", script]), check=True)
    with opened(workspace, said) as (_, client):
        assert client.ping()
    assert "another build of the engine image" in said[0]


@pytest.mark.parametrize("file", ["network/files/local-kv.db", "image/overlay2/repositories.json"])
def test_a_damaged_state_is_moved_aside_with_its_date(workspace: Path, said: list[str], file: str) -> None:
    with opened(workspace, said) as (_, client):
        client.containers.create("busybox", name="box")
    persistent = PersistentState(workspace)
    script = f"echo nonsense > docker/{file}"
    subprocess.run(ids.command(ids.own_ids(), str(persistent.state), ["sh", "-c", script]), check=True)
    with opened(workspace, said) as (engine, client):
        assert client.containers.list(all=True) == []
        assert engine.persistence_note == KEPT
    [line] = said
    [aside] = persistent.aside()
    assert "did not start" in line
    assert aside.name.startswith("aside-20")
    assert str(aside) in line


def test_a_second_lab_hears_who_has_the_engine(workspace: Path, said: list[str]) -> None:
    with owned(workspace) as owner:
        with pytest.raises(StateBusy) as busy:
            open_persistent(find_image(), workspace, said.append, label="test")
        assert busy.value.pid == owner.pid
        assert str(owner.pid) in str(busy.value)
        assert "--fresh" in str(busy.value)
    with opened(workspace, said) as (engine, _):
        assert engine.persistence_note == KEPT


def test_other_workspaces_have_engines_of_their_own(workspace: Path, said: list[str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with opened(workspace, said) as (_, client), opened(other, said) as (_, beside):
        client.containers.create("busybox", name="box")
        assert beside.containers.list(all=True) == []
    assert {one.workspace for one in all_kept()} == {workspace, other}


def test_what_is_kept_is_told_without_an_engine_and_removed(workspace: Path, said: list[str]) -> None:
    persistent = PersistentState(workspace)
    assert (persistent.contents(), persistent.size()) == (Contents(), 0)
    with opened(workspace, said) as (_, client):
        make_things(client)
        boxes = ("done (busybox)", "plain (busybox)", "web (httpd)")
        assert from_api(client.api) == Contents(boxes, ("mine:latest",), ("shop",), ("data",))
        assert persistent.in_use()
        with pytest.raises(StateBusy):
            persistent.remove()
    assert not persistent.in_use()
    assert persistent.contents() == Contents(boxes, ("mine:latest",), (), ("data",))
    assert persistent.size() > 100_000
    persistent.remove()
    assert not persistent.place.exists()
    assert not persistent.contents()


def test_where_no_engine_can_be_kept_it_is_in_memory_and_says_why(workspace: Path, said: list[str]) -> None:
    """A file system without extended attributes, ramfs, for what students have: NFS, FAT."""
    persistent = PersistentState(workspace)
    persistent.state.mkdir(parents=True)
    persistent.begin(find_image().key)
    subprocess.run(["mount", "-t", "ramfs", "ramfs", persistent.state], check=True)
    try:
        with opened(workspace, said) as (engine, client):
            assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
            assert engine.persistence_note.startswith("What you make on it is not kept this time: ")
            assert "cannot be used" in engine.persistence_note
    finally:
        subprocess.run(["umount", persistent.state], check=True)


def test_the_record_of_a_state_is_what_it_was_made_with(workspace: Path, said: list[str]) -> None:
    with opened(workspace, said):
        about = json.loads((PersistentState(workspace).place / "about.json").read_text())
    assert about["workspace"] == str(workspace)
    assert about["image"] == find_image().key


FILL = ["sh", "-c", "dd if=/dev/zero of=/big bs=1M count=200; sleep 100"]


def test_what_is_kept_has_a_bound_that_is_named(
    workspace: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "MOST_BYTES", 64 << 20)
    with opened(workspace, said) as (engine, client):
        client.containers.run("busybox", ["echo", "hi"], remove=True)
        assert engine.limits_reached() == []
        box = client.containers.run("busybox", FILL, detach=True)
        assert box.wait(timeout=60)["StatusCode"] == 137
        assert engine.limits_reached() == ["disk (64 MB): it is full"]
        box.remove()
        assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"


AS_SOMEONE = """
import sys
from pathlib import Path
from grader.engine.image.engine_image import find_image
from grader.engine.persistent_state import PersistentState
from grader.engine.resume import open_persistent
workspace = Path(sys.argv[1])
for _ in range(2):
    with open_persistent(find_image(), workspace, print, label="test") as engine:
        boxes = engine.client().containers
        print([box.name for box in boxes.list(all=True)], engine.persistence_note)
        boxes.run("busybox", ["true"], name=f"box{len(boxes.list(all=True))}")
print(PersistentState(workspace).contents().containers, PersistentState(workspace).size() > 100_000)
PersistentState(workspace).remove()
print(PersistentState(workspace).place.exists())
"""


def test_an_ordinary_user_keeps_an_engine_and_can_remove_it(engine_image: None) -> None:
    user = ordinary_user()
    user.ensure_image()
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder:
        os.chown(folder, user.uid, user.gid)
        env = {"PYTHONPATH": shared_tree(), "DOCKBOOK_STATE": f"{folder}/state"}
        ran = user.run([shared_python(), "-c", AS_SOMEONE, f"{folder}/dockbook"], env=env)
        assert ran.stdout.splitlines() == [
            f"[] {KEPT}",
            f"['box0'] {KEPT}",
            "('box0 (busybox)', 'box1 (busybox)') True",
            "False",
        ], ran.stderr
