"""Every private engine does what the course teaches, as typed and through docker-py, however it was booted.

How they end is in ``test_backends_end.py``; what only a sandbox has (kernels inside, probes, the plugin) in
``test_sandbox.py`` and its neighbours.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient

from grader import variables
from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.engine.ports import HOST
from grader.errors import EngineError
from tests.engine.backends import Machine
from tests.engine.owners import TREE
from tests.engine.typed import cli, echo, eventually, free_port, page, wait_for_log

pytestmark = pytest.mark.timeout(900)

COURSE = {
    *("busybox:latest", "debian:trixie", "debian:latest"),
    *("hello-world:latest", "httpd:latest", "training/webapp:latest"),
}
UPPER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("", 5000)); print("ready", flush=True)
while True:
    data, sender = server.recvfrom(2048); server.sendto(data.upper(), sender)
"""


@pytest.fixture(scope="module")
def engine(place: Machine) -> Iterator[Engine]:
    """One engine of each backend, for all tests that clean up after themselves."""
    with open_engine(place.backend) as opened:
        yield opened


@pytest.fixture
def client(engine: Engine) -> Iterator[DockerClient]:
    """What a student's docker-py is: no token. Leaves nothing."""
    client = docker.DockerClient(base_url=engine.docker_host, timeout=120)
    yield client
    for box in client.containers.list(all=True):
        box.remove(force=True, v=True)
    client.networks.prune()
    client.close()


def tags_of(client: DockerClient) -> set[str]:
    return {tag for image in client.images.list() for tag in image.tags}


def mirrors(engine: Engine) -> list[str]:
    found: list[str] = engine.client().info()["RegistryConfig"]["Mirrors"] or []
    return found


def test_it_is_ready_with_the_courses_images(place: Machine, engine: Engine, client: DockerClient) -> None:
    assert client.ping() is True
    assert int(client.version()["Version"].split(".")[0]) >= 26
    assert tags_of(client) == COURSE
    assert engine.backend == place.backend
    assert 0 < engine.ready_s < 30 * place.patience
    assert engine.alive()
    assert any("API listen" in line for line in engine.tail(400).splitlines()), engine.tail(400)
    assert len(engine.tail(2).splitlines()) <= 2


def test_run_as_typed_and_in_python(engine: Engine, client: DockerClient) -> None:
    assert cli(engine, "docker run --rm busybox echo hi") == "hi\n"
    said = client.containers.run("debian:trixie", ["/bin/echo", "Hello world"], remove=True)
    assert said == b"Hello world\n"
    assert "Hello" in cli(engine, "docker run --rm hello-world")
    failed = client.containers.create("busybox", ["sh", "-c", "exit 7"])
    failed.start()
    assert failed.wait()["StatusCode"] == 7


def test_what_is_typed_in_reaches_the_program(engine: Engine) -> None:
    """Standard input over the API's connection, its end too."""
    assert cli(engine, "printf 'one\\ntwo\\n' | docker run -i --rm busybox wc -l").strip() == "2"


def test_exec_logs_top_copy_and_changes(engine: Engine, client: DockerClient) -> None:
    box = client.containers.run(
        "busybox", ["sh", "-c", "echo started; exec sleep 300"], name="box", detach=True
    )
    wait_for_log(box, b"started", 30)
    assert box.exec_run(["cat", "/proc/1/cmdline"]).output == b"sleep\x00300\x00"
    assert "sleep 300" in cli(engine, "docker top box")
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


def test_what_would_leave_the_engine_is_refused(client: DockerClient) -> None:
    with pytest.raises(docker.errors.APIError, match="authorization denied"):
        client.containers.run("busybox", ["true"], privileged=True)
    with pytest.raises(docker.errors.APIError, match="authorization denied"):
        client.containers.run("busybox", ["true"], volumes={"/": {"bind": "/host"}})


def test_pause_stands_still(client: DockerClient) -> None:
    box = client.containers.run("busybox", ["sh", "-c", "while :; do echo x; sleep 0.1; done"], detach=True)
    wait_for_log(box, b"x", 30)
    box.pause()
    box.reload()
    assert box.status == "paused"
    said = box.logs()
    assert not eventually(lambda: box.logs() != said, 1)
    box.unpause()
    assert eventually(lambda: box.logs() != said, 30)


def test_pause_stops_a_container_whose_processes_come_and_go(client: DockerClient) -> None:
    """A process that ended between the look and the signal is no fault; a new one stands still, too."""
    box = client.containers.run("busybox", ["sh", "-c", "while :; do /bin/true; echo x; done"], detach=True)
    wait_for_log(box, b"x", 30)
    for _ in range(10):
        box.pause()
        said = box.logs(tail=1, timestamps=True)
        time.sleep(0.2)
        assert box.logs(tail=1, timestamps=True) == said
        box.unpause()


