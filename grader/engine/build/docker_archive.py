"""The course's images for the user's own engine: an archive for ``docker load``, made of the hub's files.

A private engine has them from the start. On the user's own engine they are loaded only when asked for, and a
name that belongs to another image there stays with that image.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grader.engine.host import HostEngine
from grader.engine.image import hub, recipe
from grader.engine.image.engine_image import EngineImage
from grader.errors import ImageError

SOURCES_PATH = "etc/apt/sources.list"

Json = dict[str, Any]
State = Literal["missing", "same", "other"]


@dataclass(frozen=True)
class Wanted:
    """A name of the course's on the user's engine: not there, the course's image, or another one."""

    name: str
    state: State
    there: str = ""
    """The id of the image that has the name there; empty if none has."""


@dataclass(frozen=True)
class _Image:
    """An image as `docker load` takes it: its configuration, and each layer's bytes or file."""

    config: bytes
    layers: tuple[bytes | Path, ...]

    @property
    def diff_ids(self) -> list[str]:
        found: list[str] = json.loads(self.config)["rootfs"]["diff_ids"]
        return found


def names() -> list[str]:
    """The images that a private engine starts with, as ``NAME:TAG``."""
    return [name for source in recipe.image_sources() if source.preloaded for name in source.names]


def debians_sources(image: EngineImage) -> str:
    """Where the course's Debian finds packages on an engine without a course hub.

    As mmdebstrap wrote it for the engine's own root file system. Raises ImageError.
    """
    try:
        text = (image.rootfs / SOURCES_PATH).read_text()
    except OSError as error:
        raise ImageError(
            f"The engine image in {image.path} has no {SOURCES_PATH}: {error.strerror}.",
            next_step="`dockbook engine build --rebuild` builds it again.",
        ) from error
    return text.replace(image.suite, recipe.COURSE_SUITE)


def compare(engine: HostEngine, image: EngineImage, *, keep_hub: bool = False) -> list[Wanted]:
    """Which of the course's images the engine has; ``keep_hub`` as for ``load``. Raises EngineError.

    By their layers: what an image's id is made from differs between an engine's image stores.
    """
    sources = None if keep_hub else debians_sources(image)
    found = []
    for name in names():
        there = engine.image_layers(name)
        state: State = "missing"
        if there is not None:
            state = "same" if there.layers == _read(image, name, sources).diff_ids else "other"
        found.append(Wanted(name, state, there.id if there else ""))
    return found


def load(
    engine: HostEngine, image: EngineImage, chosen: Sequence[str], *, keep_hub: bool = False
) -> list[str]:
    """Put these of the course's images on the engine, whatever has their names there; the tags that are new.

    They stay through ``reset()``. The course's Debian gets a ``sources.list`` of Debian's, in a layer of its
    own; ``keep_hub`` leaves it the course hub's. Raises EngineError.
    """
    sources = None if keep_hub else debians_sources(image)
    with tempfile.TemporaryDirectory(prefix="dockbook-") as folder:
        archive = Path(folder, "images.tar")
        write_archive(archive, {name: _read(image, name, sources) for name in chosen})
        return engine.load_images(archive)


def write_archive(target: Path, images: Mapping[str, _Image]) -> None:
    """An archive as `docker save` writes it: https://docs.docker.com/reference/cli/docker/image/load/."""
    entries: list[Json] = []
    written: set[str] = set()
    with tarfile.open(target, "w") as archive:
        for name, image in images.items():
            config = f"{hashlib.sha256(image.config).hexdigest()}.json"
            paths = [f"{diff_id.removeprefix('sha256:')}/layer.tar" for diff_id in image.diff_ids]
            parts = {config: image.config, **dict(zip(paths, image.layers, strict=True))}
            for path, content in parts.items():
                if path not in written:
                    _add(archive, path, content)
                    written.add(path)
            entries.append({"Config": config, "RepoTags": [name], "Layers": paths})
        _add(archive, "manifest.json", json.dumps(entries).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    if isinstance(content, bytes):
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        return
    info.size = content.stat().st_size
    with content.open("rb") as handle:
        archive.addfile(info, handle)


def _read(image: EngineImage, name: str, sources: str | None) -> _Image:
    """One of the hub's images; Debian with another ``sources.list`` where that is wanted."""
    path, tag = hub.repository(name)
    shelf = image.hub / "v2" / path
    manifest = json.loads((shelf / "manifests" / tag).read_text())
    config = (shelf / "blobs" / manifest["config"]["digest"]).read_bytes()
    found = _Image(config, tuple(shelf / "blobs" / layer["digest"] for layer in manifest["layers"]))
    is_debian = path == hub.repository("debian")[0]
    return _with_file(found, SOURCES_PATH, sources) if is_debian and sources is not None else found


def _with_file(image: _Image, path: str, text: str) -> _Image:
    """The image with one layer more, that holds one file; the same bytes each time."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        info = tarfile.TarInfo(path)
        info.size, info.mode = len(text.encode()), 0o644
        tar.addfile(info, io.BytesIO(text.encode()))
    config: Json = json.loads(image.config)
    config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(layer.getvalue()).hexdigest())
    config["history"].append({"created": config["created"], "created_by": f"COPY sources.list /{path}"})
    return _Image(json.dumps(config).encode(), (*image.layers, layer.getvalue()))
