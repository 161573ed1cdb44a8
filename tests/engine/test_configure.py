"""A student's daemon.json: by the control socket, listed options only, checked by dockerd itself."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from grader.engine.base import Engine
from grader.unix_socket import connect


def knock(engine: Engine, line: bytes) -> dict[str, Any]:
    with connect(engine.env()["DOCKBOOK_CONTROL"], 20) as connection:
        connection.sendall(line + b"\n")
        reply: dict[str, Any] = json.loads(connection.recv(65536))
        return reply


def mirrors(engine: Engine) -> list[str]:
    found: list[str] = engine.client().info()["RegistryConfig"]["Mirrors"] or []
    return found


def wait_for_mirrors(engine: Engine, wanted: list[str]) -> list[str]:
    deadline = time.monotonic() + 10
    while mirrors(engine) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return mirrors(engine)


def test_the_plugin_survives_a_reload(engine: Engine) -> None:
    engine.configure({"registry-mirrors": ["http://mirror"]})
    assert wait_for_mirrors(engine, ["http://mirror/"])
    assert "dockbook" in engine.client().info()["Plugins"]["Authorization"]


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
