"""The inspector in a notebook: which machine it asks from, and how long it waits."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from grader.expect import LiveInspector


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()
        self.wfile.write(b"Hello \xff" + b"x" * 100_000)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_live_inspector_asks_from_this_machine(web: int) -> None:
    inspector = LiveInspector({}, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert inspector.host_http("0.0.0.0", web, "/").status == 200
    remote = LiveInspector({}, environment={"DOCKER_HOST": "tcp://engine.example:2376"})
    assert remote.host_address("127.0.0.1") == "engine.example"


@pytest.mark.parametrize(
    ("said", "seconds"), [({}, 5), ({"DOCKBOOK_LOOK_S": "30"}, 30), ({"DOCKBOOK_LOOK_S": "x"}, 5)]
)
def test_a_slow_engine_is_looked_at_with_patience(said: dict[str, str], seconds: float) -> None:
    """The environment of a virtual machine's engine says so; `docker` has no such limit."""
    assert LiveInspector({}, environment=said)._deadline_s == seconds
