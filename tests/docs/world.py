"""A made-up engine on which every example of the reference passes, and one that holds nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from grader.expect import Hidden, HttpReply, Reached, Resolved, StudentValues, UdpReply
from grader.state import FileThere, Image, ImageConfig, Log, Network, Snapshot, debian
from grader.state.debian import PackageSource
from tests.unit.inspectors import FakeInspector, container

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINE, HIDDEN = StudentValues(""), Hidden("")


def at(seconds: int) -> str:
    """A moment as the engine writes it."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


WEBAPP = Image.from_list(
    {
        "Id": "sha256:eb",
        "RepoTags": ["training/webapp:latest"],
        "RepoDigests": ["training/webapp@sha256:1"],
    }
)
BUSYBOX = Image.from_list({"Id": "sha256:b0b", "RepoTags": ["busybox:latest"]})
DEBIAN = Image.from_list({"Id": "sha256:deb", "RepoTags": ["debian:trixie"]})
HELLO = Image.from_list({"Id": "sha256:4e", "RepoTags": ["hello-world:latest"]})
SHOP = Image.from_list({"Id": "sha256:50b", "RepoTags": ["shop:1.0", "shop:latest"]})
CLOCK = Image.from_list({"Id": "sha256:c1", "RepoTags": ["clock:latest"]})

CONFIGS: dict[str, dict[str, Any]] = {
    WEBAPP.id: {"Config": {"Cmd": ["python", "app.py"]}},
    BUSYBOX.id: {"RootFS": {"Layers": ["a"]}, "Config": {"Cmd": ["sh"]}},
    SHOP.id: {
        "Author": "Ann",
        "Comment": "first version",
        "RootFS": {"Layers": ["a", "b", "c"]},
        "Config": {"Cmd": ["httpd", "-f"], "Labels": {"version": "1.0"}},
    },
    CLOCK.id: {"Config": {"Entrypoint": ["date"]}},
}


def box(name: str, image: Image, *argv: str, **parts: Any) -> Any:
    """A container made from an image; ``Cmd`` is its whole command."""
    config = {"Image": image.name, "Cmd": list(argv), **parts.pop("config", {})}
    return container(name, Image=image.id, Path=argv[0], Args=list(argv[1:]), config=config, **parts)


def ended(code: int) -> dict[str, Any]:
    """For a container that has."""
    return {"status": "exited", "state": {"ExitCode": code, "StartedAt": at(50), "FinishedAt": at(60)}}


def ports(*bindings: tuple[str, int]) -> dict[str, Any]:
    """The ``Ports`` of a running container, at 127.0.0.1."""
    table: dict[str, list[dict[str, str]]] = {}
    for port, host_port in bindings:
        table.setdefault(port, []).append({"HostIp": "127.0.0.1", "HostPort": str(host_port)})
    return table


def on_estate(address: str, *aliases: str) -> dict[str, Any]:
    """A place in the network ``estate``."""
    return {"Networks": {"estate": {"IPAddress": address, "Aliases": list(aliases)}}}


LOOP = "while true; do echo hello world; sleep 1; done"
BOXES = (
    box("grumble", BUSYBOX, "sh", "-c", "echo not quite >&2; exit 4", **ended(4)),
    box(
        "web",
        WEBAPP,
        "python",
        "app.py",
        state={"StartedAt": at(9), "FinishedAt": at(8)},
        config={"Labels": {"role": "shop"}, "Env": ["PROVIDER=you"]},
        HostConfig={"RestartPolicy": {"Name": "on-failure"}, "Init": True},
        NetworkSettings={"Ports": ports(("5000/tcp", 5001), ("5000/tcp", MINE.port("web")))},
    ),
    box(
        "books",
        WEBAPP,
        "python",
        "app.py",
        Created=at(1),
        HostConfig={"PublishAllPorts": True},
        NetworkSettings=on_estate("172.18.0.2", "books", "db"),
    ),
    box("reader", BUSYBOX, "sleep", "1000", Created=at(2), NetworkSettings=on_estate("172.18.0.3", "reader")),
    box("greeter", DEBIAN, "/bin/echo", "Hello world", **ended(0)),
    box("polite", BUSYBOX, "sh", "-c", "sleep 1000", **ended(143)),
    box("dialog", DEBIAN, "sh", config={"Tty": True, "OpenStdin": True}, **ended(0)),
    box("ticker", BUSYBOX, "sh", "-c", LOOP),
    box("shouter", WEBAPP, "python", "-c", "...", NetworkSettings={"Ports": ports(("5000/udp", 5004))}),
    box("shelf", DEBIAN, "sleep", "1000"),
    box("switchboard", DEBIAN, "sleep", "1", config={"Labels": HIDDEN.label("switchboard")}),
    box("locker", DEBIAN, "sleep", "1", config={"Labels": HIDDEN.label("locker")}),
    box("parent", DEBIAN, "sleep", "1", HostConfig={"Links": ["/web:/parent/app"]}),
    box("echo", DEBIAN, "echo", MINE.word("echo")),
    box("clock", CLOCK, "date", config={"Entrypoint": ["date"], "Cmd": []}),
)
IDS = {each.name: each.id for each in BOXES}

