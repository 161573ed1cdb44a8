"""What a student has made on an engine, asked of a running one or read from the files that one has left."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_MOST_BYTES = 1 << 20
"""Bytes read of one of Docker's files: labels and variables in it are as long as a student likes."""
_BUILT_IN = ("bridge", "host", "none")


@dataclass(frozen=True)
class Contents:
    """Containers (with their image), tags of images, names of networks and volumes: the student's, not the
    course's."""

    containers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.images or self.networks or self.volumes)


def from_api(api: Any) -> Contents:
    """Ask a running engine through docker-py's low-level client. Raises what that raises."""
    boxes = [
        f"{name.removeprefix('/')} ({box['Image']})"
        for box in api.containers(all=True)
        for name in (box.get("Names") or [box["Id"][:12]])[:1]
    ]
    tags = [tag for image in api.images() for tag in image.get("RepoTags") or ()]
    networks = [net["Name"] for net in api.networks() if net["Name"] not in _BUILT_IN]
    volumes = [volume["Name"] for volume in api.volumes().get("Volumes") or ()]
    return _contents(boxes, tags, networks, volumes)


def from_files(archive: bytes, volumes: Iterable[str]) -> Contents:
    """Read a tar archive of dockerd's own files; what cannot be read is left out, and networks are."""
    boxes, tags = [], []
    for path, text in _members(archive):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            found = json.loads(text)
            if path.endswith("config.v2.json"):
                boxes.append(f"{found['Name'].removeprefix('/')} ({found['Config']['Image']})")
            else:
                tags += [tag for names in found["Repositories"].values() for tag in names]
    return _contents(boxes, tags, (), volumes)


def _contents(
    boxes: Iterable[str], tags: Iterable[str], networks: Iterable[str], volumes: Iterable[str]
) -> Contents:
    from grader.engine.image.recipe import image_sources, with_tag

    of_course = {with_tag(name) for each in image_sources() for name in each.names}
    own = {tag for tag in tags if tag not in of_course and "@" not in tag and not tag.startswith("<none>")}
    return Contents(*(tuple(sorted(names)) for names in (boxes, own, networks, volumes)))


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                handle = tar.extractfile(member)
                if handle is not None and member.size <= _MOST_BYTES:
                    yield member.name, handle.read()
    except tarfile.TarError:
        return
