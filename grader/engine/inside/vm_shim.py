"""One shim for all containers of the machine: it runs already when an engine starts.

For each container containerd executes its shim three times: to start it, as the process next to the
container, to clean up. Each is a Go program that an emulated processor takes long to begin. A shim can serve
a group of containers, as it does for a pod of Kubernetes; here all are one group. ``WRAPPER`` is what
containerd executes instead; where that does not do, it becomes the real one. A shim ends with its last
container: this one has a container from the beginning, of which there is nothing but the name (``PAUSE``).
Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time

from grader.engine.system.package import file_text

SHIM = "/usr/bin/containerd-shim-runc-v2"
FOLDER = "/run/dockbook-vm/shim"
SOCKET = f"{FOLDER}/socket"
BUNDLE = f"{FOLDER}/pause"
PAUSE_PATH = "/usr/lib/dockbook-vm/pause"
CONTAINERD = "/run/containerd/containerd.sock"
NAMESPACE = "moby"
START_S = 60
WRAPPER = file_text("engine/inside/files/vm-shim.sh", SOCKET=SOCKET, SHIM=SHIM)
PAUSE = file_text("engine/inside/files/vm-pause.sh")
ENV = {
    "TTRPC_ADDRESS": f"{CONTAINERD}.ttrpc",
    "GRPC_ADDRESS": CONTAINERD,
    "NAMESPACE": NAMESPACE,
    "MAX_SHIM_VERSION": "2",
    "GOMAXPROCS": "2",
}
"""What containerd gives its shims: pkg/shim/util.go, ``Command``."""


def argv() -> list[str]:
    """The command line of the shim; its folder is made. What it logs goes where its errors go."""
    os.makedirs(BUNDLE)
    os.symlink("/proc/self/fd/2", f"{FOLDER}/log")
    words = [SHIM, "-namespace", NAMESPACE, "-id", "dockbook", "-address", CONTAINERD, "-socket", SOCKET]
    return ["sh", "-c", 'cd "$0" && exec "$@"', FOLDER, *words]


def hold() -> None:
    """Once it has been started: give it the container that it stays for. Raises OSError."""
    options = _field(6, PAUSE_PATH)  # binary_name of containerd.runc.v1.Options
    any_options = _field(1, "containerd.runc.v1.Options") + _field(2, options)
    wanted = _field(1, "dockbook-pause") + _field(2, BUNDLE) + _field(10, any_options)
    call("containerd.task.v2.Task", "Create", wanted, time.monotonic() + START_S)


def forget() -> None:
    """It has ended: containers get shims of their own from now on."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)


# -- ttrpc: https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md

_HEAD = struct.Struct(">IIBB")
_REQUEST, _RESPONSE = 1, 2


def call(service: str, method: str, payload: bytes, deadline: float) -> None:
    """One request to the shim, whose answer is not wanted. Raises OSError if it is refused or late."""
    metadata = _field(1, "containerd-namespace-ttrpc") + _field(2, NAMESPACE)
    request = _field(1, service) + _field(2, method) + _field(3, payload) + _field(5, metadata)
    with _connect(deadline) as handle:
        handle.settimeout(max(0.1, deadline - time.monotonic()))
        handle.sendall(_HEAD.pack(len(request), 1, _REQUEST, 0) + request)
        length, _, kind, _ = _HEAD.unpack(_receive(handle, _HEAD.size))
        answer = _receive(handle, length)
    if kind != _RESPONSE or (answer[:1] == b"\x0a" and answer[1:2] != b"\0"):  # field 1, a status
        raise OSError(f"the shim refused {method}: {answer[:500]!r}")


def _connect(deadline: float) -> socket.socket:
    while True:
        handle = socket.socket(socket.AF_UNIX)
        try:
            handle.connect(SOCKET)
        except OSError:
            handle.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return handle


def _receive(handle: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = handle.recv(length - len(data))
        if not more:
            raise OSError("the shim hung up")
        data += more
    return data


def _field(number: int, value: str | bytes) -> bytes:
    """A field of a protocol buffer's message: text, bytes or another message."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