def test_commit_keeps_what_a_container_wrote(client: DockerClient) -> None:
    box = client.containers.run("busybox", ["sh", "-c", "echo kept > /kept"], detach=True)
    box.wait()
    image = box.commit("kept", changes=['CMD ["cat", "/kept"]'])
    assert client.containers.run(image, remove=True) == b"kept\n"
    assert "sh -c echo kept > /kept" in image.history()[0]["CreatedBy"]
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


def test_link_names_the_other_container(engine: Engine, client: DockerClient) -> None:
    cli(engine, "docker run -d --name db -e SECRET=x busybox sleep 300")
    said = cli(engine, "docker run --rm --link db:webdb busybox sh -c 'env; ping -c1 -W2 webdb'")
    assert "WEBDB_NAME=" in said
    assert "WEBDB_ENV_SECRET=x" in said
    assert "1 packets received" in said


def test_what_containers_publish_answers_on_this_machine(
    place: Machine, engine: Engine, client: DockerClient
) -> None:
    """A web page and a datagram, as long as the containers run."""
    said: list[str] = []
    wait_s = 20 * place.patience
    with engine.forward(said.append):
        port, datagrams = free_port(), free_port(socket.SOCK_DGRAM)
        web = client.containers.run("training/webapp", detach=True, ports={"5000/tcp": port})
        upper = ["python", "-c", UPPER]
        client.containers.run("training/webapp", upper, detach=True, ports={"5000/udp": datagrams})
        assert eventually(lambda: page(port) == b"Hello world!", wait_s), web.logs()
        assert eventually(lambda: echo(datagrams, b"hello") == b"HELLO", wait_s)
        web.remove(force=True)
        assert eventually(lambda: page(port) == b"", wait_s)
    assert said == []
    assert eventually(lambda: echo(datagrams, b"hello") == b"", wait_s)


DOCKERFILE = (
    "FROM busybox\nARG WORD=none\nRUN echo built-$WORD > /word\nCOPY file /file\nCMD cat /word /file\n"
)


@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_build_as_typed(engine: Engine, client: DockerClient, tmp_path: Path, buildkit: str) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "file").write_text("copied\n")
    tag = f"built{buildkit}"
    build = f"docker build --build-arg WORD=well -t {tag} {tmp_path}"
    cli(engine, build, timeout_s=300, DOCKER_BUILDKIT=buildkit)
    assert client.containers.run(tag, remove=True) == b"built-well\ncopied\n"
    client.images.remove(tag, force=True)


def test_build_in_python(client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "file").write_text("copied\n")
    image, log = client.images.build(path=str(tmp_path), tag="mine", buildargs={"WORD": "well"}, rm=True)
    assert any("Successfully built" in str(line.get("stream")) for line in log if isinstance(line, dict))
    assert client.containers.run(image, remove=True) == b"built-well\ncopied\n"
    client.images.remove("mine", force=True)


def test_volumes_keep_their_data(client: DockerClient) -> None:
    volume = client.volumes.create("data")
    mount = {"data": {"bind": "/data", "mode": "rw"}}
    client.containers.run("busybox", ["sh", "-c", "echo kept > /data/x"], volumes=mount, remove=True)
    assert client.containers.run("busybox", ["cat", "/data/x"], volumes=mount, remove=True) == b"kept\n"
    volume.remove()


COMPOSE = """
services:
  web: {image: httpd, networks: [front], volumes: ["data:/data"]}
  once: {build: ., depends_on: [web], networks: [front]}
networks: {front: {}}
volumes: {data: {}}
"""


def test_compose_as_typed(engine: Engine, client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCMD wget -qO- http://web/\n")
    compose = f"docker compose --project-name shop --project-directory {tmp_path}"
    cli(engine, f"{compose} up --detach --quiet-pull", timeout_s=300)
    assert "It works" in cli(engine, f"{compose} run --rm once")
    cli(engine, f"{compose} down --volumes --rmi local")
    assert client.containers.list(all=True) == []


def test_the_hub_serves_pulls_and_searches_as_typed(
    place: Machine, engine: Engine, client: DockerClient
) -> None:
    for name in ("busybox", "hello-world", "training/webapp"):
        client.images.remove(name, force=True)
        assert name in cli(engine, f"docker pull {name}", timeout_s=60 * place.patience)
    assert cli(engine, "docker run --rm busybox echo again") == "again\n"
    assert re.search(r"^httpd\s", cli(engine, "docker search httpd"), re.MULTILINE)
    assert any(found["name"] == "training/webapp" for found in client.images.search("webapp"))
    with pytest.raises(docker.errors.NotFound, match="the course hub has no such image"):
        client.images.pull("no-such-thing", tag="latest")


@pytest.mark.parametrize(
    "dockerfile", ["FROM alpine", "FROM busybox:1.36", "FROM busybox\nCOPY --from=nosuch/thing /x /x"]
)
@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_a_build_from_what_the_hub_has_not_says_what_it_has(
    place: Machine, engine: Engine, tmp_path: Path, buildkit: str, dockerfile: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"{dockerfile}\n")
    line = f"! docker build {tmp_path} 2>&1"
    said = cli(engine, line, timeout_s=60 * place.patience, DOCKER_BUILDKIT=buildkit)
    assert "no such image. In this engine the names of Docker Hub lead to the course hub" in said
    assert "busybox, debian, debian:trixie, hello-world, httpd, training/webapp" in said


def test_configure_takes_on_a_mirror_while_containers_run(
    place: Machine, engine: Engine, client: DockerClient
) -> None:
    with pytest.raises(docker.errors.NotFound):
        client.images.pull("motd", tag="latest")
    box = client.containers.run("busybox", ["sleep", "300"], detach=True)
    engine.configure({"registry-mirrors": ["http://mirror"], "labels": ["course=docker"]})
    assert eventually(lambda: mirrors(engine) == ["http://mirror/"], 10 * place.patience)
    # Only the mirror has this image.
    assert b"only on the mirror" in client.containers.run("motd", remove=True)
    box.reload()
    assert box.status == "running"
    client.images.remove("motd")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"labels": "not a list"}, "cannot unmarshal string"),
        ({"hosts": ["tcp://0.0.0.0"]}, "takes no hosts"),
    ],
)
def test_configure_refuses_with_the_reason(engine: Engine, options: dict[str, object], reason: str) -> None:
    before = mirrors(engine)
    with pytest.raises(EngineError, match=reason):
        engine.configure(options)
    assert mirrors(engine) == before
    assert engine.alive()


