"""A student's daemon.json: through the door to process 1, listed options only, checked by dockerd itself."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from docker.errors import NotFound

from grader.engine.base import Engine
from grader.errors import EngineError


def knock(engine: Engine, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(20)
        door.connect(engine.env()["DOCKBOOK_CONTROL"])
        door.sendall(line + b"\n")
        reply: dict[str, Any] = json.loads(door.recv(65536))
        return reply


def mirrors(engine: Engine) -> list[str]:
    found: list[str] = engine.client().info()["RegistryConfig"]["Mirrors"] or []
    return found


def wait_for_mirrors(engine: Engine, wanted: list[str]) -> list[str]:
    deadline = time.monotonic() + 10
    while mirrors(engine) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return mirrors(engine)


def test_a_pull_goes_through_the_mirror(engine: Engine) -> None:
    client = engine.client()
    with pytest.raises(NotFound, match="the course hub has no such image"):
        client.images.pull("motd")
    asked = json.dumps({"daemon": {"registry-mirrors": ["http://mirror"]}}).encode()
    assert knock(engine, asked) == {"ok": True}
    assert wait_for_mirrors(engine, ["http://mirror/"]) == ["http://mirror/"]
    # Only the mirror has this image.
    assert b"only on the mirror" in client.containers.run("motd", remove=True)


def test_containers_and_the_plugin_survive_a_reload(engine: Engine) -> None:
    client = engine.client()
    box = client.containers.run("busybox", ["sleep", "60"], detach=True)
    engine.configure({"registry-mirrors": ["http://mirror"], "labels": ["course=docker"]})
    assert wait_for_mirrors(engine, ["http://mirror/"])
    box.reload()
    assert box.status == "running"
    assert "dockbook" in client.info()["Plugins"]["Authorization"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ('{"labels": "not a list"}', "cannot unmarshal string"),
        ('{"hosts": ["tcp://0.0.0.0"]}', "takes no hosts"),
        ('{"authorization-plugins": []}', "takes no authorization-plugins"),
        ('["a list"]', "one JSON object"),
    ],
)
def test_what_is_refused_comes_with_the_reason(shared_engine: Engine, options: str, reason: str) -> None:
    before = mirrors(shared_engine)
    reply = knock(shared_engine, b'{"daemon": ' + options.encode() + b"}")
    assert reason in reply["error"]
    assert mirrors(shared_engine) == before


@pytest.mark.parametrize("noise", [b"not json", b"{}", b"[]", b"\xff\xfe", b"null"])
def test_noise_at_the_door_ends_nothing(shared_engine: Engine, noise: bytes) -> None:
    assert "error" in knock(shared_engine, noise)
    assert shared_engine.alive()


def test_silent_visitors_do_not_hold_the_door(shared_engine: Engine) -> None:
    silent = []
    for _ in range(20):
        visitor = socket.socket(socket.AF_UNIX)
        visitor.connect(shared_engine.env()["DOCKBOOK_CONTROL"])
        silent.append(visitor)
    assert "error" in knock(shared_engine, b"{}")
    for visitor in silent:
        visitor.close()


def test_the_owner_is_told_the_reason_too(shared_engine: Engine) -> None:
    with pytest.raises(EngineError, match="cannot unmarshal"):
        shared_engine.configure({"labels": 3})


def test_reset_brings_back_the_state_of_the_boot(engine: Engine) -> None:
    client = engine.client()
    images = {tag for image in client.images.list() for tag in image.tags}
    client.networks.create("mine")
    client.containers.run("busybox", ["sleep", "60"], detach=True, network="mine")
    client.volumes.create("data")
    client.images.remove("httpd")
    engine.reset()
    client = engine.client()
    assert client.containers.list(all=True) == []
    assert client.volumes.list() == []
    assert {network.name for network in client.networks.list()} == {"bridge", "host", "none"}
    assert {tag for image in client.images.list() for tag in image.tags} == images
    assert client.containers.run("busybox", ["echo", "again"], remove=True) == b"again\n"
