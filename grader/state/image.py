"""What an image is: its names from the list, its history and settings from an inspect when needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docker import DockerClient

from grader.state import json_fields as fields
from grader.state.reach import looking


@dataclass(frozen=True)
class Image:
    """An image of the local store. ``tags`` are as the engine lists them (``debian:trixie``)."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created_at: datetime | None
    size: int
    """Bytes on disk."""
    labels: dict[str, str] = field(hash=False)

    @property
    def name(self) -> str:
        """Its first tag, or the short id of an image without one."""
        return self.tags[0] if self.tags else self.id.removeprefix("sha256:")[:12]

    @classmethod
    def from_list(cls, data: dict[str, Any]) -> Image:
        """Read one entry of ``GET /images/json``; an untagged image was ``<none>:<none>`` up to API 1.42."""
        created = fields.number(data, "Created")
        return cls(
            id=fields.text(data, "Id"),
            tags=tuple(tag for tag in fields.texts(data, "RepoTags") if not tag.startswith("<none>")),
            digests=tuple(
                name for name in fields.texts(data, "RepoDigests") if not name.startswith("<none>")
            ),
            created_at=datetime.fromtimestamp(created, UTC) if 0 < created < 2**34 else None,
            size=fields.number(data, "Size"),
            labels=fields.labels(data),
        )


_USUAL_VARIANTS = {"arm64": "v8", "arm": "v7"}
"""What is meant where no variant is written: a registry may name it, and the image not."""


@dataclass(frozen=True)
class ImageConfig:
    """How an image was made and what a container of it starts with."""

    id: str
    author: str
    comment: str
    layers: tuple[str, ...]
    cmd: tuple[str, ...]
    entrypoint: tuple[str, ...]
    env: dict[str, str] = field(hash=False)
    labels: dict[str, str] = field(hash=False)
    user: str
    working_dir: str
    exposed: tuple[str, ...]
    os: str
    architecture: str
    variant: str

    @property
    def platforms(self) -> tuple[str, ...]:
        """The kind of machine that it is for, as Docker writes it: with its variant, and without."""
        plain = f"{self.os}/{self.architecture}"
        variant = self.variant or _USUAL_VARIANTS.get(self.architecture, "")
        return (plain, f"{plain}/{variant}") if variant else (plain,)

    @classmethod
    def from_inspect(cls, data: dict[str, Any]) -> ImageConfig:
        """Read the JSON of ``GET /images/ID/json``; Author, Comment, Cmd may be absent from API 1.52 on."""
        config = fields.table(data, "Config")
        return cls(
            id=fields.text(data, "Id"),
            author=fields.text(data, "Author"),
            comment=fields.text(data, "Comment"),
            layers=fields.texts(fields.table(data, "RootFS"), "Layers"),
            cmd=fields.texts(config, "Cmd"),
            entrypoint=fields.texts(config, "Entrypoint"),
            env=fields.environment(config),
            labels=fields.labels(config),
            user=fields.text(config, "User"),
            working_dir=fields.text(config, "WorkingDir"),
            exposed=tuple(fields.table(config, "ExposedPorts")),
            os=fields.text(data, "Os"),
            architecture=fields.text(data, "Architecture"),
            variant=fields.text(data, "Variant"),
        )


def read_image(client: DockerClient, image_id: str, deadline_s: float = 5) -> ImageConfig | None:
    """One image in full; None if it is gone. An id names one content, so a later look sees the same.

    Raises Blocked if the engine does not answer within ``deadline_s`` seconds.
    """
    with looking(client, "the image", deadline_s, one=True) as look:
        data = look.present(client.api.inspect_image, image_id)
    return None if data is None else ImageConfig.from_inspect(data)


def read_history(client: DockerClient, image_id: str, deadline_s: float = 5) -> tuple[str, ...]:
    """The instructions that made an image, newest first; empty if it is gone. Raises Blocked as above."""
    with looking(client, "the image's history", deadline_s, one=True) as look:
        steps: Any = look.present(client.api.history, image_id)
    return tuple(fields.text(step, "CreatedBy") for step in steps or () if isinstance(step, dict))