LOGS = {
    "greeter": Log("Hello world\n"),
    "grumble": Log(stderr="not quite\n"),
    "dialog": Log("# cat /proc/version\nLinux version 6.1\n"),
    "ticker": Log("hello world\n"),
    "echo": Log(f"{MINE.word('echo')}\n"),
}

PROGRAM = "a program"
SUMS = f"{hashlib.md5(PROGRAM.encode(), usedforsecurity=False).hexdigest()}  usr/bin/curl\n"
FILES = {
    "/etc/motd": "Welcome\n",
    "/srv/page.html": "Welcome\n",
    "/etc/debian_version": "13.1\n",
    "/var/lib/dpkg/status": "\n\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\n"
        for name in ("base-files", "dpkg", "curl")
    ),
    "/var/lib/dpkg/info/curl.md5sums": SUMS,
    "/usr/bin/curl": PROGRAM,
    "/etc/passwd": "ann:x:1000:1000::/home/ann:/bin/sh\n",
    "/etc/shadow": "ann:!:1:0:1:7:::\n",
    "/etc/group": "docker:x:990:ann\nann:x:1000:\n",
}

ANSWERS: dict[str, object] = {
    "exit_code": 4,
    "signal": "SIGTERM",
    "full_name": "hello-world:latest",
    "line": "Linux version 6.1",
    "names": ["reader", "books"],
    "megabytes": 126.5,
    "culprit": "grumble",
    "long_id": IDS["web"],
    "image_id": SHOP.id,
    "host_port": HIDDEN.port("switchboard"),
    "password": HIDDEN.word("locker"),
    "lines": HIDDEN.number("diary", 3, 9),
    "sum": MINE.number("sum", 10, 99) + 1,
}


class World(FakeInspector):
    """Says of each thing what makes the examples true."""

    def __init__(self) -> None:
        super().__init__(*BOXES, variables=ANSWERS)
        self.images = (WEBAPP, BUSYBOX, DEBIAN, HELLO, SHOP, CLOCK)
        self.files = {path: FileThere(len(text), text=text) for path, text in FILES.items()}
        self.sources = {"curl": PackageSource("1", debian.checksums(SUMS))}
        self.histories = {
            BUSYBOX.id: ('CMD ["sh"]', "ADD busybox"),
            SHOP.id: ("RUN make", "COPY page.html /srv", 'CMD ["sh"]', "ADD busybox"),
        }
        self.datagram = lambda sent: UdpReply(answered=True, body=sent.upper())
        self.names = dict.fromkeys(("books", "db"), Resolved(("172.18.0.2",), "dns"))
        self.first = START
        self.ticks = 0

    def snapshot(self) -> Snapshot:
        networks = (
            Network.from_list({"Name": "estate", "Driver": "bridge"}),
            Network.from_list({"Name": "cellar", "Internal": True}),
        )
        return replace(super().snapshot(), networks=networks)

    def image(self, image_id: str) -> ImageConfig | None:
        return ImageConfig.from_inspect({"Id": image_id, **CONFIGS.get(image_id, {})})

    def logs(self, container_id: str) -> Log:
        name = next(each.name for each in BOXES if each.id == container_id)
        return LOGS.get(name, Log())

    def last_output(self, container_id: str) -> str:
        self.ticks += 1
        return f"{at(self.ticks)} hello world"

    def info(self) -> Mapping[str, Any]:
        return {"KernelVersion": "6.1", "RegistryConfig": {"Mirrors": ["http://127.0.0.1:5005/"]}}


class Nothing(FakeInspector):
    """An engine with nothing on it, and a student who has said nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.images = ()
        self.replies = [HttpReply(0, error="nothing answers")]
        self.datagram = lambda _sent: UdpReply(answered=False, error="nothing answers")
        self.reached = Reached(open=False)

    def snapshot(self) -> Snapshot:
        return Snapshot()

    def info(self) -> Mapping[str, Any]:
        return {}
