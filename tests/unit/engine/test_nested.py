"""A nested engine on a Docker that refuses: each reason is named with the next step, and nothing stays.

The Docker is a small server that stands in for one; the keeper is the real one.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from grader.engine import nested
from grader.engine.build import nested_image as nested_build
from grader.engine.image import nested_image, nested_recipe
from grader.engine.inside import nested as nested_guest
from grader.engine.keeper import nested as nested_keeper
from grader.engine.nested import Nested
from grader.errors import EngineUnavailable, ImageError


class FakeDocker(socketserver.ThreadingUnixStreamServer):
    """Answers what a keeper asks. ``refuses``: method and start of the path, to status and message."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.refuses: dict[str, tuple[int, str]] = {}
        self.containers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def get_request(self) -> tuple[Any, Any]:
        connection, _ = super().get_request()
        return connection, ("here", 0)


class _Handler(BaseHTTPRequestHandler):
    server: FakeDocker
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.sub(r"^/v[0-9.]+", "", urlsplit(self.path).path)
        line = f"{self.command} {path}"
        self.server.asked.append(line)
        containers = self.server.containers
        for start, (status, message) in self.server.refuses.items():
            if line.startswith(start) or line.endswith(start):
                self.answer(status, {"message": message})
                return
        if line == "POST /containers/create":
            name = f"c{len(self.server.asked)}"
            containers[name] = json.loads(body)
            self.answer(201, {"Id": name})
        elif path == "/containers/json":
            assert "dockbook.engine" in unquote(self.path)
            self.answer(200, [{"Id": name, "Created": one["made"]} for name, one in containers.items()])
        elif self.command == "DELETE":
            containers.pop(path.split("/")[2], None)
            self.answer(204)
        elif path.endswith("/attach"):
            self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            self.rfile.read(1)
        elif path.endswith("/json") and path.split("/")[2] not in containers:
            self.answer(404, {"message": "no such container"})
        else:
            self.answer(200, {})

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - as http.server names them


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDocker]:
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        with FakeDocker(Path(folder, "d.sock")) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield server
            server.shutdown()


def image(docker: FakeDocker) -> nested_image.NestedImage:
    return nested_image.NestedImage(f"unix://{docker.server_address!s}", "trixie", "debian:trixie-slim")


def refusal(docker: FakeDocker) -> EngineUnavailable:
    with pytest.raises(EngineUnavailable) as caught:
        Nested(image(docker)).start()
    assert docker.containers == {}
    assert [line for line in docker.asked if line.startswith("POST /containers/create")]
    return caught.value


