"""What a check asks. The check is the same; on the trusted side another inspector answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import docker
from docker import DockerClient
from docker.errors import DockerException
from docker.utils import kwargs_from_env

from grader import variables
from grader.errors import Blocked
from grader.expect import probe_container, probes
from grader.expect.answer_data import Answer, say
from grader.expect.probes import HttpReply, Reached, Resolved, UdpReply
from grader.state import (
    Container,
    FileThere,
    ImageConfig,
    Log,
    Snapshot,
    read_container,
    read_digest,
    read_file,
    read_first_moment,
    read_history,
    read_image,
    read_image_file,
    read_last,
    read_log,
)
from grader.state.debian import PackageSource
from grader.state.files import MAX_FILE_BYTES
from grader.state.reach import DOCTOR, looking, reason

LOOPBACK = ("127.0.0.1",)


_ENGINE_VARIABLES = ("DOCKER_HOST", *variables.DOCKER_TLS, "DOCKER_API_VERSION")


class Inspector(Protocol):
    """What a check may ask about. Every method raises Blocked when it cannot read the engine; none changes
    anything.

    ``snapshot`` is called once for a ``with check(...)`` block, when it first asks about the engine's things.
    ``container`` looks at one container again: to give a command its last moment, and to see it hold still.
    ``student`` has the values that ``engine.mine`` gives.
    """

    student: str

    @property
    def private(self) -> bool:
        """Whether the student may change the engine's own configuration: the engine is only theirs."""
        ...

    def snapshot(self) -> Snapshot:
        """Everything the engine holds, read now."""
        ...

    def container(self, container_id: str) -> Container | None:
        """One container, read now; None if it is gone."""
        ...

    def image(self, image_id: str) -> ImageConfig | None:
        """One image in full."""
        ...

    def history(self, image_id: str) -> tuple[str, ...]:
        """The instructions that made an image, newest first."""
        ...

    def logs(self, container_id: str) -> Log:
        """What a container printed, bounded."""
        ...

    def last_output(self, container_id: str) -> str:
        """A mark that differs once the container has printed again."""
        ...

    def first_output(self, container_id: str) -> datetime | None:
        """When the container printed the first line of its log; None without one."""
        ...

    def file(self, container_id: str, path: str, max_bytes: int = MAX_FILE_BYTES) -> FileThere | None:
        """What is at a path in a container, with this much of its text; None for nothing."""
        ...

    def file_digest(self, container_id: str, path: str) -> str | None:
        """The MD5 of a regular file in a container; None without one."""
        ...

    def package(self, name: str) -> PackageSource | None:
        """A package in the source that the course's containers install from; None if that cannot be read."""
        ...

    def image_file(self, image_id: str, path: str) -> FileThere | None:
        """What is at a path in an image; None for nothing."""
        ...

    def info(self) -> Mapping[str, Any]:
        """The engine's ``docker info``."""
        ...

    def probe_http(
        self, container_id: str, port: int, path: str, hosts: Sequence[str] = LOOPBACK
    ) -> HttpReply:
        """``GET path`` from the container's own port, asked inside of its network."""
        ...

    def probe_udp(
        self, container_id: str, port: int, send: str, within_s: float, hosts: Sequence[str] = LOOPBACK
    ) -> UdpReply:
        """What comes back for a datagram to the container's own port, sent inside of its network."""
        ...

    def probe_tcp(self, container_id: str, host: str, port: int, within_s: float) -> Reached:
        """Whether a container can connect to a port of another address."""
        ...

    def resolve(self, container_id: str, name: str) -> Resolved:
        """The addresses that a container finds for a name."""
        ...

    def host_http(self, host_ip: str, host_port: int, path: str) -> HttpReply:
        """``GET path`` from a port of the engine's host."""
        ...

    def host_udp(self, host_ip: str, host_port: int, send: str, within_s: float) -> UdpReply:
        """What comes back for a datagram to a port of the engine's host."""
        ...

    def answer(self, name: str) -> Answer:
        """What the student assigned to the variable ``name``."""
        ...


