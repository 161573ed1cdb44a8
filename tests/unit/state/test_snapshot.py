"""Looking at an engine: what goes in between, what fails, how long it may take, what two looks say."""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import struct
import threading
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests
from docker.errors import APIError, DockerException, NotFound
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import Blocked, NoAnswer, ObjectFault
from grader.state import (
    Container,
    Image,
    Network,
    Snapshot,
    read_history,
    read_image,
    unsettled,
)
from grader.state.log import demultiplex
from grader.state.reach import looking
from grader.state.snapshot import MOST_CONTAINERS
from tests.unit.state.test_versions import BOX_ID, IMAGE_1_41, IMAGE_ID, INSPECT_1_41, NETWORK_ID


class FakeApi:
    """As much of docker-py's low-level client as a snapshot asks."""

    def __init__(self, **answers: Any) -> None:
        self.timeout = 60
        self.answers = answers
        self.timeouts: list[float] = []

    def _say(self, name: str, *args: Any) -> Any:
        self.timeouts.append(self.timeout)
        found = self.answers.get(name, [])
        found = found(*args) if callable(found) else found
        if isinstance(found, Exception):
            raise found
        return found

    def containers(self, **_options: Any) -> Any:
        return self._say("containers")

    def inspect_container(self, name: str) -> Any:
        return self._say("inspect_container", name)

    def images(self) -> Any:
        return self._say("images")

    def networks(self) -> Any:
        return self._say("networks")

    def volumes(self) -> Any:
        return self._say("volumes") or {"Volumes": None}

    def inspect_image(self, name: str) -> Any:
        return self._say("inspect_image", name)

    def history(self, name: str) -> Any:
        return self._say("history", name)


def client(**answers: Any) -> Any:
    return SimpleNamespace(api=FakeApi(**answers))


def test_a_container_that_goes_while_we_read_is_absent() -> None:
    def inspect(name: str) -> Any:
        return INSPECT_1_41 if name == BOX_ID else NotFound("gone")

    snapshot = Snapshot.read(client(containers=[{"Id": "gone"}, {"Id": BOX_ID}], inspect_container=inspect))
    assert [box.name for box in snapshot.containers] == ["web"]


@pytest.mark.parametrize(
    "error",
    [
        DockerException("no"),
        APIError("server error"),
        requests.exceptions.ReadTimeout("slow"),
        requests.exceptions.JSONDecodeError("not JSON", "", 0),
        FileNotFoundError(2, "No such file or directory"),
    ],
)
def test_an_engine_that_fails_is_blocked_with_its_words(error: Exception) -> None:
    with pytest.raises(Blocked, match="Could not inspect") as caught:
        Snapshot.read(client(containers=error))
    assert "dockbook doctor" in caught.value.next_step


def test_looking_has_one_deadline_and_gives_the_time_limit_back() -> None:
    fake = client(containers=[{"Id": BOX_ID}], inspect_container=INSPECT_1_41)
    Snapshot.read(fake, 2)
    assert fake.api.timeout == 60
    assert all(0 < limit <= 2 for limit in fake.api.timeouts)
    assert fake.api.timeouts == sorted(fake.api.timeouts, reverse=True)
    with pytest.raises(Blocked, match="longer than 0 s"):
        Snapshot.read(fake, 0)


def test_the_innermost_reason_is_told() -> None:
    def fail() -> None:
        inner = FileNotFoundError(2, "No such file or directory")
        raise requests.exceptions.ConnectionError("Connection aborted") from inner

    with (
        pytest.raises(Blocked, match=r"No such file or directory\.") as caught,
        looking(client(), "it", 1) as look,
    ):
        look.call(fail)
    assert "Connection aborted" not in str(caught.value)


def test_thousands_of_containers_are_counted_not_read() -> None:
    many = [{"Id": str(number)} for number in range(MOST_CONTAINERS + 7)]
    snapshot = Snapshot.read(client(containers=many, inspect_container=INSPECT_1_41))
    assert len(snapshot.containers) == MOST_CONTAINERS
    assert snapshot.unread == 7


