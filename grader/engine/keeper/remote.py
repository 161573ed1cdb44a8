"""What the keepers of a virtual machine and of a nested engine have in common: one wire to the engine.

Unix sockets in the engine's folder, and the connections between them and the engine, which all go over that
wire (``inside.mux``). dockerd's authorization plugin is answered here, on the trusted side. Standard
library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import sys
from typing import ClassVar

from grader.engine.inside.mux import Mux
from grader.engine.keeper.plugin import PluginServer
from grader.engine.keeper.sandbox import Keeper


class MuxKeeper(Keeper):
    """A keeper with a ``mux`` while its engine is there. ``DIALS``: what a connection may ask for by name."""

    DIALS: ClassVar[re.Pattern[bytes]] = re.compile(rb"(?:tcp|udp):[0-9]{1,5}")
    mux: Mux | None = None

    def make_sockets(self) -> None:
        """The engine's folder and all that is listened at; clients that come before the engine are
        disconnected."""
        self.make_folder()
        self.serve_at(self.listen("docker.sock", 0o600), "api")
        self.serve_at(self.listen("share/control.sock", 0o600), "student-control")
        self.serve_at(self.listen_for_dials("tcp"), None)
        if sys.platform == "linux":  # others keep no bounds of packets on unix sockets
            self.serve_at(self.listen_for_dials("udp"), None)
        plugin = self.listen("gate/dockbook.sock", 0o600)
        PluginServer(self.gate, plugin).register(self.selector)

    def listen_for_dials(self, kind: str) -> socket.socket:
        """Where the relay of published ports asks for a connection; a packet there is a datagram inside."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_SEQPACKET)
        server.bind(os.path.join(self.runtime, f"dial-{kind}.sock"))
        server.listen(512)
        return server

    def serve_at(self, server: socket.socket, target: str | None) -> None:
        """Carry what connects here to a target inside; with None, the connection's first line names it."""
        server.setblocking(False)

        def accept(_: int) -> None:
            with contextlib.suppress(OSError):
                connection, _address = server.accept()
                if self.mux is None:
                    connection.close()
                elif target is not None:
                    self.mux.open(target, connection)
                else:
                    self.selector.register(
                        connection, selectors.EVENT_READ, lambda _: self.hear_target(connection)
                    )

        self.selector.register(server, selectors.EVENT_READ, accept)

    def hear_target(self, connection: socket.socket) -> None:
        """The line comes in one piece, from this user's own process."""
        self.selector.unregister(connection)
        head = b""
        with contextlib.suppress(OSError):
            head = connection.recv(32, socket.MSG_PEEK)
        line = head.split(b"\n", 1)[0]
        if b"\n" not in head or not self.DIALS.fullmatch(line) or self.mux is None:
            connection.close()
            return
        connection.recv(len(line) + 1)
        self.mux.open(line.decode(), connection)

    def dial_back(self, target: str) -> socket.socket | None:
        """A connection that the engine asks for: only dockerd's to its plugin."""
        if target != "plugin":
            return None
        handle = socket.socket(socket.AF_UNIX)
        handle.connect(os.path.join(self.runtime, "gate/dockbook.sock"))
        return handle
