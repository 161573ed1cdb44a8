"""The shim of all containers: what containerd executes instead of it, and the container that it stays for."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from grader.engine.inside import vm_shim


class Place:
    """The wrapper in a folder, with a bundle, a stand-in for the real shim and for the engine's folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = folder / "bundle"
        (self.bundle / "rootfs").mkdir(parents=True)
        self.socket = folder / "socket"
        self.states = folder / "run"
        real = self.program("real", '#!/bin/sh\necho "real: $*"\n')
        text = vm_shim.WRAPPER.replace(vm_shim.SOCKET, str(self.socket))
        text = text.replace("/run/docker/", f"{self.states}/").replace(f"exec {vm_shim.SHIM}", f"exec {real}")
        self.wrapper = self.program("wrapper", text)

    def program(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            [self.wrapper, *argv],
            cwd=self.bundle,
            input="options",
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout


CONTAINER = ("-namespace", "moby", "-address", "/x.sock", "-id", "c0ffee")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_start_is_an_address(place):
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(place.socket))
        assert place.run(*CONTAINER, "start") == f"unix://{place.socket}"
    assert (place.bundle / "address").read_text() == f"unix://{place.socket}"


def test_without_the_shim_of_all_the_real_one_is_started(place):
    assert place.run(*CONTAINER, "start") == f"real: {' '.join(CONTAINER)} start\n"
    assert not (place.bundle / "address").exists()


def test_after_a_container_that_left_nothing_there_is_nothing_to_do(place):
    assert place.run(*CONTAINER, "-bundle", str(place.bundle), "delete") == ""


@pytest.mark.parametrize("left", ["run/runtime-crun/moby/c0ffee", "bundle/rootfs/etc"])
def test_what_a_container_left_the_real_shim_removes(place, left):
    (place.folder / left).mkdir(parents=True)
    assert place.run(*CONTAINER, "-bundle", str(place.bundle), "delete").startswith("real: ")


def test_another_containers_state_is_not_this_ones(place):
    (place.states / "runtime-crun/moby/c0ffee2").mkdir(parents=True)
    assert place.run(*CONTAINER, "-bundle", str(place.bundle), "delete") == ""


def test_anything_else_is_the_real_shims(place):
    assert place.run("-v") == "real: -v\n"


def test_the_container_that_is_none_has_its_shims_process(place):
    pause = place.program("pause", vm_shim.PAUSE)
    pid_file = place.folder / "pid"
    subprocess.run(
        [pause, "--root", "/r", "create", "--bundle", "/b", "--pid-file", pid_file, "dockbook-pause"],
        check=True,
    )
    assert pid_file.read_text() == str(os.getpid()), "and no end of a line: the shim takes it for a part"


# The conversation


def answering(path: Path, answer: bytes | None) -> tuple[threading.Thread, list[bytes]]:
    """A shim that hears one request and gives this answer, or hangs up."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    heard: list[bytes] = []

    def serve() -> None:
        with server, server.accept()[0] as visitor:
            head = visitor.recv(10)
            heard.append(head + visitor.recv(struct.unpack(">I", head[:4])[0]))
            if answer is not None:
                # In two pieces, as it may come.
                for piece in (answer[:4], answer[4:]):
                    visitor.sendall(piece)
                    time.sleep(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread, heard


def response(payload: bytes) -> bytes:
    return struct.pack(">IIBB", len(payload), 1, 2, 0) + payload


def test_the_request_is_as_ttrpc_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(vm_shim, "SOCKET", str(tmp_path / "s"))
    thread, heard = answering(tmp_path / "s", response(b"\x12\x02\x08\x07"))
    vm_shim.hold()
    thread.join()
    (request,) = heard
    assert request[4:10] == bytes([0, 0, 0, 1, 1, 0]), "stream 1, a request, no flags"
    assert request[10:].startswith(b"\x0a\x17containerd.task.v2.Task\x12\x06Create\x1a")
    options = b"\x32" + bytes([len(vm_shim.PAUSE_PATH)]) + vm_shim.PAUSE_PATH.encode()
    any_options = b"\x0a\x1acontainerd.runc.v1.Options\x12" + bytes([len(options)]) + options
    create = b"\x0a\x0edockbook-pause\x12" + bytes([len(vm_shim.BUNDLE)]) + vm_shim.BUNDLE.encode()
    create += b"\x52" + bytes([len(any_options)]) + any_options
    assert create in request
    assert request.endswith(b"\x2a\x22\x0a\x1acontainerd-namespace-ttrpc\x12\x04moby")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (response(b"\x0a\x0b\x08\x0c\x12\x07unknown"), "refused Create: .*unknown"),
        (struct.pack(">IIBB", 0, 1, 9, 0), "refused Create"),
        (None, "hung up"),
    ],
)
def test_a_refusal_is_an_error(tmp_path, monkeypatch, answer, words):
    monkeypatch.setattr(vm_shim, "SOCKET", str(tmp_path / "s"))
    thread, _ = answering(tmp_path / "s", answer)
    with pytest.raises(OSError, match=words):
        vm_shim.hold()
    thread.join()


def test_a_shim_that_never_listens_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(vm_shim, "SOCKET", str(tmp_path / "s"))
    monkeypatch.setattr(vm_shim, "START_S", 0.1)
    with pytest.raises(OSError, match="No such file"):
        vm_shim.hold()


def test_one_that_has_ended_is_not_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(vm_shim, "SOCKET", str(tmp_path / "s"))
    (tmp_path / "s").touch()
    vm_shim.forget()
    vm_shim.forget()
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("number", "coded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_numbers_are_coded_seven_bits_at_a_time(number, coded):
    assert vm_shim._varint(number).hex() == coded
