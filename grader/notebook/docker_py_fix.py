"""docker-py keeps what came with an answer's head.

For ``exec_run``, ``attach`` and ``attach_socket`` it reads an answer's head through a buffer, and what
follows from the socket below it. What arrived together with the head, a short command's whole output on a
busy machine, stays in the buffer and is lost (https://github.com/docker/docker-py/issues/3332). Without
reading ahead there is nothing to lose.
"""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from typing import Any

from docker.transport.unixconn import UnixHTTPConnection


class _Answer(HTTPResponse):
    """An HTTP answer whose reader takes no byte from the socket before it is asked for."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = sock.makefile("rb", 1)


def keep_whole_answers() -> None:
    """For all clients of this process that reach their engine by a Unix socket; safe to call twice."""
    UnixHTTPConnection.response_class = _Answer