def test_one_that_has_ended_before_it_is_asked_says_why(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is there when it is looked for, and gone when it is connected to."""
    docker.refuses["POST /containers/create"] = (403, "authorization denied: privileged is not allowed")
    monkeypatch.setattr(Nested, "_wait_listening", lambda *_: None)
    assert "privileged is not allowed" in refusal(docker).what


def test_both_ways_are_tried_and_both_reasons_named(docker: FakeDocker) -> None:
    wanted: list[dict[str, Any]] = []
    docker.refuses["/start"] = (500, "OCI runtime create failed: operation not permitted")
    kept = docker.containers
    docker.containers = _Remembering(wanted)
    error = refusal(docker)
    assert kept == {}
    assert "privileged: OCI runtime" in error.what
    assert "all capabilities but SYS_RESOURCE: OCI runtime" in error.what
    assert "the rights that an engine needs" in error.next_step
    first, second = (one["HostConfig"] for one in wanted)
    assert first["Privileged"] is True
    assert second["CapDrop"] == ["SYS_RESOURCE"]
    for one in (first, second):
        assert one["NetworkMode"] == "none"
        assert one["AutoRemove"] is True
        assert one["LogConfig"] == {"Type": "none"}


class _Remembering(dict[str, dict[str, Any]]):
    def __init__(self, wanted: list[dict[str, Any]]) -> None:
        super().__init__()
        self.wanted = wanted

    def __setitem__(self, name: str, value: dict[str, Any]) -> None:
        self.wanted.append(value)
        super().__setitem__(name, value)


@pytest.mark.parametrize(
    ("line", "said", "step"),
    [
        ("POST /containers/create", "mkdir /var/lib/docker/x: no space left on device", "docker system df"),
        ("POST /containers/create", "authorization denied: privileged is not allowed", "--backend sandbox"),
        ("POST /containers/create", "No such image: dockbook-engine", "dockbook doctor"),
        ("/archive", "something new", "dockbook doctor"),
    ],
)
def test_a_refusal_is_told_in_dockers_words(docker: FakeDocker, line: str, said: str, step: str) -> None:
    docker.refuses[line] = (403, said)
    error = refusal(docker)
    assert said in error.what
    assert step in error.next_step


def test_what_a_killed_keeper_left_goes_with_the_next_start(docker: FakeDocker) -> None:
    long_ago = time.time() - 2 * nested_keeper.ABANDONED_S
    docker.containers |= {"old": {"made": long_ago}, "new": {"made": time.time()}}
    docker.refuses["POST /containers/create"] = (500, "no")
    with pytest.raises(EngineUnavailable):
        Nested(image(docker)).start()
    assert set(docker.containers) == {"new"}


@pytest.mark.parametrize(
    ("address", "words", "step"),
    [
        ("npipe:////./pipe/docker_engine", "npipe:// addresses", "WSL 2"),
        ("ssh://ann@lab", "ssh:// addresses", "a Docker of this machine"),
        ("unix:///nowhere/docker.sock", "no Docker Engine answers there", "correct DOCKER_HOST"),
    ],
)
def test_an_address_that_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch, address: str, words: str, step: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineUnavailable) as caught:
        nested.find_docker()
    assert words in caught.value.what
    assert step in caught.value.next_step
    assert nested.probe() == caught.value.what


def test_a_docker_over_tls_is_another_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://lab:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(EngineUnavailable, match="over TLS"):
        nested.find_docker()


def test_grading_is_refused() -> None:
    engine = Nested.__new__(Nested)
    with pytest.raises(
        EngineUnavailable, match="nested engine cannot run a student's kernel, so it cannot grade"
    ):
        engine.start_kernel()


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("write /x: no space left on device", "docker system df"),
        ("Get https://registry: dial tcp: lookup registry: no such host", "DOCKBOOK_BASE_IMAGE names"),
        ("pull access denied for debian", "DOCKBOOK_BASE_IMAGE names"),
        ("privileged: operation not permitted", "the rights that an engine needs"),
        ("something new", "run the same command again"),
    ],
)
def test_a_failed_build_names_the_next_step(said: str, step: str) -> None:
    where = nested_image.NestedImage("unix:///x", "trixie", "debian:trixie-slim")
    error = nested_build.explained(where, said)
    assert isinstance(error, ImageError)
    assert said in error.what
    assert where.tag in error.what
    assert step in error.next_step


def test_a_step_that_failed_is_told_by_its_last_line() -> None:
    where = nested_image.NestedImage("unix:///x", "trixie", "debian:trixie-slim")
    said = "The command '/bin/sh -c apt-get update' returned a non-zero code: 100"
    assert "(E: no network)" in nested_build.explained(where, said, "E: no network").what


def test_the_key_changes_with_the_base_and_the_suite() -> None:
    keys = {
        nested_recipe.key("trixie", "debian:trixie-slim"),
        nested_recipe.key("trixie", "debian:trixie"),
        nested_recipe.key("forky", "debian:trixie-slim"),
    }
    assert len(keys) == 3
    assert nested_recipe.key("trixie", "x") == nested_recipe.key("trixie", "x")


def test_control_groups_are_passed_on_where_they_are_to_be_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Version 2, as a privileged container sees it; files stand in for the kernel's."""
    written: list[tuple[str, str]] = []
    monkeypatch.setattr(nested_guest, "CGROUPS", str(tmp_path))
    monkeypatch.setattr(nested_guest, "CONTROLLERS", str(tmp_path / "cgroup.controllers"))
    monkeypatch.setattr("grader.engine.system.linux.remount_writable", lambda _: None)
    monkeypatch.setattr("grader.engine.inside.roots.write", lambda path, text: written.append((path, text)))
    assert nested_guest.delegate_cgroups() is False
    assert written == []
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    assert nested_guest.delegate_cgroups() is True
    # Process 1 moves away first: a group with processes of its own can pass nothing on.
    assert written == [
        (f"{tmp_path}/init/cgroup.procs", str(os.getpid())),
        *((f"{tmp_path}/cgroup.subtree_control", f"+{name}") for name in ("cpu", "memory", "pids")),
    ]
