"""``%%trace`` and ``as_cli`` on a real engine: in a real IPython, with the real ``docker`` command."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient, DockerClient
from docker.errors import NotFound
from docker.types import (
    EndpointConfig,
    Healthcheck,
    IPAMConfig,
    IPAMPool,
    LogConfig,
    Mount,
    Ulimit,
)

from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.notebook.as_cli import translator
from grader.notebook.trace import Conversation, Tracer
from tests.engine.kernels import Notebook

PATIENCE_S = 30.0
SLEEP = ["sleep", "1000"]


@pytest.fixture(scope="module")
def engine(engine_image: None) -> Iterator[Engine]:
    with open_engine("sandbox") as opened:
        yield opened


@pytest.fixture(scope="module")
def client(engine: Engine) -> DockerClient:
    return engine.client(timeout=60)


@pytest.fixture
def tracer(engine: Engine, client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracer]:
    """What `%%trace` listens with, in this process."""
    for name, value in engine.env().items():
        if name.startswith("DOCKER_") or name == "PATH":
            monkeypatch.setenv(name, value)
    one = Tracer(lambda: client)
    yield one
    assert os.environ["DOCKER_HOST"] == engine.docker_host, "as before"
    assert "send" not in APIClient.__dict__
    if one._proxy is not None:
        one._proxy.close()


def docker(*words: str, given: bytes = b"", cwd: Path | None = None) -> bytes:
    """What the docker command of this environment prints."""
    done = subprocess.run(
        ["docker", *words], input=given, capture_output=True, timeout=120, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def spoken(heard: Conversation) -> list[str]:
    """Method and last part of each call's path, without inspections of what is there."""
    return [f"{call.method} {call.path.rpartition('/')[2]}" for call in heard.calls]


def lines(heard: Conversation) -> list[str]:
    return [heard.line(call) for call in heard.calls]


def test_docker_py_in_order(tracer: Tracer, client: DockerClient) -> None:
    with tracer.listening() as heard:
        said = client.containers.run("busybox", ["echo", "hi"], name="traced", remove=True)
    assert said == b"hi\n"
    verbs = [line.split()[1] for line in lines(heard)]
    assert [verb for verb in verbs if verb != "inspect"] == ["create", "start", "logs", "wait", "rm"]
    assert lines(heard)[0] == "docker create --name traced busybox echo hi"
    assert "docker start traced" in lines(heard)
    assert [call.status for call in heard.calls if call.method != "GET"] == [201, 204, 200, 204]
    assert all(call.seconds > 0 for call in heard.calls)


def test_the_command_in_order(tracer: Tracer) -> None:
    with tracer.listening() as heard:
        assert docker("run", "--rm", "busybox", "echo", "hi") == b"hi\n"
    assert spoken(heard) == ["POST create", "POST attach", "POST wait", "POST start"]
    assert [call.status for call in heard.calls] == [201, 101, 200, 204]
    assert lines(heard)[0] == "docker create --rm busybox echo hi"


def test_input_and_its_end_reach_a_container(tracer: Tracer) -> None:
    given = b"one\ntwo\n" * 5000
    with tracer.listening() as heard:
        counted = docker("run", "-i", "--rm", "busybox", "wc", "-c", given=given)
        copied = docker("run", "-i", "--rm", "busybox", "cat", given=given)
    assert int(counted) == len(given)
    assert copied == given
    assert spoken(heard).count("POST attach") == 2


def test_exec_logs_and_copies(tracer: Tracer, client: DockerClient, tmp_path: Path) -> None:
    box = client.containers.run("busybox", SLEEP, name="inner", detach=True, init=True)
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    with tracer.listening() as heard:
        assert docker("exec", "-i", "inner", "cat", given=b"typed") == b"typed"
        docker("cp", str(tmp_path / "file"), "inner:/file")
        assert docker("exec", "inner", "wc", "-c", "/file").split()[0] == b"300000"
        assert b"inner" in docker("ps")
        assert docker("logs", "inner") == b""
    assert "docker exec -i inner cat" in lines(heard)
    assert "docker ps" in lines(heard)
    box.remove(force=True)


