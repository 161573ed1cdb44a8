"""The host backend, on Debian's own dockerd: it uses what is there, and takes away only what came after."""

from __future__ import annotations

import contextlib
import io
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.docker_context import DEFAULT_SOCKET
from grader.engine.endpoint import DockerHost, diagnose, find_docker_host, usual_sockets
from grader.engine.host import HostEngine
from grader.errors import EngineError, EngineUnavailable
from grader.variables import DOCKER_TLS
from tests.engine.backends import everything, write_context
from tests.engine.dockerd import Dockerd
from tests.shared_tree import shared_python, shared_tree
from tests.users import ordinary_user

pytestmark = pytest.mark.root


@pytest.fixture
def engine(dockerd: Dockerd) -> Iterator[HostEngine]:
    with HostEngine(f"unix://{dockerd.socket}").start() as engine:
        yield engine
        engine.reset()


def test_the_course_works_on_it(engine: HostEngine) -> None:
    client = engine.client()
    assert client.containers.run("busybox", ["echo", "Hello world"], remove=True) == b"Hello world\n"
    box = client.containers.run("busybox", ["sleep", "60"], name="box", detach=True, ports={"80/tcp": 5001})
    assert box.exec_run(["hostname"]).exit_code == 0
    network = client.networks.create("lab")
    client.containers.run("busybox", ["sleep", "60"], name="db", detach=True, network="lab")
    found = client.containers.run("busybox", ["nslookup", "db"], network="lab", remove=True)
    assert b"Name:\tdb" in found
    network.reload()
    assert [one.name for one in network.containers] == ["db"]
    image, _ = client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo hi > /hi\n"), tag="mine")
    assert client.containers.run(image, ["cat", "/hi"], remove=True) == b"hi\n"
    assert box.commit("kept").id
    assert engine.backend == "host"
    assert 0 < engine.ready_s < 10
    theirs = {"DOCKER_HOST": engine.docker_host}
    others = {"DOCKER_CONTEXT": "x", "DOCKER_TLS_VERIFY": "1", "DOCKBOOK_CONTROL": "/of/another/engine"}
    tidy = {name: value for name, value in engine.env({}).items() if name not in theirs}
    assert not any(name.startswith(("DOCKER_", "DOCKBOOK_")) for name in tidy)
    assert engine.env(others) == engine.env(others | {"DOCKER_HOST": "unix:///another"}) == tidy | theirs
    # A lab in a terminal that leads to the engine of another lab: what is private stays it.
    control = {"DOCKBOOK_CONTROL": "/of/this/engine"}
    assert engine.env(theirs | control) == tidy | theirs | control
    assert engine.alive()


def test_reset_shows_and_removes_only_what_came_after(dockerd: Dockerd) -> None:
    client = dockerd.client()
    theirs = client.containers.run("busybox", ["sleep", "600"], name="theirs", detach=True)
    client.volumes.create("their-volume")
    client.networks.create("their-network")
    client.images.get("busybox").tag("their-image", "v1")
    before = everything(client)
    with HostEngine(f"unix://{dockerd.socket}").start() as engine:
        assert engine.pending_reset() == []
        mine = engine.client()
        # As a student does it: no labels, through the engine's API alone.
        mine.containers.run("busybox", ["sleep", "600"], name="web", detach=True, volumes=["/anonymous"])
        mine.containers.run("busybox", ["true"], name="done", volumes={"data": {"bind": "/d", "mode": "rw"}})
        mine.networks.create("lab").connect("web")
        mine.volumes.create("more")
        mine.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo 1 > /1\n"), tag="mine:v1")
        mine.images.build(fileobj=io.BytesIO(b"FROM mine:v1\nRUN echo 2 > /2\n"), tag="mine:v2")
        mine.images.get("busybox").tag("another-name", "x")
        # Worst of all: a tag of theirs is made to mean something else.
        mine.images.get("mine:v2").tag("their-image", "v1")
        shown = [str(one) for one in engine.pending_reset()]
        for expected in (
            "container web",
            "container done",
            "network lab",
            "volume data",
            "volume more",
            "tag another-name:x",
            "tag their-image:v1",
            "image mine:v1",
        ):
            assert expected in shown
        assert not [
            one for one in shown if "theirs" in one or "their-volume" in one or "their-network" in one
        ]
        assert not [one for one in shown if one in ("image busybox:latest", "network bridge", "network host")]
        engine.reset()
        assert engine.pending_reset() == []
        assert everything(client) == before
        theirs.reload()
        assert theirs.status == "running"
    theirs.remove(force=True)
    client.volumes.get("their-volume").remove()
    client.networks.get("their-network").remove()
    client.images.remove("their-image:v1")


def test_reset_says_what_it_could_not_remove(dockerd: Dockerd) -> None:
    client = dockerd.client()
    with HostEngine(f"unix://{dockerd.socket}").start() as engine:
        later = client.networks.create("later")
        theirs = client.containers.create("busybox", ["sleep", "60"], name="theirs")
    # Opened after the container: the network came before it, but is in use by it.
    with HostEngine(f"unix://{dockerd.socket}").start() as engine:
        engine._before.networks.pop(str(later.id))
        later.connect(theirs)
        theirs.start()
        with pytest.raises(EngineError, match="network later"):
            engine.reset()
        theirs.remove(force=True)
        engine.reset()
        assert not client.networks.list(names=["later"])