class EngineInspector:
    """The part of an inspector that a docker client answers. ``connect`` gives the client when one is needed.

    What is asked over the network is a small program (see ``probes``); a subclass says where it runs.
    """

    def __init__(
        self, connect: Callable[[], DockerClient], *, student: str = "", deadline_s: float = 5
    ) -> None:
        self._connect = connect
        self.student = student
        self._deadline_s = deadline_s

    @property
    def private(self) -> bool:
        return False

    def snapshot(self) -> Snapshot:
        return Snapshot.read(self._connect(), self._deadline_s)

    def container(self, container_id: str) -> Container | None:
        return read_container(self._connect(), container_id, self._deadline_s)

    def image(self, image_id: str) -> ImageConfig | None:
        return read_image(self._connect(), image_id, self._deadline_s)

    def history(self, image_id: str) -> tuple[str, ...]:
        return read_history(self._connect(), image_id, self._deadline_s)

    def logs(self, container_id: str) -> Log:
        return read_log(self._connect(), container_id, deadline_s=self._deadline_s)

    def last_output(self, container_id: str) -> str:
        return read_last(self._connect(), container_id, self._deadline_s)

    def first_output(self, container_id: str) -> datetime | None:
        return read_first_moment(self._connect(), container_id, self._deadline_s)

    def file(self, container_id: str, path: str, max_bytes: int = MAX_FILE_BYTES) -> FileThere | None:
        return read_file(self._connect(), container_id, path, self._deadline_s, max_bytes=max_bytes)

    def file_digest(self, container_id: str, path: str) -> str | None:
        return read_digest(self._connect(), container_id, path, self._deadline_s)

    def package(self, name: str) -> PackageSource | None:
        return None

    def image_file(self, image_id: str, path: str) -> FileThere | None:
        return read_image_file(self._connect(), image_id, path, self._deadline_s)

    def info(self) -> Mapping[str, Any]:
        client = self._connect()
        with looking(client, "the engine's information", self._deadline_s) as look:
            known: Mapping[str, Any] = look.call(client.api.info)
        return known

    def run_in(self, container_id: str, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """Run a trusted program in a container's network; exit code and output."""
        raise NotImplementedError

    def run_on_host(self, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """Run a trusted program where the engine's published ports answer."""
        raise NotImplementedError

    def host_address(self, host_ip: str) -> str:
        """Where ``run_on_host`` reaches an address that ports are published at."""
        return "127.0.0.1" if host_ip in ("", "0.0.0.0", "::") else host_ip  # noqa: S104 (compared, not bound)

    def _in(self, container_id: str) -> probes.Run:
        return lambda argv, limit_s: self.run_in(container_id, argv, limit_s)

    def probe_http(
        self, container_id: str, port: int, path: str, hosts: Sequence[str] = LOOPBACK
    ) -> HttpReply:
        return probes.http(self._in(container_id), hosts, port, path)

    def probe_udp(
        self, container_id: str, port: int, send: str, within_s: float, hosts: Sequence[str] = LOOPBACK
    ) -> UdpReply:
        return probes.udp(self._in(container_id), hosts, port, send, within_s)

    def probe_tcp(self, container_id: str, host: str, port: int, within_s: float) -> Reached:
        return probes.tcp(self._in(container_id), host, port, within_s)

    def resolve(self, container_id: str, name: str) -> Resolved:
        files = (self.file(container_id, path) for path in ("/etc/hosts", "/etc/resolv.conf"))
        hosts, servers = (there.text if there else "" for there in files)
        return probes.resolve(self._in(container_id), name, hosts, servers)

    def host_http(self, host_ip: str, host_port: int, path: str) -> HttpReply:
        return probes.http(self.run_on_host, (self.host_address(host_ip),), host_port, path)

    def host_udp(self, host_ip: str, host_port: int, send: str, within_s: float) -> UdpReply:
        return probes.udp(self.run_on_host, (self.host_address(host_ip),), host_port, send, within_s)


class LiveInspector(EngineInspector):
    """The inspector in the student's own kernel: their engine, their variables.

    The client is made from the environment when a check first asks, never the student's ``client``, and
    kept while the environment stays the same. ``namespace`` None: answers cannot be known here. ``student``
    None: as the environment says. ``held``: this kernel opened a private engine for itself.
    """

    def __init__(
        self,
        namespace: Mapping[str, object] | None,
        *,
        environment: Mapping[str, str] | None = None,
        student: str | None = None,
        held: bool = False,
    ) -> None:
        self._held = held
        self._environment = os.environ if environment is None else environment
        super().__init__(
            self.client,
            student=self._environment.get(variables.STUDENT, "") if student is None else student,
            deadline_s=_look_s(self._environment),
        )
        self._namespace = namespace
        self._kept: DockerClient | None = None
        self._kept_for: tuple[str | None, ...] = ()

    @property
    def private(self) -> bool:
        return self._held or bool(self._environment.get(variables.CONTROL))

    def client(self) -> DockerClient:
        """The kept client, or a new one. Raises Blocked if no engine answers."""
        wanted = tuple(self._environment.get(name) for name in _ENGINE_VARIABLES)
        if self._kept is None or wanted != self._kept_for:
            self.close()
            self._kept, self._kept_for = connect(self._environment, self._deadline_s), wanted
        return self._kept

    def snapshot(self) -> Snapshot:
        try:
            return super().snapshot()
        except Blocked:
            # The engine may have been restarted, as another version even: once more, from nothing.
            self.close()
            return super().snapshot()

    def close(self) -> None:
        """Give the kept connection back."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def probe_http(
        self, container_id: str, port: int, path: str, hosts: Sequence[str] = LOOPBACK
    ) -> HttpReply:
        """Through the port published on the host, as a browser would come; else from inside."""
        box = self.container(container_id)
        for binding in box.published if box else ():
            if binding.port == port and binding.proto == "tcp" and binding.host_port:
                reply = super().host_http(binding.host_ip, binding.host_port, path)
                if reply.status:
                    return reply
        return super().probe_http(container_id, port, path, hosts)

    def run_in(self, container_id: str, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """In a container of our own that joins the other one's network, and is gone afterwards."""
        return probe_container.run(self.client(), container_id, argv, limit_s)

    def run_on_host(self, argv: Sequence[str], limit_s: float) -> tuple[int, bytes]:
        """Here: inside an engine that is its host; in a lab its ports are forwarded to this machine."""
        command = [sys.executable, *argv[1:]] if argv[0] == "python3" else list(argv)
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False, cwd="/")
        except subprocess.TimeoutExpired:
            return 124, b""
        return done.returncode, done.stdout or done.stderr

    def host_http(self, host_ip: str, host_port: int, path: str) -> HttpReply:
        """Here; if the engine's ports are not forwarded to this machine, behind the published port."""
        reply = super().host_http(host_ip, host_port, path)
        behind = None if reply.status else self._behind(host_ip, host_port, "tcp")
        return super().probe_http(behind[0], behind[1], path, behind[2]) if behind else reply

    def host_udp(self, host_ip: str, host_port: int, send: str, within_s: float) -> UdpReply:
        """Here; if the engine's ports are not forwarded to this machine, behind the published port."""
        reply = super().host_udp(host_ip, host_port, send, min(1, within_s))
        behind = None if reply.answered else self._behind(host_ip, host_port, "udp")
        return self.probe_udp(behind[0], behind[1], send, within_s, behind[2]) if behind else reply

    def _behind(self, host_ip: str, host_port: int, proto: str) -> tuple[str, int, tuple[str, ...]] | None:
        """The container that publishes a port, its own port, and where the engine would send what comes.

        To its addresses, as the engine does and not to its loopback: a program that listens there alone stays
        out of reach.
        """
        wanted = self.host_address(host_ip)
        for box in super().snapshot().containers:
            for binding in box.published:
                meant = binding.every_interface or binding.host_ip == wanted
                if meant and (binding.host_port, binding.proto) == (host_port, proto):
                    addresses = (place.address for place in box.networks if place.address)
                    return box.id, binding.port, tuple(addresses)
        return None

    def host_address(self, host_ip: str) -> str:
        host = urlsplit(self._environment.get("DOCKER_HOST", ""))
        if host.scheme in ("tcp", "ssh", "http", "https") and host.hostname:
            return host.hostname
        return super().host_address(host_ip)

    def answer(self, name: str) -> Answer:
        if self._namespace is None:
            return Answer("unavailable")
        return say(name, self._namespace)


def _look_s(environment: Mapping[str, str]) -> float:
    wanted = environment.get(variables.LOOK_S, "")
    return float(wanted) if wanted.isdecimal() and int(wanted) else 5


def connect(environment: Mapping[str, str], deadline_s: float = 5) -> DockerClient:
    """A client for the engine that an environment names. Raises Blocked if it does not answer."""
    try:
        return docker.DockerClient(
            timeout=max(1, int(deadline_s)), **kwargs_from_env(environment=dict(environment))
        )
    except (DockerException, OSError) as error:
        where = environment.get("DOCKER_HOST") or "the default socket, since DOCKER_HOST is not set"
        raise Blocked(f"No engine answers at {where}: {reason(error)}.", next_step=DOCTOR) from error