@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_a_build(
    tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buildkit: str, client: DockerClient
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY page /page\nRUN cat /page\n")
    (tmp_path / "page").write_bytes(os.urandom(200_000))
    with tracer.listening() as heard:
        docker("build", "-t", "traced", ".", cwd=tmp_path)
    assert client.images.get("traced").tags == ["traced:latest"]
    client.images.remove("traced")
    if buildkit == "0":
        assert "docker build --tag traced ." in lines(heard)
    else:  # a conversation in HTTP/2 on upgraded connections
        statuses = {call.path: call.status for call in heard.calls}
        assert (statuses["/session"], statuses["/grpc"]) == (101, 101)


def test_a_hundred_calls(tracer: Tracer, client: DockerClient) -> None:
    with tracer.listening() as heard:
        made_here = DockerClient(os.environ["DOCKER_HOST"], timeout=60)
        for _ in range(120):
            made_here.api.info()
    assert len([call for call in heard.calls if call.path == "/info"]) == 120
    assert {call.status for call in heard.calls} == {200}
    assert made_here.ping(), "it was made in a traced cell, and works later"
    made_here.close()


def test_an_error_stays_one(tracer: Tracer, client: DockerClient) -> None:
    with pytest.raises(NotFound), tracer.listening() as heard:
        client.containers.get("nobody")
    assert [call.status for call in heard.calls] == [404]
    assert "404" in repr(heard)


# In the student's kernel


@pytest.fixture
def notebook(engine: Engine, tmp_path: Path) -> Iterator[Notebook]:
    folder = tmp_path / "work"
    folder.mkdir()
    with Notebook(engine.start_kernel(folder)) as one:
        assert one.run("%load_ext grader\nimport docker, os\nclient = docker.from_env()") == ""
        yield one


def test_a_traced_cell_in_a_notebook(notebook: Notebook) -> None:
    host = notebook.run("os.environ['DOCKER_HOST']")
    said = notebook.run('%%trace\nprint("before")\nclient.containers.run("busybox", "echo hi", remove=True)')
    assert "before" in said and "b'hi\\n'" in said
    assert "calls to the engine" in said and "$ docker create busybox echo hi" in said
    said = notebook.run("%%trace\n!docker run --rm busybox echo hello\nlater = docker.from_env()")
    assert "hello\n" in said.replace("\r", "")
    assert said.index("$ docker create --rm busybox echo hello") < said.index("/start")
    assert notebook.run("os.environ['DOCKER_HOST']") == host
    assert notebook.run("later.ping()").strip() == "True"
    # A cell that fails has failed, and its error is shown once.
    said = notebook.run('%%trace\nclient.containers.get("nobody")')
    assert said.count("NotFound:") == 1
    assert "404" in said and "$ docker inspect nobody" in said
    assert notebook.run("os.environ['DOCKER_HOST']") == host
    said = notebook.run("%%trace\nthis is no Python")
    assert said.count("SyntaxError") == 1
    assert notebook.run("%%trace\nif True:\nprint()").count("IndentationError") == 1
    assert "0 calls to the engine" in said
    assert notebook.run("os.environ['DOCKER_HOST']") == host
    assert notebook.run("1 + 1").strip() == "2"
    assert notebook.run("client.ping()").strip() == "True"


def test_a_build_and_an_attached_shell_in_a_traced_cell(notebook: Notebook) -> None:
    notebook.run("open('Dockerfile', 'w').write('FROM busybox\\nRUN echo built\\n')")
    said = notebook.run("%%trace\n!DOCKER_BUILDKIT=0 docker build -q -t traced-too .", 120)
    assert "sha256:" in said and "$ docker build --tag traced-too ." in said
    said = notebook.run("%%trace\n!echo 'echo $((6 * 7))' | docker run -i --rm busybox sh")
    assert "42" in said and "/attach" in said


# as_cli: the line makes an equal container


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "images-command": {"command": None},
    "words-to-quote": {"command": ["sh", "-c", "echo 'hi' \"$HOME\"; sleep 1000"]},
    "terminal": {"tty": True},
    "terminal-and-input": {"command": ["sh"], "tty": True, "stdin_open": True},
    "input": {"command": ["cat"], "stdin_open": True},
    "environment": {"environment": {"A": "1", "B": "two words", "C": "", "D": "'\"$x"}},
    "labels": {"labels": {"a": "b", "c": "", "x.y": "1=2"}},
    "ports": {
        "ports": {
            "80/tcp": 8081,
            "53/udp": ("127.0.0.1", 5300),
            "90/tcp": None,
            "91/tcp": [9100, 9101],
            "92/tcp": ("127.0.0.1", None),
        }
    },
    "all-ports": {"image": "training/webapp", "publish_all_ports": True},
    "images-settings": {"image": "training/webapp", "command": None},
    "volume": {"volumes": {"store": {"bind": "/data", "mode": "ro"}}},
    "anonymous-volume": {"volumes": ["/data"]},
    "mount": {"mounts": [Mount("/data", "store", read_only=True)]},
    "memory-mount": {"mounts": [Mount("/t", None, type="tmpfs", tmpfs_size="1m", tmpfs_mode=0o700)]},
    "tmpfs": {"tmpfs": {"/tmp": "size=1m", "/x": ""}},
    "volumes-from": {"volumes_from": ["db:ro"]},
    "read-only": {"read_only": True, "shm_size": "32m"},
    "network": {"network": "shop"},
    "no-network": {"network": "none"},
    "anothers-network": {"network_mode": "container:db"},
    "aliases": {"network": "shop", "networking_config": {"shop": EndpointConfig("1.44", aliases=["a", "b"])}},
    "address": {
        "network": "shop",
        "networking_config": {"shop": EndpointConfig("1.44", ipv4_address="10.77.0.99")},
    },
    "link": {"links": {"db": "database"}},
    "names": {
        "dns": ["1.1.1.1"],
        "dns_search": ["example.com"],
        "dns_opt": ["ndots:2"],
        "extra_hosts": {"x": "10.0.0.1"},
        "hostname": "box",
    },
    "hardware-address": {"mac_address": "02:42:ac:11:00:99"},
    "memory": {"mem_limit": "64m", "mem_reservation": "32m", "memswap_limit": "96m"},
    "shares": {"cpu_shares": 512, "cpuset_cpus": "0", "pids_limit": 100},
    "limits": {"ulimits": [Ulimit(name="nofile", soft=100, hard=200)]},
    "rights": {"cap_drop": ["ALL"], "cap_add": ["CHOWN"], "security_opt": ["no-new-privileges"]},
    "user": {"user": "1000:1000", "working_dir": "/tmp", "group_add": ["1001"]},
    "restart": {"restart_policy": {"Name": "on-failure", "MaximumRetryCount": 3}},
    "always": {"restart_policy": {"Name": "always"}},
    "init": {"init": True, "stop_signal": "SIGINT"},
    "removed": {"auto_remove": True},
    "log": {"log_config": LogConfig(type="json-file", config={"max-size": "1m"})},
    "no-log": {"log_config": LogConfig(type="none", config={})},
    "health": {
        "healthcheck": Healthcheck(
            test="true && true", interval=3_500_000_000, timeout=2 * 10**9, retries=4, start_period=10**9
        )
    },
    "no-health": {"healthcheck": Healthcheck(test=["NONE"])},
    "entry-point": {"entrypoint": "sleep", "command": ["1000"]},
    "entry-point-of-words": {"entrypoint": ["sh", "-c", "sleep 1000"], "command": ["x"]},
    "kernel": {"sysctls": {"net.ipv4.ip_unprivileged_port_start": "80"}},
    "shared-memory": {"ipc_mode": "shareable"},
    "anothers-processes": {"pid_mode": "container:db"},
}


