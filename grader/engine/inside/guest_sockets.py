"""Sockets of a guest's relay, in a virtual machine as in a container. Standard library only."""

from __future__ import annotations

import contextlib
import os
import re
import socket

_PORT = re.compile(r"(tcp|udp):([0-9]{1,5})")


def listen(path: str, mode: int) -> socket.socket:
    """A listening unix socket, replacing whatever an earlier one has left."""
    server = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    server.bind(path)
    os.chmod(path, mode)
    server.listen(512)
    return server


def dial_port(target: str) -> socket.socket | None:
    """A socket for a port of the engine's, "tcp:80" or "udp:53"; None for any other target.

    It may still be connecting: the first read shows the result. Raises OSError.
    """
    port = _PORT.fullmatch(target)
    if port is None:
        return None
    handle = socket.socket(socket.AF_INET, socket.SOCK_STREAM if port[1] == "tcp" else socket.SOCK_DGRAM)
    handle.setblocking(False)
    handle.connect_ex(("127.0.0.1", int(port[2])))
    return handle


def dial_path(path: str) -> socket.socket:
    """A socket that is connected to a unix socket. Raises OSError."""
    handle = socket.socket(socket.AF_UNIX)
    handle.connect(path)
    return handle
