"""The relay of published ports at its edges; that it works with every backend is in ``test_backends.py``."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from grader.engine.base import Engine, Published
from grader.engine.ports import HOST, Ports
from grader.engine.sandbox import Sandbox
from tests.engine.typed import eventually


@pytest.fixture
def sandbox(engine: Engine) -> Sandbox:
    assert isinstance(engine, Sandbox)
    return engine


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ports(sandbox: Sandbox, said: list[str]) -> Iterator[Ports]:
    with sandbox.forward(said.append) as opened:
        assert isinstance(opened, Ports)
        yield opened


def test_a_port_that_somebody_else_has_is_said(sandbox: Sandbox, ports: Ports, said: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        sandbox.client().containers.run("training/webapp", detach=True, ports={"5000/tcp": port})
        assert eventually(lambda: bool(said))
    assert str(Published(port, "tcp")) in said[0]
    assert "already in use" in said[0]
