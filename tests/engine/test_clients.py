"""What clients read from a private engine: Docker's own words and exit codes, and quick answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, NotFound

from grader.engine.base import Engine
from grader.engine.choose import open_engine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(shared_engine: Engine) -> Run:
    """The ``docker`` command on a shared engine; 30 s are more than any of these may take."""

    def command(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        argv = ["docker", *words]
        env = shared_engine.env()
        return subprocess.run(
            argv, env=env, input=stdin, capture_output=True, text=True, timeout=30, check=False
        )

    return command


@pytest.fixture
def box(run: Run) -> Iterator[str]:
    """A running container."""
    made = run("run", "--detach", "busybox", "sleep", "300").stdout.strip()
    yield made
    run("rm", "--force", made)


CODES = [
    ("no-such-program", 127, "executable file not found in $PATH"),
    ("/no/such/program", 127, "no such file or directory"),
    ("./no-such-program", 127, "no such file or directory"),
    ("/etc", 126, "is a directory"),
    ("/words", 126, "permission denied"),
]


@pytest.mark.parametrize(("program", "code", "words"), CODES, ids=[row[0] for row in CODES])
def test_what_cannot_be_started_has_its_own_exit_code(
    run: Run, box: str, program: str, code: int, words: str
) -> None:
    run("exec", box, "sh", "-c", "echo words >/words")
    image = run("commit", box).stdout.strip()
    done = run("run", "--rm", image, program)
    assert words in done.stderr
    assert done.returncode == code
    done = run("exec", box, program)
    assert words in done.stdout + done.stderr
    assert done.returncode in (126, 127)  # up to 26.1 dockerd itself gives 126 for both


@pytest.mark.parametrize("name", ["no-such-name", "a b", "Grüße", "x%y"])
def test_inspecting_what_is_not_there_says_so(run: Run, name: str) -> None:
    done = run("inspect", name)
    assert done.returncode == 1
    assert "No such object" in done.stderr
    assert "plugin" not in done.stderr


def test_a_network_with_a_blank_in_its_name_can_be_removed(run: Run) -> None:
    assert run("network", "create", "two words").returncode == 0
    assert run("network", "inspect", "two words").returncode == 0
    assert run("network", "rm", "two words").returncode == 0


def test_docker_py_gets_not_found(shared_engine: Engine) -> None:
    client = docker.DockerClient(base_url=shared_engine.docker_host)
    for kind in (client.containers, client.networks, client.volumes):
        with pytest.raises(NotFound):
            kind.get("not there")
    assert client.plugins.list() == []
    with pytest.raises(APIError) as caught:
        client.images.get("not there")
    assert caught.value.status_code in (400, 404)
    client.close()


def test_endpoint_options_and_a_dockerfile_beside_the_context(shared_engine: Engine, tmp_path: Path) -> None:
    client = docker.DockerClient(base_url=shared_engine.docker_host)
    network = client.networks.create("options")
    box = client.containers.create("busybox", "true")
    network.connect(box, driver_opt={"com.example.setting": "yes"})
    box.remove()
    network.remove()
    (tmp_path / "context").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM busybox\nLABEL beside=yes\n")
    image, _ = client.images.build(path=str(tmp_path / "context"), dockerfile="../Dockerfile")
    assert image.labels == {"beside": "yes"}
    client.close()


def test_a_push_to_the_hub_is_refused_at_once(run: Run) -> None:
    for name in ("busybox", "ann/shop"):
        run("tag", "busybox", name)
        done = run("push", name)  # it was tried for 50 s
        assert done.returncode == 1
        assert "denied: this is the course hub, which takes no pushes" in done.stderr


def test_the_hub_keeps_nobodys_password(run: Run, shared_engine: Engine) -> None:
    done = run("login", "--username", "ann", "--password-stdin", stdin="her real one")
    assert done.returncode == 1
    assert "this is the course hub, which has no accounts" in done.stderr
    assert run("pull", "hello-world").returncode == 0
    config = Path(shared_engine.env()["DOCKER_CONFIG"], "config.json")
    assert "auths" not in json.loads(config.read_text())


@pytest.mark.parametrize(
    "syntax", ["docker/dockerfile:1", "docker/dockerfile:1.7-labs", "docker.io/docker/dockerfile"]
)
def test_a_dockerfile_may_name_its_syntax(run: Run, tmp_path: Path, syntax: str) -> None:
    (tmp_path / "words").write_text("hello")
    (tmp_path / "key").write_text("a secret")
    (tmp_path / "Dockerfile").write_text(
        f"# syntax={syntax}\nFROM busybox\nARG WHO\nCOPY words /words\n"
        'RUN --mount=type=secret,id=key test -s /run/secrets/key && echo "$WHO" >>/words\n'
    )
    secret = ("--secret", f"id=key,src={tmp_path / 'key'}")
    done = run("build", "--quiet", *secret, "--build-arg", "WHO=ann", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert run("run", "--rm", done.stdout.strip(), "cat", "/words").stdout == "helloann\n"


def test_what_is_wrong_in_such_a_dockerfile_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM busybox\nRUNN true\n")
    done = run("build", "--quiet", str(tmp_path))
    assert done.returncode == 1
    assert "Dockerfile:3" in done.stderr
    assert "unknown instruction: RUNN (did you mean RUN?)" in done.stderr


def test_what_a_client_writes_is_one_engines_alone(engine_image: None) -> None:
    with open_engine("sandbox") as first, open_engine("sandbox") as second:
        mine = Path(first.env()["DOCKER_CONFIG"])
        made = subprocess.run(
            ["docker", "context", "create", "other", "--docker", "host=unix:///nowhere"],
            env=first.env(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        there = subprocess.run(
            ["docker", "context", "ls", "--format", "{{.Name}}"],
            env=second.env(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "other" not in there.stdout
        assert mine.stat().st_mode & 0o077 == 0
    assert not mine.exists()