@pytest.fixture(scope="module")
def town(client: DockerClient) -> DockerClient:
    """An engine with what the cases name."""
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.77.0.0/24")])
    client.networks.create("shop", ipam=pool)
    client.volumes.create("store")
    volumes = {"store": {"bind": "/store"}}
    client.containers.run("busybox", SLEEP, name="db", detach=True, init=True, volumes=volumes)
    return client


def settled(data: Mapping[str, Any]) -> dict[str, Any]:
    """Config, HostConfig and places in networks of an inspect, without ids, names and what says nothing.

    What docker-py and the docker command write differently of the same is written in one way.
    """
    own = data["Id"][:12]
    config, host = dict(data["Config"]), dict(data["HostConfig"])
    config["Hostname"] = config["Hostname"].replace(own, "")
    config["Env"] = sorted(config["Env"] or [])
    # `--entrypoint` takes one word; what is executed is both together.
    config["Run"] = [*(config.pop("Entrypoint") or []), *(config.pop("Cmd") or [])]
    # docker-py declares a bind's target as a volume, too, and a volume without a name as a bind.
    binds = host.pop("Binds") or []
    named = {bind.split(":")[1] for bind in binds if ":" in bind}
    declared = {*(config.pop("Volumes") or {}), *(bind for bind in binds if ":" not in bind)}
    host["Binds"] = [bind for bind in binds if ":" in bind]
    config["Volumes"] = sorted(declared - named)
    host["Links"] = [link.replace(data["Name"] + "/", "/") for link in host["Links"] or []]
    if not host["Memory"]:
        host.pop("MemorySwap")  # of a limit that this kernel does not keep the engine leaves half
    for passing in ("ContainerIDFile", "ConsoleSize"):
        host.pop(passing, None)
    places = {
        name: {
            "IPAMConfig": place["IPAMConfig"],
            "Aliases": [alias for alias in place["Aliases"] or [] if alias != own],
        }
        for name, place in data["NetworkSettings"]["Networks"].items()
    }
    return {"Config": told(config), "HostConfig": told(host), "Networks": told(places)}


