"""A company's proxy: it leads to everything but the machine of whoever asks."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

REFUSED = 403
PASSED_ON = 65536
WAIT_S = 60


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of plain HTTP, CONNECT for the rest; what was asked for is in ``asked``."""

    asked: list[str]

    def do_CONNECT(self) -> None:
        """Carry bytes both ways until one side is done."""
        host, _, port = self.path.rpartition(":")
        with self._other_side(host, int(port)) as other:
            if other is None:
                return
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: other, other: self.connection}
            while ready := select.select([*ends], [], [], WAIT_S)[0]:
                for one in ready:
                    data = one.recv(PASSED_ON)
                    if not data:
                        return
                    ends[one].sendall(data)

    def do_GET(self) -> None:
        """Ask in the client's place, and close: no more than one answer for a connection."""
        url = urlsplit(self.path)
        with self._other_side(url.hostname or "", url.port or 80) as other:
            if other is None:
                return
            headers = {name: value for name, value in self.headers.items() if name != "Proxy-Connection"}
            line = http.client.HTTPConnection(url.hostname or "", url.port or 80)
            line.sock = other
            line.request(self.command, url._replace(scheme="", netloc="").geturl(), headers=headers)
            answer = line.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name not in ("Transfer-Encoding", "Connection"):
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while data := answer.read(PASSED_ON):
                self.wfile.write(data)
        self.close_connection = True

    def do_HEAD(self) -> None:
        """As GET."""
        self.do_GET()

    @contextlib.contextmanager
    def _other_side(self, host: str, port: int) -> Iterator[socket.socket | None]:
        self.asked.append(f"{host}:{port}")
        if host in ("localhost", "127.0.0.1", "::1"):
            self.send_error(REFUSED, "not from here")
            yield None
            return
        with socket.create_connection((host, port), timeout=WAIT_S) as other:
            yield other

    def log_message(self, *values: object) -> None:
        """Nothing: what was asked for is kept."""


@contextlib.contextmanager
def company_proxy() -> Iterator[tuple[str, list[str]]]:
    """Its address, and where each request that it got was to go."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
        server.shutdown()
