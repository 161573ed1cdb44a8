"""The socket of a lab: what it does for its own user, and that nonsense neither ends nor holds it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import paths
from grader.engine import owner_socket
from grader.engine.owner_socket import OwnerSocket, ask_owner
from grader.errors import EngineError

ENGINE = "0123abcd"


class Lab:
    """Serves the socket in a loop, as the lab does."""

    def __init__(self, folder: Path) -> None:
        self.resets = 0
        self.fails = ""
        self.served = OwnerSocket(folder, {"reset": self.reset})
        self.over = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def reset(self) -> None:
        if self.fails:
            raise EngineError(self.fails)
        self.resets += 1

    def run(self) -> None:
        while not self.over:
            self.served.serve(0.02)

    def end(self) -> None:
        self.over = True
        self.thread.join()
        self.served.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "runtime_folder", lambda: tmp_path)
    place = tmp_path / ENGINE
    place.mkdir()
    return place


@pytest.fixture
def lab(folder: Path) -> Iterator[Lab]:
    lab = Lab(folder)
    yield lab
    lab.end()


def test_what_is_asked_for_is_done_once_and_answered(lab: Lab) -> None:
    ask_owner(ENGINE, "reset")
    ask_owner(ENGINE, "reset")
    assert lab.resets == 2


def test_what_goes_wrong_comes_back_in_words(lab: Lab) -> None:
    lab.fails = "dockerd did not stop"
    with pytest.raises(EngineError, match="could not reset its engine: dockerd did not stop"):
        ask_owner(ENGINE, "reset")
    with pytest.raises(EngineError, match="can do reset, but it was asked for more"):
        ask_owner(ENGINE, "explode")


@pytest.mark.parametrize(
    "line", [b"\n", b"{\n", b"[]\n", b'{"do": []}\n', b'{"do": "_reset"}\n', b"\xff\n", b"x" * 9000 + b"\n"]
)
def test_nonsense_is_answered_and_changes_nothing(lab: Lab, folder: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(str(folder / owner_socket.NAME))
        visitor.sendall(line)
        answer = b""
        # What was sent beyond the bound is not read, so the end may come as a reset.
        try:
            answer = visitor.recv(4096)
        except ConnectionError:
            assert len(line) > 4096
    if answer:
        assert "error" in json.loads(answer)
    ask_owner(ENGINE, "reset")
    assert lab.resets == 1


def test_a_visitor_who_says_nothing_is_let_go(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_socket, "_PATIENCE_S", 0.1)
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as gone:
        silent.connect(str(folder / owner_socket.NAME))
        gone.connect(str(folder / owner_socket.NAME))
        gone.close()
        ask_owner(ENGINE, "reset", timeout_s=10)
    assert lab.resets == 1


def test_other_users_are_not_heard(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_socket, "_peer", lambda _: 65534)
    with pytest.raises(EngineError, match="does not answer"):
        ask_owner(ENGINE, "reset")
    assert lab.resets == 0


def test_the_socket_is_closed_to_others_and_goes_with_the_lab(folder: Path) -> None:
    lab = Lab(folder)
    assert (folder / owner_socket.NAME).stat().st_mode & 0o077 == 0
    lab.end()
    assert list(folder.iterdir()) == []
    started = time.monotonic()
    with pytest.raises(EngineError, match=r"does not answer.*end that lab"):
        ask_owner(ENGINE, "reset")
    assert time.monotonic() - started < 20