def test_closing_leaves_everything(dockerd: Dockerd) -> None:
    client = dockerd.client()
    engine = HostEngine(f"unix://{dockerd.socket}").start()
    with engine:
        engine.client().containers.create("busybox", ["true"], name="stays")
    assert engine.dispose_s is not None
    engine.close()
    assert not engine.alive()
    client.containers.get("stays").remove()


def test_the_courses_images_are_loaded_and_stay(dockerd: Dockerd, tmp_path: Path) -> None:
    client = dockerd.client()
    client.images.build(fileobj=io.BytesIO(b"FROM busybox\nLABEL course=1\n"), tag="course:latest")
    archive = tmp_path / "course.tar"
    archive.write_bytes(b"".join(client.images.get("course:latest").save(named=True)))
    client.images.remove("course:latest")
    with HostEngine(f"unix://{dockerd.socket}").start() as engine:
        assert engine.missing_images(["busybox:latest", "course:latest"]) == ["course:latest"]
        assert engine.load_images(archive) == ["course:latest"]
        assert engine.missing_images(["course:latest"]) == []
        assert engine.pending_reset() == []
        engine.reset()
        assert engine.missing_images(["course:latest"]) == []
    client.images.remove("course:latest")
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"no archive")
    with HostEngine(f"unix://{dockerd.socket}").start() as engine, pytest.raises(EngineError):
        engine.load_images(bad)


def test_configure_refuses_with_words(engine: HostEngine) -> None:
    with pytest.raises(EngineError, match="your own Docker Engine") as refused:
        engine.configure({"registry-mirrors": []})
    assert "--backend sandbox" in refused.value.next_step


# --- why there is none


def why(address: str) -> str:
    with pytest.raises(EngineUnavailable) as failed:
        HostEngine(address).start()
    assert failed.value.next_step
    return failed.value.what


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert "There is no Docker Engine at" in why(f"unix://{tmp_path}/none.sock")


def test_the_machine_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = diagnose(DockerHost(DEFAULT_SOCKET))
    if Path("/var/run/docker.sock").exists():
        assert found is None or "/var/run/docker.sock" in str(found)
    else:
        assert "no Docker Engine on this machine" in str(found)
    assert tmp_path / ".colima/default/docker.sock" in usual_sockets({"HOME": str(tmp_path)})


def test_an_engine_that_is_not_running() -> None:
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"{folder}/d.sock")
        assert "is not running" in why(f"unix://{folder}/d.sock")


def test_something_else_answers() -> None:
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder, socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{folder}/d.sock")
        other.listen()

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _address = other.accept()
                    # The first only tries whether anyone is there.
                    with client, contextlib.suppress(OSError):
                        client.sendall(b"220 mail.example ESMTP\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert "not a Docker Engine" in why(f"unix://{folder}/d.sock")
        other.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("address", ["nonsense", "unix://", "tcp://127.0.0.1:notaport", "http:///x"])
def test_what_is_no_address(address: str) -> None:
    assert "cannot be used as a Docker Engine's address" in why(address)


def test_someone_who_may_not(dockerd: Dockerd) -> None:
    """Debian's dockerd lets in root and the group docker; the folder is open, the socket is not."""
    dockerd.folder.chmod(0o755)
    user = ordinary_user()
    code = (
        "import sys; from grader.engine.endpoint import DockerHost, diagnose; "
        "print(diagnose(DockerHost(sys.argv[1])))"
    )
    env = {"PYTHONPATH": shared_tree()}
    run = user.run([shared_python(), "-c", code, f"unix://{dockerd.socket}"], env=env)
    assert "does not let you in" in run.stdout, run.stderr
    assert "chmod" not in run.stdout


# --- where it is looked for


def test_docker_host_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setting(monkeypatch, tmp_path, DOCKER_HOST="unix:///x.sock", DOCKER_CONTEXT="other")
    assert find_docker_host() == DockerHost("unix:///x.sock")


def test_then_the_context_of_the_docker_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setting(monkeypatch, tmp_path, DOCKER_CONFIG=str(write_context(tmp_path, "unix:///lab.sock", "lab")))
    assert find_docker_host() == DockerHost("unix:///lab.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    with pytest.raises(EngineUnavailable, match="'gone', named by DOCKER_CONTEXT, does not exist"):
        find_docker_host()


def test_then_a_usual_socket_that_answers(
    monkeypatch: pytest.MonkeyPatch, dockerd: Dockerd, tmp_path: Path
) -> None:
    (tmp_path / "docker.sock").symlink_to(dockerd.socket)
    setting(monkeypatch, Path("/nonexistent"))
    expected = f"unix://{tmp_path}/docker.sock"
    if Path("/var/run/docker.sock").is_socket():
        expected = find_docker_host().address
    setting(monkeypatch, tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert find_docker_host() == DockerHost(expected)


def setting(monkeypatch: pytest.MonkeyPatch, home: Path, **more: str) -> None:
    """An environment with no other word about Docker than these."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", *DOCKER_TLS):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(home), **more}.items():
        monkeypatch.setenv(name, value)
