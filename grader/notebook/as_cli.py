"""``as_cli(container)``: the ``docker run`` line that creates a container like an existing one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from docker import DockerClient

from grader.notebook.command_line import run_line
from grader.notebook.why import LOOK_S, in_words, inspected
from grader.state import json_fields as fields
from grader.state.reach import looking


def translator(connect: Callable[[], DockerClient]) -> Callable[[Any], str]:
    """``as_cli`` for a notebook."""

    def as_cli(container: Any) -> str:
        """The ``docker run`` line that creates a container like this one (a docker-py one, or its name).

        Raises CannotTell when there is no such container.
        """
        with in_words():
            client = connect()
            data = inspected(client, container, "as_cli")
            with looking(client, "the container's image", LOOK_S) as look:
                # Its image may have been removed by force: then everything is written out.
                image = look.present(client.api.inspect_image, fields.text(data, "Image")) or {}
        config = fields.table(data, "Config")
        return run_line(
            config,
            fields.table(data, "HostConfig"),
            name=fields.text(data, "Name").removeprefix("/"),
            hostname=fields.text(data, "Id")[:12],
            networks=_named(fields.table(fields.table(data, "NetworkSettings"), "Networks"), data),
            image=fields.table(image, "Config"),
        )

    return as_cli


def _named(networks: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Endpoints without the alias that the engine adds: the container's short id."""
    own = fields.text(data, "Id")[:12]
    return {
        name: {**place, "Aliases": [alias for alias in fields.texts(place, "Aliases") if alias != own]}
        for name, place in networks.items()
        if isinstance(place, dict)
    }
