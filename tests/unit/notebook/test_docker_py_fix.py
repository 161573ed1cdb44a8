"""What an engine says in one piece, head and output, comes out of docker-py whole."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from grader.notebook.docker_py_fix import keep_whole_answers

JSON = {"Id": "e" * 64, "State": {"Running": True}, "Config": {"Tty": False}, "ExitCode": 0}
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def frame(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


SAID = frame(b"out\n") + frame(b"error\n", 2)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """An engine whose commands are so short that all they say comes with the answer's head."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "docker.sock"))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"unix://{tmp_path}/docker.sock"
    listener.close()


def answer(connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as requests:
        while line := requests.readline():
            length = 0
            while (header := requests.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            requests.read(length)
            if b"/start " in line or b"/attach?" in line:
                connection.sendall(UPGRADED + SAID)
                return
            body = json.dumps(JSON).encode()
            chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunked
            )


@pytest.fixture
def client(engine: str) -> Iterator[DockerClient]:
    keep_whole_answers()
    keep_whole_answers()  # twice is as good as once
    found = DockerClient(base_url=engine, version="1.41", timeout=10)
    with found.api:
        yield found


def test_a_commands_output(client: DockerClient) -> None:
    box = client.containers.get("box")
    assert box.exec_run("x").output == b"out\nerror\n"
    demuxed: object = box.exec_run("x", demux=True).output
    assert demuxed == (b"out\n", b"error\n")
    assert list(box.exec_run("x", stream=True).output) == [b"out\n", b"error\n"]


def test_what_a_container_says_to_who_is_attached(client: DockerClient) -> None:
    box = client.containers.get("box")
    assert box.attach() == b"out\nerror\n"
    line = box.attach_socket()
    assert isinstance(line, socket.SocketIO)
    assert line.read(100) == SAID


def test_loading_the_course_does_it() -> None:
    """In a process of its own: this one has it already."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "from docker.transport.unixconn import UnixHTTPConnection as C\n"
        "before = C.response_class; S.instance().run_line_magic('load_ext', 'grader')\n"
        "print(before is C.response_class, C.response_class.__module__)"
    )
    env = {"DOCKBOOK_ENGINE": "none", "DOCKBOOK_STUDENT": "", "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False grader.notebook.docker_py_fix"
