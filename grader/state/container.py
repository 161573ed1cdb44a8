"""What a container is: one inspect, read tolerantly, asked as questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grader.state import json_fields as fields


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
        state, config = fields.table(data, "State"), fields.table(data, "Config")
        host, net = fields.table(data, "HostConfig"), fields.table(data, "NetworkSettings")
        path = fields.text(data, "Path")
        return cls(
            id=fields.text(data, "Id"),
            name=fields.text(data, "Name").removeprefix("/"),
            image=fields.text(config, "Image"),
            image_id=fields.text(data, "Image"),
            argv=((path,) if path else ()) + fields.texts(data, "Args"),
            cmd=fields.texts(config, "Cmd"),
            entrypoint=fields.texts(config, "Entrypoint"),
            status=fields.text(state, "Status"),
            exit_code=fields.number(state, "ExitCode"),
            oom_killed=fields.flag(state, "OOMKilled"),
            error=fields.text(state, "Error"),
            created_at=fields.moment(data, "Created"),
            started_at=fields.moment(state, "StartedAt"),
            finished_at=fields.moment(state, "FinishedAt"),
            tty=fields.flag(config, "Tty"),
            open_stdin=fields.flag(config, "OpenStdin"),
            env=fields.environment(config),
            labels=fields.labels(config),
            user=fields.text(config, "User"),
            working_dir=fields.text(config, "WorkingDir"),
            restart_policy=fields.text(fields.table(host, "RestartPolicy"), "Name") or "no",
            init=fields.flag(host, "Init"),
            auto_remove=fields.flag(host, "AutoRemove"),
            publish_all=fields.flag(host, "PublishAllPorts"),
            exposed=tuple(fields.table(config, "ExposedPorts")),
            requested=_bindings(fields.table(host, "PortBindings")),
            published=_bindings(fields.table(net, "Ports")),
            networks=_endpoints(net),
            links=_links(host, net),
            mounts=tuple(_mount(item) for item in fields.rows(data, "Mounts") if isinstance(item, dict)),
            pulse=Pulse(
                fields.text(state, "Status"),
                fields.text(state, "StartedAt"),
                fields.number(data, "RestartCount"),
                fields.number(state, "Pid"),
            ),
        )


def _bindings(ports: dict[str, Any]) -> tuple[Binding, ...]:
    found = []
    for key in ports:
        port, _, proto = key.partition("/")
        if not (port.isascii() and port.isdigit()):
            continue
        for item in fields.rows(ports, key):
            if isinstance(item, dict):
                at = (fields.text(item, "HostIp"), fields.number(item, "HostPort"))
                found.append(Binding(int(port), proto or "tcp", *at))
    return tuple(found)


def _endpoints(net: dict[str, Any]) -> tuple[Endpoint, ...]:
    places = []
    networks = fields.table(net, "Networks")
    for name in networks:
        place = fields.table(networks, name)
        # DNSNames took over from Aliases with API 1.44; older engines know only Aliases.
        names = dict.fromkeys(fields.texts(place, "Aliases") + fields.texts(place, "DNSNames"))
        places.append(
            Endpoint(name, fields.text(place, "NetworkID"), fields.text(place, "IPAddress"), tuple(names))
        )
    return tuple(places)


def _links(host: dict[str, Any], net: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """``/db:/web/database``: the container ``db`` is called ``database`` inside ``web``.

    For the default network they are in the container's settings, for another one in its endpoint.
    """
    places = fields.table(net, "Networks")
    found = [*fields.texts(host, "Links")]
    for name in places:
        found += fields.texts(fields.table(places, name), "Links")
    pairs = (item.partition(":") for item in found)
    return tuple(
        dict.fromkeys((other.removeprefix("/"), inside.rpartition("/")[2]) for other, _, inside in pairs)
    )


def _mount(item: dict[str, Any]) -> Mount:
    return Mount(
        fields.text(item, "Type"),
        fields.text(item, "Name") or fields.text(item, "Source"),
        fields.text(item, "Destination"),
        fields.flag(item, "RW"),
    )


def unsettled(before: Container, after: Container | None) -> tuple[str, ...]:
    """What changed between two looks at one container, in words; empty if nothing changed."""
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
