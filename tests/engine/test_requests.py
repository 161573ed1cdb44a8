"""Requests that try to get past the authorization plugin, sent to a real dockerd as bytes."""

from __future__ import annotations

import io
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError

from grader.engine.base import Engine


def raw(engine: Engine, request: bytes) -> bytes:
    """An HTTP request as bytes; the whole answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(engine.docker_host.removeprefix("unix://"))
        client.sendall(request)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
        return answer


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: docker",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


PRIVILEGED = b'{"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Privileged": true}}'
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    "request_",
    [
        post("/containers/create?name=evil", PRIVILEGED, JSON),
        post("/v1.45/containers/create?name=evil", PRIVILEGED, JSON),
        post("/v1.24/containers/create?name=evil", PRIVILEGED, JSON),
        post("//containers/create?name=evil", PRIVILEGED, JSON),
        post("/./containers/create?name=evil", PRIVILEGED, JSON),
        post("/containers/create/?name=evil", PRIVILEGED, JSON),
        post("/containers/%63reate?name=evil", PRIVILEGED, JSON),
        post("http://docker/containers/create?name=evil", PRIVILEGED, JSON),
        post("/containers/create?name=evil&x=/auth", PRIVILEGED, JSON),
        post("/containers/create?name=evil", PRIVILEGED, "Content-Type: application/json; charset=utf-8"),
        post("/containers/create?name=evil", PRIVILEGED, "Content-Type: text/plain", JSON),
        post("/containers/create?name=evil", PRIVILEGED, JSON, "Content-Type: text/plain"),
        post(
            "/containers/create?name=evil",
            PRIVILEGED,
            JSON,
            "X-Dockbook-Token: 00000000000000000000000000000000",
        ),
        # More than dockerd hands to a plugin.
        post("/containers/create?name=evil", PRIVILEGED[:-1] + b" " * (1 << 20) + b"}", JSON),
        post("/containers/create?name=evil", PRIVILEGED.replace(b"Priv", b"pRIV"), JSON),
        post("/containers/create?name=evil", PRIVILEGED[:-1] + b', "HostConfig": {}}', JSON),
        post("/containers/create?name=evil", PRIVILEGED + PRIVILEGED, JSON),
        post("/containers/create?name=evil", PRIVILEGED.replace(b"vil", b"v\\u0069l"), JSON),
    ],
    ids=lambda request: str(request[:60]),
)
def test_tricks_with_a_request_do_not_make_a_privileged_container(
    shared_engine: Engine, student: DockerClient, request_: bytes
) -> None:
    answer = raw(shared_engine, request_)
    assert answer.split()[1] != b"201", answer
    assert not shared_engine.client().containers.list(all=True, filters={"name": "evil"})


def test_a_chunked_body_is_read_too(shared_engine: Engine, student: DockerClient) -> None:
    head = f"POST /containers/create?name=evil HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{JSON}\r\n"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PRIVILEGED), PRIVILEGED)
    answer = raw(shared_engine, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
    assert answer.split()[1] == b"403", answer
    fine = b'{"Image": "busybox"}'
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(fine), fine)
    answer = raw(
        shared_engine, f"{head}Transfer-Encoding: chunked\r\n\r\n".replace("evil", "fine").encode() + chunk
    )
    assert answer.split()[1] in (b"201", b"403"), answer


def interfaces(text: str) -> set[str]:
    return {line.split(": ")[1].split("@")[0] for line in text.splitlines() if line[:1].isdigit()}


def test_the_host_network_by_its_id_is_not_the_hosts(shared_engine: Engine, student: DockerClient) -> None:
    """The plugin sees names and ids alike: an id of the network 'host' must lead nowhere."""
    network = next(one for one in student.networks.list() if one.name == "host")
    assert network.id is not None
    # The runtime refuses it to everybody, whatever the plugin could not see.
    with pytest.raises(APIError, match="bounded-runtime did not"):
        shared_engine.client().containers.run("busybox", ["ip", "addr"], network="host", remove=True)
    for name in (network.id, network.id[:12]):
        try:
            found = student.containers.run("busybox", ["ip", "addr"], network=name, remove=True).decode()
        except APIError:
            continue
        assert interfaces(found) == {"lo"}
        _, log = student.images.build(
            fileobj=io.BytesIO(b"FROM busybox\nRUN ip addr\n"), network_mode=name, nocache=True
        )
        text = "".join(str(line.get("stream", "")) for line in log if isinstance(line, dict))
        assert "docker0" not in interfaces(text)
    box = student.containers.run("busybox", ["sleep", "60"], detach=True)
    with pytest.raises(APIError):
        network.connect(box)


def test_build_parameters_in_a_form_are_not_read(shared_engine: Engine, student: DockerClient) -> None:
    """Go's ParseForm would read a form's networkmode before that of the address; no plugin sees the form."""
    serve = "mkdir /w; printf 'FROM busybox\\nRUN ip addr > /x\\n' > /w/Dockerfile; httpd -f -p 80 -h /w"
    web = student.containers.run("busybox", ["sh", "-c", serve], detach=True)
    web.reload()
    remote = {"remote": f"http://{web.attrs['NetworkSettings']['IPAddress']}/Dockerfile"}
    time.sleep(0.5)
    query = urllib.parse.urlencode(remote | {"t": "formed", "nocache": "1"})
    # Longer than what dockerd reads ahead before it looks for parameters.
    form = b"&" * 10_000 + urllib.parse.urlencode({"networkmode": "host"}).encode()
    kinds = ("Content-Type: application/x-www-form-urlencoded", "Content-Type: application/x-tar")
    raw(shared_engine, post(f"/build?{query}", form, *kinds))
    assert not student.images.list("formed")
    raw(shared_engine, post(f"/build?{query}", b"&" * 10_000, *kinds))
    assert student.images.list("formed"), "without it there is one"
    student.images.remove("formed", force=True)


@pytest.mark.parametrize(
    ("line", "instruction"),
    [
        ("docker build", "RUN --network=host true"),
        ("docker build --network=host", "RUN true"),
        ("docker buildx build --allow network.host", "RUN --network=host true"),
        ("docker buildx build --allow security.insecure", "RUN --security=insecure true"),
    ],
)
def test_buildkit_reaches_no_further(
    shared_engine: Engine, tmp_path: Path, line: str, instruction: str
) -> None:
    """Its own channel is out of the plugin's sight: the daemon itself refuses."""
    (tmp_path / "Dockerfile").write_text(f"FROM busybox\n{instruction}\n")
    run = subprocess.run(
        [*line.split(), str(tmp_path)],
        env=shared_engine.env() | {"DOCKER_BUILDKIT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    assert "is not allowed" in run.stderr or "unknown flag" in run.stderr, run.stderr


def test_many_requests_at_once_are_all_judged(shared_engine: Engine, student: DockerClient) -> None:
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(raw(shared_engine, post("/containers/create?name=evil", PRIVILEGED, JSON)).split()[1])

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"403"] * 100
