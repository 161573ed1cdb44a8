"""What only a sandbox has: kernels inside, probes from a container, two engines that do not meet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient

from grader.engine.base import Engine
from tests.engine.kernels import Notebook
from tests.engine.typed import cli, wait_for_log
from tests.shared_tree import shared_python, shared_tree
from tests.users import ordinary_user

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

COUNT_STUDENTS = """
import os
owners = [os.stat(f"/proc/{name}").st_uid for name in os.listdir("/proc") if name.isdigit()]
print(owners.count(1000))
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


def test_two_engines_do_not_meet(shared_engine: Engine, engine: Engine) -> None:
    assert shared_engine.docker_host != engine.docker_host
    for one in (shared_engine, engine):
        cli(one, "docker run -d --name same -p 5001:80 httpd")
    assert len(engine.client().containers.list()) == 1
    engine.client().containers.get("same").remove(force=True)
    assert shared_engine.client().containers.get("same").status == "running"
    shared_engine.client().containers.get("same").remove(force=True)


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


def test_a_kernel_that_was_ended_has_left_no_process(shared_engine: Engine) -> None:
    """The next one has their number to start with: with the last one's on their way it could not."""
    notebook = Notebook(shared_engine.start_kernel())
    with notebook:
        told = notebook.run(
            "import os, time\nheld = bytearray(b'x') * (64 << 20)\n"
            "if all(os.fork() for _ in range(200)): print('all there')\nelse: time.sleep(60); os._exit(0)"
        )
        assert told.endswith("all there\n")
    assert shared_engine.probe("", ["python3", "-c", COUNT_STUDENTS]) == (0, b"0\n")


def test_an_ordinary_user_has_one_too(engine_image: None) -> None:
    script = "import sys; from grader.cli import main; sys.exit(main())"
    command = ["-c", script, "engine", "run", "--backend", "sandbox", "--timings", "--"]
    command += ["docker", "run", "--rm", "busybox", "sh", "-c", "echo hi; exit 5"]
    user = ordinary_user()
    user.ensure_image()
    run = user.run([shared_python(), *command], env={"PYTHONPATH": shared_tree()})
    assert (run.stdout, run.returncode) == ("hi\n", 5), run.stderr
    assert json.loads(run.stderr.strip().splitlines()[-1])["backend"] == "sandbox"
