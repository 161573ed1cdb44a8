"""The user's own Docker Engine, only when asked for: used without changes, and left as it was found.

Nothing is labelled (students type ``docker run`` themselves): what exists is recorded when the engine is
opened, and ``reset()`` removes only what came after.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from grader.engine.base import BackendName, Engine, undone_by
from grader.engine.endpoint import at_address, diagnose, find_docker_host, reach
from grader.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

Kind = Literal["container", "network", "volume", "image", "tag"]


@dataclass(frozen=True)
class Leftover:
    """Something that ``reset()`` would remove; a tag it would take off, or give back to its old image."""

    kind: Kind
    name: str
    id: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Layers:
    """An image's id, and its layers from the lowest up, as ids of their content."""

    id: str
    layers: list[str]


@dataclass
class _Inventory:
    """What an engine holds: ids, and which image each tag means."""

    containers: dict[str, str]
    networks: dict[str, str]
    volumes: dict[str, str]
    images: dict[str, str]
    tags: dict[str, str]


class HostEngine(Engine):
    """The user's own engine. ``start`` finds it as the docker CLI does; an address may be given.

    ``label`` says what it was opened for, as with the other backends.

    ``start`` raises EngineUnavailable with the reason: missing, not running, not permitted, a wrong address.
    """

    backend: BackendName = "host"
    private = False
    _client: DockerClient
    _before: _Inventory

    def __init__(self, docker_host: str | None = None, *, label: str = "") -> None:
        self.label = label
        self.docker_host = docker_host or ""
        self._closed = True

    # -- Engine

    def start(self) -> Self:
        """Connect, and note what is there: ``reset`` leaves that alone."""
        started = time.monotonic()
        self._host = at_address(self.docker_host) if self.docker_host else find_docker_host()
        self.docker_host = self._host.address
        trouble = diagnose(self._host)
        if trouble is not None:
            raise trouble
        self._client = self.client()
        self._closed = False
        with undone_by(self.close):
            with _told("look at"):
                self._client.ping()
            self.ready_s = time.monotonic() - started
            self._before = self._inventory()
        return self

    def client(self, *, timeout: float = 30) -> DockerClient:
        """A docker-py client; nothing sets the trusted side apart here. Raises EngineError."""
        import docker

        environment = {"DOCKER_HOST": self.docker_host, **self._host.tls}
        with _told("reach"):
            return docker.from_env(timeout=int(timeout), environment=environment)

    def tail(self, lines: int = 40) -> str:
        return f"(your own engine's log is not read here; its last lines: journalctl -u docker -n {lines})"

    def alive(self) -> bool:
        return not self._closed and not reach(self.docker_host, self._host.tls).trouble

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**super().env(base), **self._host.tls}

    def configure(self, options: Mapping[str, object]) -> None:
        names = ", ".join(sorted(options)) or "nothing"
        raise EngineError(
            f"This is your own Docker Engine: the course does not change its configuration ({names}).",
            next_step="do this lesson on a private engine: `dockbook lab --backend sandbox`.",
        )

    def close(self) -> None:
        """Close the connection; everything on the engine stays."""
        if not self._closed:
            started = time.monotonic()
            self._closed = True
            self._client.close()
            self.dispose_s = time.monotonic() - started

    def reset(self) -> None:
        """Remove what came after this engine was opened (show ``pending_reset()`` first).

        Raises EngineError with what could not be removed, after the rest has been.
        """
        failed = []
        # Once more for what was in use by something that is gone by now.
        for attempt in range(2):
            failed = [
                f"{leftover}: {reason}"
                for leftover in self.pending_reset()
                if (reason := self._remove(leftover)) is not None
            ]
            if not failed or attempt:
                break
        if failed:
            raise EngineError(
                f"Not everything could be removed: {'; '.join(failed)}.",
                next_step="look at it with `docker ps -a` and `docker images`, then reset again.",
            )

    # -- only here

    def pending_reset(self) -> list[Leftover]:
        """What ``reset()`` would remove, in that order: containers, networks, volumes, tags, images."""
        before, now = self._before, self._inventory()
        found: list[Leftover] = []
        kinds: tuple[tuple[Kind, dict[str, str], dict[str, str]], ...] = (
            ("container", before.containers, now.containers),
            ("network", before.networks, now.networks),
            ("volume", before.volumes, now.volumes),
        )
        for kind, old, new in kinds:
            found += [Leftover(kind, name, id_) for id_, name in new.items() if id_ not in old]
        found += [
            Leftover("tag", tag, before.tags.get(tag, ""))
            for tag, image in now.tags.items()
            # A new tag of an old image, or an old tag that was moved; a new image's tags go with it.
            if before.tags.get(tag) != image and (image in before.images or tag in before.tags)
        ]
        found += [
            Leftover("image", name, id_) for id_, name in now.images.items() if id_ not in before.images
        ]
        return found

    def missing_images(self, names: Collection[str]) -> list[str]:
        """Which of these images, as ``NAME:TAG``, the engine does not have."""
        present = self._inventory().tags
        return [name for name in names if name not in present]

    def image_layers(self, name: str) -> Layers | None:
        """What a name means on this engine; None for nothing. Raises EngineError."""
        from docker.errors import ImageNotFound

        with _told("look at"), contextlib.suppress(ImageNotFound):
            api: Any = self._client.api
            found = api.inspect_image(name)
            return Layers(str(found["Id"]), list(found["RootFS"].get("Layers") or ()))
        return None

    def load_images(self, archive: Path) -> list[str]:
        """Load a ``docker save`` archive: the course's images. They stay through ``reset()``.

        Returns the tags that are new. Raises EngineError.
        """
        before = self._inventory()
        with _told("load images into"), archive.open("rb") as data:
            self._client.images.load(data)
        now = self._inventory()
        self._before.images |= {id_: name for id_, name in now.images.items() if id_ not in before.images}
        tags = {tag: id_ for tag, id_ in now.tags.items() if before.tags.get(tag) != id_}
        self._before.tags |= tags
        return sorted(tags)

    # -- inside

    def _inventory(self) -> _Inventory:
        api = self._client.api
        with _told("look at"):
            images = api.images()
            volumes = api.volumes().get("Volumes") or []
            return _Inventory(
                containers={one["Id"]: _name(one["Names"], one["Id"]) for one in api.containers(all=True)},
                networks={one["Id"]: one["Name"] for one in api.networks()},
                # A volume that was removed and made again under the same name is another one.
                volumes={f"{one['Name']} {one.get('CreatedAt', '')}": one["Name"] for one in volumes},
                images={one["Id"]: _name(one.get("RepoTags"), one["Id"]) for one in images},
                tags={
                    tag: one["Id"]
                    for one in images
                    for tag in one.get("RepoTags") or ()
                    if not tag.startswith("<none>")
                },
            )

    def _remove(self, leftover: Leftover) -> str | None:
        """Remove one thing; why it could not be, if it is still there."""
        from docker.errors import APIError, DockerException, NotFound

        api = self._client.api
        removers: dict[Kind, Callable[[Leftover], object]] = {
            "container": lambda one: api.remove_container(one.id, v=True, force=True),
            "network": lambda one: api.remove_network(one.id),
            "volume": lambda one: api.remove_volume(one.name),
            "image": lambda one: api.remove_image(one.id, force=True),
            "tag": self._put_tag_back,
        }
        try:
            removers[leftover.kind](leftover)
        except NotFound:
            return None
        except APIError as error:
            return str(error.explanation)
        except (DockerException, OSError) as error:
            return str(error)
        return None

    def _put_tag_back(self, leftover: Leftover) -> None:
        if leftover.id:
            repository, _, tag = leftover.name.rpartition(":")
            self._client.api.tag(leftover.id, repository, tag, force=True)
        else:
            self._client.api.remove_image(leftover.name, noprune=True)


def _name(names: list[str] | None, id_: str) -> str:
    known = [name for name in names or () if not name.startswith("<none>")]
    return known[0].lstrip("/") if known else id_.removeprefix("sha256:")[:12]


@contextmanager
def _told(verb: str) -> Iterator[None]:
    """docker-py's errors as this package's."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(
            f"Could not {verb} your Docker Engine: {error}.", next_step="`dockbook doctor` looks into it."
        ) from error