def test_a_notebook_configures_through_the_door(place: Machine, engine: Engine) -> None:
    """A kernel on this machine knows the engine by its environment alone."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20 * place.patience)
        connection.connect(engine.env()[variables.CONTROL])
        connection.sendall(json.dumps({"daemon": {"registry-mirrors": ["http://mirror"]}}).encode() + b"\n")
        assert json.loads(connection.recv(65536)) == {"ok": True}
    assert eventually(lambda: mirrors(engine) == ["http://mirror/"], 10 * place.patience)


def test_more_than_a_buffer_both_ways(place: Machine, engine: Engine, client: DockerClient) -> None:
    port, data = free_port(), random.randbytes(1_000_000)
    echoing = ["nc", "-ll", "-p", "7", "-e", "cat"]
    client.containers.run("busybox", echoing, detach=True, ports={"7": port})

    def echoed() -> bool:
        received = b""
        try:
            with socket.create_connection((HOST, port), timeout=10) as line:
                sender = threading.Thread(target=line.sendall, args=(data,))
                sender.start()
                while len(received) < len(data) and (chunk := line.recv(65536)):
                    received += chunk
                sender.join()
        except OSError:
            return False
        return received == data

    with engine.forward(print):
        assert eventually(echoed, 30 * place.patience)


def test_an_image_goes_out_and_comes_back(engine: Engine, client: DockerClient, tmp_path: Path) -> None:
    """Megabytes over the API's connection, each way."""
    cli(engine, f"docker save httpd > {tmp_path}/saved.tar; docker rmi httpd")
    assert (tmp_path / "saved.tar").stat().st_size > 2_000_000
    assert "httpd:latest" in cli(engine, f"docker load < {tmp_path}/saved.tar")
    assert "httpd:latest" in tags_of(client)


def test_ports_are_forwarded_after_a_reset(place: Machine, engine: Engine) -> None:
    said: list[str] = []
    with engine.forward(said.append):
        engine.reset()
        client, port = engine.client(), free_port()
        web = client.containers.run("httpd", detach=True, ports={"80/tcp": port})
        assert eventually(lambda: b"It works" in page(port), 20 * place.patience), web.logs()
        web.remove(force=True)
    assert said == []


def test_reset_brings_the_first_state_back(engine: Engine) -> None:
    cli(engine, "docker run -d --name web httpd; docker network create n; docker volume create vol")
    cli(engine, "docker run -d --network n httpd; docker rmi -f hello-world; docker tag busybox mine")
    engine.reset()
    client = engine.client()
    assert client.containers.list(all=True) == []
    assert {network.name for network in client.networks.list()} == {"bridge", "host", "none"}
    assert client.volumes.list() == []
    assert tags_of(client) == COURSE
    assert client.containers.run("busybox", ["echo", "again"], remove=True) == b"again\n"


def test_the_command_runs_one_line_and_tells_its_timings(place: Machine) -> None:
    script = "import sys; from grader.cli import main; sys.exit(main())"
    command = ["-c", script, "engine", "run", "--backend", place.backend, "--timings", "--"]
    command += ["docker", "run", "--rm", "busybox", "sh", "-c", "echo hi; exit 5"]
    env = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    run = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=120 * place.patience,
        check=False,
        env=env | {"PYTHONPATH": TREE},
    )
    assert (run.stdout, run.returncode) == ("hi\n", 5), run.stderr
    record = json.loads(run.stderr.strip().splitlines()[-1])
    assert set(record) == {"backend", "ready_s", "dispose_s"}
    assert record["backend"] == place.backend
    assert 0 < record["ready_s"] < 30 * place.patience
    assert 0 <= record["dispose_s"] < 30