def test_finding_things_by_name_and_by_id() -> None:
    snapshot = Snapshot(
        containers=(Container.from_inspect(INSPECT_1_41),),
        images=(Image.from_list({"Id": IMAGE_ID, "RepoTags": ["debian:latest", "debian:trixie"]}),),
        networks=(Network.from_list({"Name": "back", "Id": NETWORK_ID}),),
    )
    for name in ("web", "/web", BOX_ID, BOX_ID[:12]):
        assert snapshot.container(name) is not None, name
    for name in ("we", BOX_ID[:11], "", "sha256:"):
        assert snapshot.container(name) is None, name
    for ref in ("debian", "docker.io/library/debian:trixie", IMAGE_ID, IMAGE_ID[7:19], IMAGE_ID[:19]):
        assert snapshot.image(ref) is not None, ref
    assert snapshot.image("debian:bookworm") is None
    back = snapshot.network("back")
    assert back is not None
    assert snapshot.network(NETWORK_ID[:12]) == back
    assert [box.name for box in snapshot.members(back)] == ["web"]


def test_an_images_making_is_read_when_asked() -> None:
    fake = client(inspect_image=IMAGE_1_41, history=[{"CreatedBy": "RUN b"}, {"CreatedBy": "RUN a"}])
    config = read_image(fake, IMAGE_ID)
    assert config is not None
    assert config.architecture == "amd64"
    assert read_history(fake, IMAGE_ID) == ("RUN b", "RUN a")
    gone = client(inspect_image=NotFound("gone"), history=NotFound("gone"))
    assert read_image(gone, IMAGE_ID) is None
    assert read_history(gone, IMAGE_ID) == ()


@pytest.mark.parametrize(
    ("state", "count", "words"),
    [
        ({}, 0, ()),
        ({"Status": "exited", "Pid": 0}, 0, ("it was running, then exited",)),
        ({"Pid": 7}, 0, ("it was started again",)),
        ({"StartedAt": "2026-11-24T03:33:28.517643362Z"}, 0, ("it was started again",)),
        ({"ExitCode": 0}, 2, ("the engine had restarted it 0 times, then 2 times",)),
    ],
)
def test_two_looks_that_differ_are_unsettled(
    state: dict[str, Any], count: int, words: tuple[str, ...]
) -> None:
    later = copy.deepcopy(INSPECT_1_41)
    later["State"] |= state
    later["RestartCount"] = count
    assert unsettled(Container.from_inspect(INSPECT_1_41), Container.from_inspect(later)) == words


def test_a_container_removed_between_two_looks_is_unsettled() -> None:
    assert unsettled(Container.from_inspect(INSPECT_1_41), None) == ("it was there, then it was removed",)


def _frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=8), st.integers(0, 30))
def test_frames_are_told_apart_and_a_cut_one_counts(frames: list[tuple[int, bytes]], cut: int) -> None:
    body = b"".join(_frame(stream, data) for stream, data in frames)
    out, err = demultiplex(body)
    assert out == b"".join(data for stream, data in frames if stream == 1)
    assert err == b"".join(data for stream, data in frames if stream == 2)
    part_out, part_err = demultiplex(body[: max(0, len(body) - cut)])
    assert out.startswith(part_out)
    assert err.startswith(part_err)


class Endless(http.server.BaseHTTPRequestHandler):
    """An engine whose containers are told without an end: so many bytes, as they are asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        name = self.path.split("/")[-2]
        body = json.dumps([{"Id": f"a{n}"} for n in range(12)]) if name == "containers" else '{"Id": "a"}'
        with contextlib.suppress(OSError):
            self.wfile.write(body.encode())
            for _ in range(0 if name == "containers" else 1 << 10):
                self.wfile.write(b" " * self.server.each)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("each", [1 << 10, 1 << 20])
def test_an_answer_without_an_end_is_none(each: int) -> None:
    """Too long each, or all together."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        server.each = each  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = docker.DockerClient(f"tcp://127.0.0.1:{server.server_port}", version="1.45")
        with pytest.raises(NoAnswer, match="more than 8,388,608 bytes"):
            Snapshot.read(client, 20)
        assert client.api.hooks["response"] == []
        if each > 1 << 10:
            with pytest.raises(ObjectFault, match="more than 8,388,608 bytes"):
                read_image(client, "a", 20)
        client.close()
        server.shutdown()
