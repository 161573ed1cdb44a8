"""The keeper of a nested engine: as for a sandbox, a small process that outlives its owner just long enough.

It makes one container on the user's own Docker and holds that container's standard input and output: over
these two it carries connections between unix sockets in the engine's folder and the engine inside
(``inside.mux``). When this process ends, however it ends, Docker closes the container's input, the
engine ends with that, and Docker removes the container. dockerd's authorization plugin is answered here.
Standard library only.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import socket
import struct
import tarfile
import threading
import time
from typing import Any
from urllib.parse import quote

from grader.engine.inside.mux import Broken, Mux
from grader.engine.keeper import user_docker
from grader.engine.keeper.remote import MuxKeeper
from grader.engine.keeper.sandbox import run
from grader.engine.keeper.user_docker import Refused
from grader.engine.system.package import GUEST, sources

LABEL = "dockbook.engine"
LIBRARY = "/usr/local/lib/dockbook-engine"
ENTRY = f"import sys; sys.path.insert(0, {LIBRARY!r}); from {{module}} import main; main()"
GONE_S = 20
ABANDONED_S = 120
_FRAME = struct.Struct(">BxxxI")
_STDERR = 2

PRIVILEGED: dict[str, Any] = {"Privileged": True}
NEARLY: dict[str, Any] = {
    "CapAdd": ["ALL"],
    "CapDrop": ["SYS_RESOURCE"],
    "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
    "MaskedPaths": [],
    "ReadonlyPaths": [],
}
"""Where Docker itself lacks the right to raise limits, as in some virtual machines, nothing is privileged."""
WAYS = {"privileged": PRIVILEGED, "all capabilities but SYS_RESOURCE": NEARLY}


def container(image: str, label: str, module: str, rights: dict[str, Any]) -> dict[str, Any]:
    """What Docker is asked for: no network of the user's, no log, nothing left when it ends."""
    return {
        "Image": image,
        "Entrypoint": ["python3", "-I", "-S", "-c", ENTRY.format(module=module)],
        "Cmd": [],
        "Hostname": "dockbook",
        "Labels": {LABEL: label},
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Volumes": {"/var/lib/docker": {}},
        "HostConfig": {
            "AutoRemove": True,
            "NetworkMode": "none",
            "CgroupnsMode": "private",
            "LogConfig": {"Type": "none"},
            **rights,
        },
    }


def library(spec: dict[str, Any], parts: tuple[str, ...] = GUEST) -> bytes:
    """An archive with those parts of this package that process 1 needs, and its description."""
    with io.BytesIO() as buffer, tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in sources(parts).items():
            _add(archive, f"{LIBRARY}/{name}".lstrip("/"), path.read_bytes())
        _add(archive, "etc/dockbook/nested.json", json.dumps(spec).encode())
        archive.close()
        return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    archive.addfile(info, io.BytesIO(data))


class NestedKeeper(MuxKeeper):
    """One container. ``spec``: the user's Docker as ``docker_host``, ``image``, ``inside`` for process 1."""

    container = ""
    no_group = "your Docker provides none"
    way = ""
    """Which of WAYS it was started by."""

    def start(self) -> None:
        """Folder, sockets, the container, the wire to it."""
        self.make_sockets()
        stream, first = self.start_container()
        self.wire, far = socket.socketpair()
        self.wire.setblocking(False)
        threading.Thread(target=self.to_container, args=(far, stream), daemon=True).start()
        threading.Thread(target=self.from_container, args=(far, stream, first), daemon=True).start()
        self.mux = Mux(self.selector, self.wire.fileno(), self.dial_back, first=1, log=self.take_log)
        self.inside, there = socket.socketpair()
        self.mux.open("control", there)
        self.selector.register(self.inside, selectors.EVENT_READ, self.read_inside)

    # -- the container

    def ask(self, method: str, path: str, body: object = None, data: bytes | None = None) -> Any:
        return user_docker.call(self.spec["docker_host"], method, path, body, data=data)

    def start_container(self) -> tuple[socket.socket, bytes]:
        """The container, by the first way that this Docker allows. Raises Refused with every reason."""
        self.sweep()
        reasons = []
        for way, rights in WAYS.items():
            try:
                stream = self.start_with(rights)
            except Refused as error:
                reasons.append(f"{way}: {error}")
                self.remove_container()
            else:
                self.way = way
                return stream
        raise Refused(500, "; ".join(reasons))

    def sweep(self) -> None:
        """Remove what a keeper that was killed between two requests has left: made, never started."""
        wanted = quote(json.dumps({"label": [LABEL], "status": ["created", "exited", "dead"]}))
        with contextlib.suppress(Refused, OSError):
            for left in self.ask("GET", f"/containers/json?all=1&filters={wanted}"):
                if time.time() - left["Created"] > ABANDONED_S:
                    self.ask("DELETE", f"/containers/{quote(left['Id'])}?force=1&v=1")

    def require_owner(self) -> None:
        """A busy Docker takes its time for each step: none more for an owner that has ended."""
        if os.getppid() != self.spec["owner"]:
            raise RuntimeError("the owner has ended")

    def start_with(self, rights: dict[str, Any]) -> tuple[socket.socket, bytes]:
        self.require_owner()
        wanted = container(self.spec["image"], self.spec["id"], "grader.engine.inside.nested", rights)
        made = self.ask("POST", f"/containers/create?name=dockbook-{self.spec['id']}", wanted)
        self.container = made["Id"]
        self.ask("PUT", f"/containers/{self.container}/archive?path=/", data=library(self.spec["inside"]))
        stream, first = user_docker.attach(self.spec["docker_host"], self.container)
        self.require_owner()
        try:
            self.ask("POST", f"/containers/{self.container}/start")
        except Refused:
            stream.close()
            raise
        return stream, first

    def remove_container(self) -> None:
        """Remove it and its volume, and wait until it is gone: Docker may be removing it already."""
        if not self.container:
            return
        path = f"/containers/{quote(self.container)}"
        with contextlib.suppress(Refused, OSError):
            self.ask("DELETE", f"{path}?force=1&v=1")
        deadline = time.monotonic() + GONE_S
        with contextlib.suppress(Refused, OSError):
            while time.monotonic() < deadline:
                self.ask("GET", f"{path}/json")
                time.sleep(0.02)
        self.container = ""

    def to_container(self, far: socket.socket, stream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(256 << 10):
                stream.sendall(data)
        self.cut(far)

    def from_container(self, far: socket.socket, stream: socket.socket, received: bytes) -> None:
        """Docker frames what it passes on: which output it is of, and how long it is."""
        with contextlib.suppress(OSError):
            while True:
                while len(received) >= _FRAME.size:
                    output, length = _FRAME.unpack_from(received)
                    end = _FRAME.size + length
                    if len(received) < end:
                        break
                    data, received = received[_FRAME.size : end], received[end:]
                    if output == _STDERR:
                        self.take_log(data)
                    else:
                        far.sendall(data)
                data = stream.recv(256 << 10)
                if not data:
                    break
                received += data
        self.cut(far)

    @staticmethod
    def cut(far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_RDWR)

    def take_log(self, data: bytes) -> None:
        self.log.extend(line[:2000] for line in data.splitlines())

    # -- life

    def serve(self) -> None:
        try:
            super().serve()
        except Broken:
            time.sleep(0.1)  # its last words may still be under way
            self.send({"event": "ended", "tail": self.tail()})

    def do_way(self) -> str:
        return self.way

    def dispose(self) -> None:
        self.remove_container()
        super().dispose()


def main(descriptor: str) -> None:
    """Entry of a nested engine's keeper."""
    run(descriptor, NestedKeeper)
