"""``forget("web")``: removes by exact name what an earlier run of a cell has made."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from grader.errors import Blocked, EngineError
from grader.expect.show import InWords
from grader.expect.words import quote
from grader.notebook.baseline import Before, volume_key
from grader.state.reach import DOCTOR, reason
from grader.state.reference import familiar

_REMOVAL_S = 10.0

Names = str | Iterable[str]
LookBefore = Callable[[DockerClient], Before | None]


class CouldNotForget(InWords, EngineError):
    """Something that a cell wanted gone could not be removed."""


def nothing_before(_client: DockerClient) -> None:
    """For an engine that holds nothing but the course's own."""


def forgetter(
    connect: Callable[[], DockerClient], before: LookBefore = nothing_before
) -> Callable[..., None]:
    """``forget`` for a notebook. ``before``: what it leaves alone on an engine, None for nothing."""

    def forget(*containers: str, image: Names = (), network: Names = (), volume: Names = ()) -> None:
        """Remove these things if they are there, so that a cell can run again.

        Containers go running or not, with their anonymous volumes. Nothing else is touched, and on your own
        Docker nothing that was there before the course: an image that stays does no harm, anything
        else raises CouldNotForget.
        """
        for name in (*containers, *_several(image), *_several(network), *_several(volume)):
            given: object = name  # a cell is not type-checked
            if not isinstance(given, str) or not given.strip():
                raise CouldNotForget(f"forget() needs names, not {quote(given)}.", next_step='forget("web").')
        try:
            client = connect()
            remover = _Remover(client.api, before(client))
        except Blocked as blocked:
            raise CouldNotForget(blocked.what, next_step=blocked.next_step) from None
        steps = (
            (containers, remover.container),
            (_several(network), remover.network),
            (_several(volume), remover.volume),
            (_several(image), remover.image),
        )
        for names, remove in steps:
            for name in names:
                _removing(name, remove)

    return forget


def _several(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _removing(name: str, remove: Callable[[str], None]) -> None:
    try:
        remove(name)
    except NotFound:
        return
    except (DockerException, RequestException, OSError) as error:
        raise CouldNotForget(
            f"{quote(name)} could not be removed: {reason(error)}.", next_step=DOCTOR
        ) from error


class _Remover:
    """Removes one thing each, unless it was there before."""

    def __init__(self, api: Any, before: Before | None) -> None:
        self._api = api
        self._before = before or Before("", *[frozenset[str]()] * 4)

    @staticmethod
    def _spare(kind: str, name: str, command: str) -> None:
        raise CouldNotForget(
            _stays(kind, name), next_step=f"if you do not need it, remove it yourself: `{command} {name}`."
        )

    def container(self, name: str) -> None:
        # Looked up first: where no container has the name, the engine takes it for the beginning of an id.
        def ids() -> list[str]:
            pattern = f"^/{re.escape(name)}$"
            listed = self._api.containers(all=True, filters={"name": pattern})
            return [item["Id"] for item in listed if f"/{name}" in (item.get("Names") or ())]

        for each in ids():
            if each in self._before.containers:
                self._spare("container", name, "docker rm -f")
            try:
                self._api.remove_container(each, force=True, v=True)
            except APIError as error:
                if error.status_code != 409:
                    raise
                # Already being removed (--rm): its name is free a moment later.
                end = time.monotonic() + _REMOVAL_S
                while ids():
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.05)

    def network(self, name: str) -> None:
        for net in self._api.networks(names=[name]):
            if net.get("Name") != name:
                continue
            if net["Id"] in self._before.networks:
                self._spare("network", name, "docker network rm")
            for box in self._api.inspect_network(net["Id"]).get("Containers") or {}:
                self._api.disconnect_container_from_network(box, net["Id"], force=True)
            self._api.remove_network(net["Id"])

    def volume(self, name: str) -> None:
        found = self._api.inspect_volume(name)
        if volume_key(found) in self._before.volumes:
            self._spare("volume", name, "docker volume rm")
        self._api.remove_volume(name)

    def image(self, ref: str) -> None:
        if familiar(ref) in self._before.images and self._api.inspect_image(familiar(ref)):
            print(_stays("image", ref))
            return
        self._api.remove_image(familiar(ref), force=True)


def _stays(kind: str, name: str) -> str:
    return f"The {kind} {quote(name)} was on your Docker before the course began: it stays."
