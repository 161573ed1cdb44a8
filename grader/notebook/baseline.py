"""What was on the student's own Docker before the course: ``forget`` leaves that alone.

For a private engine nothing is noted: all on it belongs to the course. On the student's own Docker, the lab
notes what is there when it starts (``DOCKBOOK_BEFORE`` names the file); without a lab, a kernel does when the
course is loaded.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from docker import DockerClient

from grader import variables
from grader.files import write_whole
from grader.state.reach import looking
from grader.state.reference import familiar

PRIVATE_NAME = "dockbook"
"""What a private engine's machine is called, in its ``docker info``."""
_LOOK_S = 5


@dataclass(frozen=True)
class Before:
    """Containers and networks by id, volumes by name and time, images by their names."""

    engine: str
    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    images: frozenset[str]

    @classmethod
    def look(cls, client: DockerClient) -> Self:
        """What the engine holds now. Raises Blocked if it does not answer."""
        with looking(client, "what is on the engine", _LOOK_S) as look:
            api: Any = client.api
            return cls(
                engine=str(look.call(api.info).get("ID", "")),
                containers=frozenset(box["Id"] for box in look.call(api.containers, all=True)),
                networks=frozenset(net["Id"] for net in look.call(api.networks)),
                volumes=frozenset(map(volume_key, look.call(api.volumes).get("Volumes") or ())),
                images=frozenset(
                    familiar(tag) for image in look.call(api.images) for tag in image.get("RepoTags") or ()
                ),
            )

    def save(self, path: Path) -> None:
        """As JSON, for the kernels of a lab."""
        parts: dict[str, Any] = asdict(self)
        text = json.dumps({name: part if name == "engine" else sorted(part) for name, part in parts.items()})
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text + "\n")

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What ``save`` wrote; None when it cannot be read."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            engine = str(found["engine"])
            sets = {name: _names(found[name]) for name in ("containers", "networks", "volumes", "images")}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return cls(engine, **sets)


def _names(found: Iterable[object]) -> frozenset[str]:
    return frozenset(map(str, found))


def volume_key(volume: Mapping[str, Any]) -> str:
    """A volume that was removed and made again under the same name is another one."""
    return f"{volume.get('Name', '')} {volume.get('CreatedAt', '')}"


def noted(client: DockerClient, environment: Mapping[str, str]) -> Before | None:
    """What to leave alone on this engine; None for a private one. Raises Blocked if it does not answer."""
    with looking(client, "the engine's information", _LOOK_S) as look:
        info: Mapping[str, Any] = look.call(client.api.info)
    if info.get("Name") == PRIVATE_NAME or _registered(environment.get("DOCKER_HOST", "")):
        return None
    written = Before.load(Path(environment[variables.BEFORE])) if environment.get(variables.BEFORE) else None
    if written is not None and written.engine == info.get("ID"):
        return written
    return Before.look(client)


def _registered(docker_host: str) -> bool:
    """Whether it is an engine that this user's dockbook has started."""
    with contextlib.suppress(ModuleNotFoundError):  # the student's side alone, inside an engine
        from grader.engine.running_engines import running

        return any(one.docker_host == docker_host for one in running())
    return False


class Keeper:
    """Knows for one kernel what to leave alone; noted once for each engine, when it is first seen."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._known: dict[str, Before | None] = {}

    def of(self, client: DockerClient) -> Before | None:
        """Raises Blocked if the engine does not answer."""
        address = str(client.api.base_url) + self._environment.get("DOCKER_HOST", "")
        if address not in self._known:
            self._known[address] = noted(client, self._environment)
        return self._known[address]
