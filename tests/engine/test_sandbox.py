"""A sandbox does what the course teaches, as typed and through docker-py."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient
from docker.models.containers import Container

from grader.engine.base import Engine
from tests.engine.kernels import Notebook
from tests.engine.users import ordinary_user, shared_python

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())"
UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
s.sendto(b"ping\\n", (sys.argv[1], int(sys.argv[2]))); print(s.recv(100).decode())
"""
UDP_SERVER = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 53)); print("ready")
while True:
    word, sender = s.recvfrom(100); s.sendto(b"pong-" + word, sender)
"""


@pytest.fixture
def client(shared_engine: Engine) -> Iterator[DockerClient]:
    """What a student's docker-py is: no token. Leaves nothing."""
    client = docker.DockerClient(base_url=shared_engine.docker_host, timeout=60)
    yield client
    for box in client.containers.list(all=True):
        box.remove(force=True, v=True)
    client.networks.prune()
    client.close()


def cli(engine: Engine, line: str, **variables: str) -> str:
    """A line as typed in a terminal; its output. Fails with what it said."""
    run = subprocess.run(
        ["sh", "-c", line],
        env=engine.env() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert run.returncode == 0, f"{line}: {run.stdout}{run.stderr}"
    return run.stdout


def wait_for_log(box: Container, text: bytes) -> None:
    deadline = time.monotonic() + 10
    while text not in box.logs():
        assert time.monotonic() < deadline, f"{box.name} never said {text!r}: {box.logs()!r}"
        time.sleep(0.05)


def address(box: Container) -> str:
    box.reload()
    return str(next(iter(box.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"])


def test_it_is_ready_with_the_courses_images(shared_engine: Engine, client: DockerClient) -> None:
    tags = {tag for image in client.images.list() for tag in image.tags}
    assert {"busybox:latest", "debian:trixie", "hello-world:latest", "training/webapp:latest"} <= tags
    assert shared_engine.boot == "sandbox"
    assert 0 < shared_engine.ready_s < 30
    assert shared_engine.alive()


def test_run_as_typed_and_in_python(shared_engine: Engine, client: DockerClient) -> None:
    assert cli(shared_engine, "docker run --rm busybox echo hi") == "hi\n"
    assert (
        client.containers.run("debian:trixie", ["/bin/echo", "Hello world"], remove=True) == b"Hello world\n"
    )
    assert "Hello" in cli(shared_engine, "docker run --rm hello-world")
    failed = client.containers.create("busybox", ["sh", "-c", "exit 7"])
    failed.start()
    assert failed.wait()["StatusCode"] == 7


def test_exec_logs_top_copy_and_changes(shared_engine: Engine, client: DockerClient) -> None:
    box = client.containers.run(
        "busybox", ["sh", "-c", "echo started; exec sleep 300"], name="box", detach=True
    )
    wait_for_log(box, b"started")
    assert box.exec_run(["cat", "/proc/1/cmdline"]).output == b"sleep\x00300\x00"
    assert "sleep 300" in cli(shared_engine, "docker top box")
    box.exec_run(["sh", "-c", "echo new > /new"])
    assert {"Path": "/new", "Kind": 1} in (box.diff() or [])
    stream, _ = box.get_archive("/new")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        member = archive.extractfile("new")
        assert member is not None
        assert member.read() == b"new\n"
    box.stop(timeout=0)
    box.reload()
    assert box.status == "exited"
    box.start()
    assert box.exec_run(["cat", "/new"]).output == b"new\n"


def test_commit_keeps_what_a_container_wrote(client: DockerClient) -> None:
    box = client.containers.run("busybox", ["sh", "-c", "echo kept > /kept"], detach=True)
    box.wait()
    image = box.commit("kept", changes=['CMD ["cat", "/kept"]'])
    assert client.containers.run(image, remove=True) == b"kept\n"
    client.images.remove("kept", force=True)


def test_names_on_a_network_and_not_beyond_it(client: DockerClient) -> None:
    one, two = client.networks.create("one"), client.networks.create("two")
    client.containers.run("busybox", ["sleep", "300"], name="db", detach=True, network="one")
    found = client.containers.run("busybox", ["nslookup", "db"], network="one", remove=True)
    assert b"Name:\tdb" in found
    outsider = client.containers.run("busybox", ["sleep", "300"], detach=True, network="two")
    assert outsider.exec_run(["ping", "-c1", "-W1", "db"]).exit_code != 0
    one.connect(outsider, aliases=["guest"])
    assert outsider.exec_run(["ping", "-c1", "-W2", "db"]).exit_code == 0
    assert client.containers.get("db").exec_run(["ping", "-c1", "-W2", "guest"]).exit_code == 0
    one.disconnect(outsider)
    outsider.reload()
    assert set(outsider.attrs["NetworkSettings"]["Networks"]) == {two.name}


def test_link_names_the_other_container(shared_engine: Engine, client: DockerClient) -> None:
    cli(shared_engine, "docker run -d --name db -e SECRET=x busybox sleep 300")
    said = cli(shared_engine, "docker run --rm --link db:webdb busybox sh -c 'env; ping -c1 -W2 webdb'")
    assert "WEBDB_NAME=" in said
    assert "WEBDB_ENV_SECRET=x" in said
    assert "1 packets received" in said


def test_a_published_tcp_port(shared_engine: Engine, client: DockerClient) -> None:
    web = client.containers.run("training/webapp", detach=True, ports={"5000/tcp": 5001})
    other = client.containers.run("busybox", ["sleep", "300"], detach=True)
    deadline = time.monotonic() + 15
    found = b""
    while b"Hello world!" not in found:
        # From another container, through the port that the engine publishes.
        assert other.id is not None
        _, found = shared_engine.probe(other.id, ["python3", "-c", FETCH, "http://172.17.0.1:5001/"])
        assert time.monotonic() < deadline, f"{found!r} {web.logs()!r}"
    assert client.containers.list(filters={"publish": "5001"})[0].id == web.id
    web.reload()
    assert "5001" in {published["HostPort"] for published in web.ports["5000/tcp"] or []}


def test_a_published_udp_port(shared_engine: Engine, client: DockerClient) -> None:
    box = client.containers.run(
        "training/webapp", ["python", "-uc", UDP_SERVER], detach=True, ports={"53/udp": 5353}
    )
    wait_for_log(box, b"ready")
    other = client.containers.run("busybox", ["sleep", "300"], detach=True)
    assert other.id is not None
    code, said = shared_engine.probe(other.id, ["python3", "-c", UDP, "172.17.0.1", "5353"], timeout_s=10)
    assert (code, said.strip()) == (0, b"pong-ping")


DOCKERFILE = (
    "FROM busybox\nARG WORD=none\nRUN echo built-$WORD > /word\nCOPY file /file\nCMD cat /word /file\n"
)


@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_build_as_typed(shared_engine: Engine, client: DockerClient, tmp_path: Path, buildkit: str) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "file").write_text("copied\n")
    tag = f"built{buildkit}"
    cli(
        shared_engine,
        f"docker build --build-arg WORD=well -t {tag} {tmp_path}",
        DOCKER_BUILDKIT=buildkit,
    )
    assert client.containers.run(tag, remove=True) == b"built-well\ncopied\n"
    client.images.remove(tag, force=True)


def test_build_in_python(client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "file").write_text("copied\n")
    image, log = client.images.build(path=str(tmp_path), tag="mine", buildargs={"WORD": "well"}, rm=True)
    assert any("Successfully built" in str(line.get("stream")) for line in log if isinstance(line, dict))
    assert client.containers.run(image, remove=True) == b"built-well\ncopied\n"
    client.images.remove("mine", force=True)


def test_the_hub_serves_pulls_and_searches_as_typed(engine: Engine) -> None:
    client = docker.DockerClient(base_url=engine.docker_host, timeout=60)
    for name in ("busybox", "hello-world", "training/webapp"):
        client.images.remove(name, force=True)
        assert name in cli(engine, f"docker pull {name}")
    assert cli(engine, "docker run --rm busybox echo again") == "again\n"
    assert re.search(r"^httpd\s", cli(engine, "docker search httpd"), re.MULTILINE)
    assert any(found["name"] == "training/webapp" for found in client.images.search("webapp"))
    with pytest.raises(docker.errors.NotFound):
        client.images.pull("no-such-thing", tag="latest")
    client.close()


def test_volumes_keep_their_data(client: DockerClient) -> None:
    volume = client.volumes.create("data")
    mount = {"data": {"bind": "/data", "mode": "rw"}}
    client.containers.run("busybox", ["sh", "-c", "echo kept > /data/x"], volumes=mount, remove=True)
    assert client.containers.run("busybox", ["cat", "/data/x"], volumes=mount, remove=True) == b"kept\n"
    volume.remove()


def test_two_engines_do_not_meet(shared_engine: Engine, engine: Engine) -> None:
    assert shared_engine.docker_host != engine.docker_host
    for one in (shared_engine, engine):
        cli(one, "docker run -d --name same -p 5001:80 httpd")
    assert len(engine.client().containers.list()) == 1
    engine.client().containers.get("same").remove(force=True)
    assert shared_engine.client().containers.get("same").status == "running"
    shared_engine.client().containers.get("same").remove(force=True)


def test_reset_brings_the_first_state_back(engine: Engine) -> None:
    cli(engine, "docker run -d --name web httpd; docker network create n; docker volume create vol")
    cli(engine, "docker rmi -f hello-world; docker tag busybox mine")
    engine.reset()
    client = engine.client()
    assert client.containers.list(all=True) == []
    assert {network.name for network in client.networks.list()} == {"bridge", "host", "none"}
    assert client.volumes.list() == []
    tags = {tag for image in client.images.list() for tag in image.tags}
    assert "hello-world:latest" in tags
    assert "mine:latest" not in tags


def test_the_notebooks_words_work_in_the_kernel(shared_engine: Engine, client: DockerClient) -> None:
    with Notebook(shared_engine.start_kernel()) as notebook:
        notebook.run("import docker\nclient = docker.from_env()")
        assert notebook.run('client.containers.run("busybox", ["echo", "hi"], remove=True)') == "b'hi\\n'\n"
        assert "hi" in notebook.run("!docker run --rm busybox echo hi")
        assert notebook.run("import os; os.getcwd()") == "'/home/student/work'\n"


def test_files_of_a_submission_are_copied_in(shared_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('mine')")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/data.txt").write_text("data")
    with Notebook(shared_engine.start_kernel(tmp_path)) as notebook:
        assert (
            notebook.run("print(open('folder/data.txt').read()); open('app.py', 'w').write('x')")
            == "data\n1\n"
        )
    assert (tmp_path / "app.py").read_text() == "print('mine')"


def test_an_interrupted_cell_ends_and_the_kernel_goes_on(shared_engine: Engine) -> None:
    kernel = shared_engine.start_kernel()
    with Notebook(kernel) as notebook:
        notebook.start("import time; time.sleep(600)")
        kernel.interrupt()
        notebook.wait_for_idle()
        assert notebook.run("1 + 1").endswith("2\n")


COMPOSE = """
services:
  web: {image: httpd, networks: [front], volumes: ["data:/data"]}
  once: {build: ., depends_on: [web], networks: [front]}
networks: {front: {}}
volumes: {data: {}}
"""


def test_compose_as_typed(shared_engine: Engine, client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCMD wget -qO- http://web/\n")
    compose = f"docker compose --project-name shop --project-directory {tmp_path}"
    cli(shared_engine, f"{compose} up --detach --quiet-pull")
    assert "It works" in cli(shared_engine, f"{compose} run --rm once")
    cli(shared_engine, f"{compose} down --volumes --rmi local")
    assert client.containers.list(all=True) == []


@pytest.mark.parametrize("who", ["caller", "ordinary user"])
def test_timings_are_one_line_of_json(engine_image: None, who: str) -> None:
    script = "import sys; from grader.cli import main; sys.exit(main())"
    command = ["-c", script, "engine", "run", "--boot", "sandbox", "--timings", "--"]
    command += ["docker", "run", "--rm", "busybox", "sh", "-c", "echo hi; exit 5"]
    tree = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    if who == "caller":
        env = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        run = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=env | tree,
        )
    else:
        user = ordinary_user()
        user.ensure_image()
        run = user.run([shared_python(), *command], env=tree)
    assert (run.stdout, run.returncode) == ("hi\n", 5), run.stderr
    record = json.loads(run.stderr.strip().splitlines()[-1])
    assert set(record) == {"boot", "ready_s", "dispose_s"}
    assert record["boot"] == "sandbox"
    assert 0 < record["ready_s"] < 30
    assert 0 <= record["dispose_s"] < 30
