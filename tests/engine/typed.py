"""What tests of engines do again and again: type a line, wait for something, ask a port of the machine."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from docker.models.containers import Container

from grader.engine.base import Engine
from grader.engine.ports import HOST


def cli(engine: Engine, line: str, *, timeout_s: float = 120, **variables: str) -> str:
    """A line as typed in a terminal; its output. Fails with what it said."""
    run = subprocess.run(
        ["sh", "-c", line],
        env=engine.env() | variables,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert run.returncode == 0, f"{line}: {run.stdout}{run.stderr}"
    return run.stdout


def eventually(question: Callable[[], bool], within_s: float = 20) -> bool:
    """Whether the answer becomes yes in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return False


def wait_for_log(box: Container, text: bytes, within_s: float = 10) -> None:
    """Until a container's log has the text."""
    assert eventually(lambda: text in box.logs(), within_s), f"{box.name} never said {text!r}: {box.logs()!r}"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of the machine that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def page(port: int) -> bytes:
    """What a web server at this port of the machine answers; empty if none does."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/", timeout=5) as reply:
            content: bytes = reply.read()
            return content
    except (urllib.error.URLError, OSError):
        return b""


def echo(port: int, word: bytes) -> bytes:
    """What comes back for a datagram to this port of the machine; empty if nothing does in half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.5)
        try:
            line.sendto(word, (HOST, port))
            return line.recv(100)
        except OSError:
            return b""
