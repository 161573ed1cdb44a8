"""What a container is: one inspect, read tolerantly, asked as questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grader.state import _shape as shape


@dataclass(frozen=True)
class Binding:
    """One port of a container at one address of the host; ``host_port`` 0: left to the engine."""

    port: int
    proto: str
    host_ip: str
    host_port: int

    @property
    def every_interface(self) -> bool:
        """Whether it listens on all the host's addresses."""
        return self.host_ip in ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)

    def __str__(self) -> str:
        where = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip or "0.0.0.0"  # noqa: S104 (words)
        return f"{where}:{self.host_port or '?'}->{self.port}/{self.proto}"


@dataclass(frozen=True)
class Endpoint:
    """A container's place in a network. ``address`` is empty while the container does not run."""

    network: str
    network_id: str
    address: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Mount:
    """A volume or a folder mounted into a container. ``source`` is the volume's name or the host's path."""

    kind: str
    source: str
    target: str
    writable: bool


@dataclass(frozen=True)
class Pulse:
    """What moves when a container starts, stops or is restarted. Equal pulses: nothing happened between."""

    status: str
    started: str
    restarts: int
    pid: int


@dataclass(frozen=True)
class Container:
    """A container at one moment. All strings are the student's data."""

    id: str
    name: str
    image: str
    """The image as it was typed."""
    image_id: str
    argv: tuple[str, ...]
    """What the engine executes: entry point and command together."""
    cmd: tuple[str, ...]
    entrypoint: tuple[str, ...]
    status: str
    """created, running, paused, restarting, removing, exited or dead."""
    exit_code: int
    oom_killed: bool
    error: str
    """Why the engine could not start it; empty if it could."""
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    tty: bool
    open_stdin: bool
    env: dict[str, str] = field(hash=False)
    labels: dict[str, str] = field(hash=False)
    user: str
    working_dir: str
    restart_policy: str
    """no, always, unless-stopped or on-failure."""
    init: bool
    auto_remove: bool
    publish_all: bool
    exposed: tuple[str, ...]
    requested: tuple[Binding, ...]
    """Ports asked for when it was made; they stay when it stops."""
    published: tuple[Binding, ...]
    """Ports bound on the host now."""
    networks: tuple[Endpoint, ...]
    links: tuple[tuple[str, str], ...]
    """Old-style links: the other container's name and the name it has inside this one."""
    mounts: tuple[Mount, ...]
    pulse: Pulse

    @property
    def running(self) -> bool:
        """Whether its main process runs now (a paused one does not, nor one between two restarts)."""
        return self.status == "running"

    @property
    def stopped(self) -> bool:
        """Whether it ran and has ended."""
        return self.status in ("exited", "dead")

    @property
    def started_again(self) -> bool:
        """Whether it runs now after having ended before."""
        return (
            self.started_at is not None
            and self.finished_at is not None
            and self.running
            and self.finished_at <= self.started_at
        )

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Its ports on the host: those bound now, or those asked for while it does not run."""
        return self.published or self.requested

    def endpoint(self, network: str) -> Endpoint | None:
        """Its place in the network of that name."""
        return next((place for place in self.networks if place.network == network), None)

    @classmethod
    def from_inspect(cls, data: dict[str, Any]) -> Container:
        """Read the JSON of ``GET /containers/ID/json``, API 1.41 to 1.52; what is absent is empty."""
        state, config = shape.table(data, "State"), shape.table(data, "Config")
        host, net = shape.table(data, "HostConfig"), shape.table(data, "NetworkSettings")
        path = shape.text(data, "Path")
        return cls(
            id=shape.text(data, "Id"),
            name=shape.text(data, "Name").removeprefix("/"),
            image=shape.text(config, "Image"),
            image_id=shape.text(data, "Image"),
            argv=((path,) if path else ()) + shape.texts(data, "Args"),
            cmd=shape.texts(config, "Cmd"),
            entrypoint=shape.texts(config, "Entrypoint"),
            status=shape.text(state, "Status"),
            exit_code=shape.number(state, "ExitCode"),
            oom_killed=shape.flag(state, "OOMKilled"),
            error=shape.text(state, "Error"),
            created_at=shape.moment(data, "Created"),
            started_at=shape.moment(state, "StartedAt"),
            finished_at=shape.moment(state, "FinishedAt"),
            tty=shape.flag(config, "Tty"),
            open_stdin=shape.flag(config, "OpenStdin"),
            env=shape.environment(config),
            labels=shape.labels(config),
            user=shape.text(config, "User"),
            working_dir=shape.text(config, "WorkingDir"),
            restart_policy=shape.text(shape.table(host, "RestartPolicy"), "Name") or "no",
            init=shape.flag(host, "Init"),
            auto_remove=shape.flag(host, "AutoRemove"),
            publish_all=shape.flag(host, "PublishAllPorts"),
            exposed=tuple(shape.table(config, "ExposedPorts")),
            requested=_bindings(shape.table(host, "PortBindings")),
            published=_bindings(shape.table(net, "Ports")),
            networks=_endpoints(net),
            links=_links(host, net),
            mounts=tuple(_mount(item) for item in shape.rows(data, "Mounts") if isinstance(item, dict)),
            pulse=Pulse(
                shape.text(state, "Status"),
                shape.text(state, "StartedAt"),
                shape.number(data, "RestartCount"),
                shape.number(state, "Pid"),
            ),
        )


def _bindings(ports: dict[str, Any]) -> tuple[Binding, ...]:
    found = []
    for key in ports:
        port, _, proto = key.partition("/")
        if not (port.isascii() and port.isdigit()):
            continue
        for item in shape.rows(ports, key):
            if isinstance(item, dict):
                at = (shape.text(item, "HostIp"), shape.number(item, "HostPort"))
                found.append(Binding(int(port), proto or "tcp", *at))
    return tuple(found)


def _endpoints(net: dict[str, Any]) -> tuple[Endpoint, ...]:
    places = []
    networks = shape.table(net, "Networks")
    for name in networks:
        place = shape.table(networks, name)
        # DNSNames took over from Aliases with API 1.44; older engines know only Aliases.
        names = dict.fromkeys(shape.texts(place, "Aliases") + shape.texts(place, "DNSNames"))
        places.append(
            Endpoint(name, shape.text(place, "NetworkID"), shape.text(place, "IPAddress"), tuple(names))
        )
    return tuple(places)


def _links(host: dict[str, Any], net: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """``/db:/web/database``: the container ``db`` is called ``database`` inside ``web``.

    In the default network they stand with the container, in another one with its place there.
    """
    places = shape.table(net, "Networks")
    found = [*shape.texts(host, "Links")]
    for name in places:
        found += shape.texts(shape.table(places, name), "Links")
    pairs = (item.partition(":") for item in found)
    return tuple(
        dict.fromkeys((other.removeprefix("/"), inside.rpartition("/")[2]) for other, _, inside in pairs)
    )


def _mount(item: dict[str, Any]) -> Mount:
    return Mount(
        shape.text(item, "Type"),
        shape.text(item, "Name") or shape.text(item, "Source"),
        shape.text(item, "Destination"),
        shape.flag(item, "RW"),
    )


def unsettled(before: Container, after: Container | None) -> tuple[str, ...]:
    """What changed between two looks at one container, in words; empty if it held still."""
    if after is None:
        return ("it was there, then it was removed",)
    old, new = before.pulse, after.pulse
    changes = []
    if old.status != new.status:
        changes.append(f"it was {old.status or 'in no state'}, then {new.status or 'in no state'}")
    if old.restarts != new.restarts:
        changes.append(f"the engine had restarted it {old.restarts} times, then {new.restarts} times")
    if old.status == new.status and (old.started, old.pid) != (new.started, new.pid):
        changes.append("it was started again")
    return tuple(changes)
