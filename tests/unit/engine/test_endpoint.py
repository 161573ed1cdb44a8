"""Docker addresses: told apart, and asked."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from grader.engine.endpoint import reach


def test_reach_tells_addresses_apart(tmp_path):
    plain = tmp_path / "file"
    plain.touch()
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stale))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert reach(f"tcp://127.0.0.1:{port}").trouble == "refused"
    assert reach(f"unix://{tmp_path}/none").trouble == "missing"
    assert reach(f"unix://{plain}/under").trouble == "missing"
    assert reach(f"unix://{stale}").trouble == "refused"
    assert reach("tcp://no.such.name.invalid:2375").trouble in ("no-name", "other")
    assert reach("tcp://127.0.0.1:port").trouble == "bad-address"
    assert reach("nonsense").trouble == "bad-address"
    assert reach("ssh://somebody@somewhere").trouble == "untested"


def _serve(path: Path, answer: bytes) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(10)

    def run() -> None:
        with listener:
            listener.accept()[0].close()  # the trial connection
            for _ in range(2 if b"ApiVersion" in answer else 1):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_reach_reads_the_version(tmp_path):
    body = b'{"Version": "26.1.5", "ApiVersion": "1.45"}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    thread = _serve(tmp_path / "s", head.encode() + b"Connection: close\r\n\r\n" + body)
    found = reach(f"unix://{tmp_path}/s")
    thread.join()
    assert (found.trouble, found.engine_version, found.api_version) == ("", "26.1.5", "1.45")


def test_reach_knows_what_is_no_docker(tmp_path):
    thread = _serve(tmp_path / "s", b"220 mail.example ESMTP\r\n")
    found = reach(f"unix://{tmp_path}/s")
    thread.join()
    assert found.trouble == "not-docker"
