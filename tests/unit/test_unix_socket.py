"""A unix socket whose server is busy: one waits in line, for as long as one wants to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.unix_socket import connect


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A server that accepts nobody, with a queue that is full."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(path)
            with socket.socket(socket.AF_UNIX) as second:
                second.setblocking(False)
                with pytest.raises(BlockingIOError):
                    second.connect(path)
            yield server, path


def test_it_waits_for_a_place(full: tuple[socket.socket, str]) -> None:
    server, path = full
    threading.Timer(0.3, server.accept).start()
    with connect(path, 10) as one:
        assert one.gettimeout() == 10


def test_it_does_not_wait_for_ever(full: tuple[socket.socket, str]) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"busy for 0\.2 s"):
        connect(full[1], 0.2)
    assert time.monotonic() - began < 5


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect(str(tmp_path / "none"), 1)
