"""A inspector that says what it is told to, for tests of checks without an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from grader.expect import Answer, Checker, CheckFailed, HttpReply, Outcome, Reached, Resolved, UdpReply, say
from grader.expect.engine import EngineSubject
from grader.state import Container, FileThere, Image, ImageConfig, Log, Network, Snapshot
from grader.state.debian import PackageSource


def container(name: str = "web", status: str = "running", **parts: Any) -> Container:
    state = {"Status": status, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **parts.pop("state", {})}
    data = {
        "Id": f"{name.encode().hex():f<64}",
        "Name": f"/{name}",
        "Path": "echo",
        "Args": ["hi"],
        "Image": "sha256:b0b",
        "State": state,
        "Config": {"Image": "busybox", **parts.pop("config", {})},
        **parts,
    }
    return Container.from_inspect(data)


BUSYBOX = Image.from_list({"Id": "sha256:b0b", "RepoTags": ["busybox:latest"]})


class FakeInspector:
    """Says what it is told to; counts how often it was asked for everything."""

    def __init__(
        self, *boxes: Container, log: Log | None = None, variables: Mapping[str, object] | None = None
    ) -> None:
        self.boxes = boxes
        self.log = log or Log()
        self.variables = variables or {}
        self.later: list[Container | None] = []
        self.marks = ["same"]
        self.first: datetime | None = None
        self.files: dict[str, FileThere] = {}
        self.sources: dict[str, PackageSource] = {}
        self.snapshots = 0
        self.unread = 0
        self.config: dict[str, Any] = {}
        self.histories: dict[str, tuple[str, ...]] = {}
        self.images: tuple[Image, ...] = (BUSYBOX,)
        self.replies = [HttpReply(200, "Hello world!")]
        self.datagram: Callable[[str], UdpReply] = lambda sent: UdpReply(answered=True, body=sent)
        self.sent: list[str] = []
        self.names: dict[str, Resolved] = {}
        self.reached = Reached(open=True)
        self.asked: list[tuple[object, ...]] = []
        self.originals: dict[str, str] = {}
        self.student = ""
        self.private = True

    def snapshot(self) -> Snapshot:
        self.snapshots += 1
        networks = (Network.from_list({"Name": "bridge"}), Network.from_list({"Name": "back"}))
        return Snapshot(self.boxes, self.images, networks, unread=self.unread, originals=self.originals)

    def container(self, container_id: str) -> Container | None:
        if self.later:
            return self.later.pop(0) if len(self.later) > 1 else self.later[0]
        return next((box for box in self.boxes if box.id == container_id), None)

    def image(self, image_id: str) -> ImageConfig | None:
        return ImageConfig.from_inspect({"Id": image_id, **self.config})

    def history(self, image_id: str) -> tuple[str, ...]:
        return self.histories.get(image_id, ("RUN make",))

    def logs(self, container_id: str) -> Log:
        return self.log

    def last_output(self, container_id: str) -> str:
        return self.marks.pop(0) if len(self.marks) > 1 else self.marks[0]

    def first_output(self, container_id: str) -> datetime | None:
        return self.first

    def file(self, container_id: str, path: str, max_bytes: int = 0) -> FileThere | None:
        return self.files.get(path)

    def file_digest(self, container_id: str, path: str) -> str | None:
        there = self.files.get(path)
        return hashlib.md5(there.text.encode(), usedforsecurity=False).hexdigest() if there else None

    def package(self, name: str) -> PackageSource | None:
        return self.sources.get(name)

    def image_file(self, image_id: str, path: str) -> FileThere | None:
        return self.files.get(path)

    def info(self) -> Mapping[str, Any]:
        return {"KernelVersion": "6.1", "RegistryConfig": {"Mirrors": ["http://hub/"]}}

    def probe_http(
        self, container_id: str, port: int, path: str, hosts: Sequence[str] = ("127.0.0.1",)
    ) -> HttpReply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def host_http(self, host_ip: str, host_port: int, path: str) -> HttpReply:
        return self.probe_http("", host_port, path)

    def probe_udp(
        self,
        container_id: str,
        port: int,
        send: str,
        within_s: float,
        hosts: Sequence[str] = ("127.0.0.1",),
    ) -> UdpReply:
        self.asked.append((port, *hosts))
        self.sent.append(send)
        return self.datagram(send)

    def host_udp(self, host_ip: str, host_port: int, send: str, within_s: float) -> UdpReply:
        self.asked.append((host_port, host_ip))
        self.sent.append(send)
        return self.datagram(send)

    def resolve(self, container_id: str, name: str) -> Resolved:
        return self.names.get(name, Resolved(error="the name is not known"))

    def probe_tcp(self, container_id: str, host: str, port: int, within_s: float) -> Reached:
        self.asked.append((port, host))
        return self.reached

    def answer(self, name: str) -> Answer:
        return say(name, self.variables)


Question = Callable[[EngineSubject], object]


def ask(inspector: FakeInspector, question: Question, **options: Any) -> Outcome:
    checker = Checker(inspector, patience_s=0.05)
    raised: list[CheckFailed] = []
    try:
        with checker.check("task", **options) as engine:
            question(engine)
    except CheckFailed as failed:
        raised.append(failed)
    outcome = checker.outcomes["task"]
    assert [(failed.task, failed.outcome) for failed in raised] == [("task", outcome)] * (
        outcome.status != "passed"
    )
    return outcome


def only_finding(inspector: FakeInspector, question: Question) -> str:
    outcome = ask(inspector, question)
    assert outcome.status == "failed"
    assert len(outcome.findings) == 1, outcome.findings
    return str(outcome.findings[0])
