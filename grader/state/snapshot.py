"""One read of everything an engine holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from docker import DockerClient

from grader.state import json_fields as fields
from grader.state.container import Container
from grader.state.image import Image
from grader.state.network import Network, Volume
from grader.state.reach import looking
from grader.state.reference import familiar, id_prefix

MOST_CONTAINERS = 300
"""More are not inspected (about 2 ms each): a submission that makes thousands must not eat the deadline."""


@dataclass(frozen=True)
class Snapshot:
    """Containers (newest first), images, networks and volumes at one moment."""

    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    unread: int = 0
    """Containers beyond MOST_CONTAINERS, the oldest ones, which were not inspected."""
    originals: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Ids that names must lead to, by name in ``familiar`` form: the course's images, where it matters."""

    @classmethod
    def read(cls, client: DockerClient, deadline_s: float = 5) -> Snapshot:
        """Ask the engine. A container that goes away while we read is absent.

        Raises Blocked if the engine does not answer, or not within ``deadline_s`` seconds.
        """
        api = client.api
        with looking(client, "the engine's containers and images", deadline_s) as look:
            listed = look.call(api.containers, all=True)
            found = [look.present(api.inspect_container, item["Id"]) for item in listed[:MOST_CONTAINERS]]
            images = look.call(api.images)
            networks = look.call(api.networks)
            volumes = look.call(api.volumes)
        return cls(
            containers=tuple(Container.from_inspect(data) for data in found if data is not None),
            images=tuple(Image.from_list(data) for data in images),
            # The engine lists these in another order each time; a finding names them in one.
            networks=tuple(sorted(map(Network.from_list, networks), key=lambda net: (net.name, net.id))),
            volumes=tuple(
                sorted(
                    map(Volume.from_list, fields.rows(volumes, "Volumes")),
                    key=lambda volume: volume.name,
                )
            ),
            unread=max(0, len(listed) - MOST_CONTAINERS),
        )

    def container(self, name: str) -> Container | None:
        """By name, or by an id of 12 digits or more."""
        name = name.removeprefix("/")
        for box in self.containers:
            if box.name == name:
                return box
        digits = id_prefix(name)
        return next((box for box in self.containers if digits and box.id.startswith(digits)), None)

    def image(self, ref: str) -> Image | None:
        """By any way to write its name, by digest, or by an id of 12 digits or more.

        A name of ``originals`` that leads to another image by now leads to none.
        """
        found = self.tagged(ref)
        if found is not None:
            return found if self.impostor(ref) is None else None
        digits = id_prefix(ref)
        ids = ((image, image.id.removeprefix("sha256:")) for image in self.images)
        return next((image for image, hexadecimal in ids if digits and hexadecimal.startswith(digits)), None)

    def tagged(self, ref: str) -> Image | None:
        """The image that has this name (or digest) now, an original or not."""
        wanted = familiar(ref)
        return next(
            (image for image in self.images if wanted in map(familiar, image.tags + image.digests)), None
        )

    def impostor(self, ref: str) -> Image | None:
        """The image that has taken a name of ``originals`` over."""
        found = self.tagged(ref)
        return (
            found if found is not None and self.originals.get(familiar(ref), found.id) != found.id else None
        )

    def network(self, name: str) -> Network | None:
        """By name, or by an id of 12 digits or more."""
        for net in self.networks:
            if net.name == name:
                return net
        digits = id_prefix(name)
        return next((net for net in self.networks if digits and net.id.startswith(digits)), None)

    def volume(self, name: str) -> Volume | None:
        """By name."""
        return next((volume for volume in self.volumes if volume.name == name), None)

    def members(self, network: Network) -> tuple[Container, ...]:
        """The containers attached to a network, running or not."""
        return tuple(box for box in self.containers if box.endpoint(network.name) is not None)


def read_container(client: DockerClient, container_id: str, deadline_s: float = 5) -> Container | None:
    """Look at one container again; None if it is gone. Raises Blocked as ``Snapshot.read`` does."""
    with looking(client, "the container", deadline_s, one=True) as look:
        data = look.present(client.api.inspect_container, container_id)
    return None if data is None else Container.from_inspect(data)