def told(value: Any) -> Any:
    """Without null and empty: one client sends them, the other does not."""
    if not isinstance(value, dict):
        return value
    kept = {key: told(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in (None, [], {}, "")}


def until_it_started(client: DockerClient, name: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            data: dict[str, Any] = client.api.inspect_container(name)
        except NotFound:
            if process.poll() not in (None, 0):
                break
        else:
            if data["State"]["Status"] != "created":
                return data
        time.sleep(0.02)
    process.kill()
    out, err = process.communicate()
    raise AssertionError(f"{name} was not started: {out!r} {err!r}")


@pytest.mark.parametrize("name", CASES)
def test_as_cli_makes_an_equal_container(engine: Engine, town: DockerClient, name: str) -> None:
    options: dict[str, Any] = {"image": "busybox", "command": SLEEP, "detach": True} | CASES[name]
    if options.pop("auto_remove", False):
        options["remove"] = True
    first = town.containers.run(name=f"first-{name}", **options)
    line = translator(lambda: town)(first)
    one = town.api.inspect_container(first.id)
    gone(town, f"first-{name}")
    process = subprocess.Popen(
        line.replace(f"--name first-{name}", f"--name second-{name}"),
        shell=True,
        env=engine.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    other = until_it_started(town, f"second-{name}", process)
    process.communicate(timeout=PATIENCE_S)
    gone(town, f"second-{name}")
    assert json.dumps(settled(other), indent=1, sort_keys=True) == json.dumps(
        settled(one), indent=1, sort_keys=True
    ), line


def gone(client: DockerClient, name: str) -> None:
    """Remove it; with its address and ports."""
    try:
        client.containers.get(name).remove(force=True, v=True)
    except NotFound:
        return


def test_as_cli_of_one_in_front_and_of_one_that_was_only_made(town: DockerClient) -> None:
    as_cli = translator(lambda: town)
    town.containers.run("busybox", ["echo", "hi"], name="in-front")
    assert as_cli("in-front") == "docker run --name in-front busybox echo hi"
    made = town.containers.create("busybox", ["echo", "hi"], name="only-made", tty=True, stdin_open=True)
    assert as_cli(made) == "docker run -it --name only-made busybox echo hi"


def test_as_cli_of_a_container_whose_image_is_gone(town: DockerClient) -> None:
    town.images.get("busybox").tag("borrowed")
    town.containers.create("borrowed", ["true"], name="orphan")
    town.images.remove("borrowed", force=True)
    assert translator(lambda: town)("orphan").endswith("borrowed true")
