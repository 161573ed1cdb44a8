"""The engine image in the cache: found, checked, described. ``grader.engine.build.engine_image`` makes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import paths
from grader.engine.image import recipe
from grader.errors import ImageError

MANIFEST = "image.json"
BUILD = "`dockbook engine build` makes it (a minute or two, once)."


@dataclass(frozen=True)
class CourseImage:
    """A course image in the engine; ``size`` in bytes, with the layers of its base image."""

    name: str
    size: int
    source: str
    description: str


@dataclass(frozen=True)
class EngineImage:
    """An engine image in its folder: root file system, preloaded images, the hub's files."""

    path: Path
    suite: recipe.Suite
    key: str

    @property
    def rootfs(self) -> Path:
        """Debian with everything an engine needs, owned by the range of subordinate ids."""
        return self.path / "rootfs"

    @property
    def preload(self) -> Path:
        """dockerd's ``image`` and ``overlay2`` folders with the course's images."""
        return self.path / "preload"

    @property
    def hub(self) -> Path:
        """Files of the course hub."""
        return self.path / "hub"

    @property
    def bin(self) -> Path:
        """Folder with a ``docker`` for the PATH of a host command."""
        return self.path / "bin"

    @property
    def cli_plugins(self) -> Path:
        """Folder with the plugins of that ``docker``: buildx and compose."""
        return self.path / "rootfs/usr/libexec/docker/cli-plugins"

    @property
    def course_images(self) -> list[CourseImage]:
        """The course's images. Raises ImageError."""
        return [CourseImage(**entry) for entry in self.manifest()["images"]]

    def manifest(self) -> dict[str, Any]:
        """What the builder wrote last, once everything else was there. Raises ImageError."""
        try:
            value = json.loads((self.path / MANIFEST).read_text())
        except FileNotFoundError:
            raise ImageError(f"There is no engine image for {self.suite} yet.", next_step=BUILD) from None
        except (OSError, ValueError) as error:
            raise ImageError(
                f"The engine image in {self.path} is damaged: {error}.", next_step=BUILD
            ) from error
        if not isinstance(value, dict) or value.get("key") != self.key:
            raise ImageError(f"The engine image in {self.path} is not what its name says.", next_step=BUILD)
        return value

    def check(self) -> None:
        """Whether what a start needs is there, with the sizes that were built. Raises ImageError."""
        manifest = self.manifest()
        for entry in manifest["sentinels"]:
            path = self.path / str(entry["path"])
            try:
                size = path.lstat().st_size
            except OSError as error:
                raise ImageError(
                    f"The engine image in {self.path} is damaged: {entry['path']}: {error.strerror}.",
                    next_step="`dockbook engine build --rebuild` builds it again.",
                ) from error
            if size != entry["size"]:
                raise ImageError(
                    f"The engine image in {self.path} is damaged: {entry['path']} is {size} bytes, "
                    f"it was built with {entry['size']}.",
                    next_step="`dockbook engine build --rebuild` builds it again.",
                )


def location(suite: recipe.Suite = "trixie") -> EngineImage:
    """Where the image for today's recipe is or would be."""
    key = recipe.key(suite)
    return EngineImage(paths.cache_folder() / "engine" / f"{suite}-{key}", suite, key)


def find_image(suite: recipe.Suite = "trixie") -> EngineImage:
    """The image for today's recipe, checked. Raises ImageError when it is missing or damaged."""
    image = location(suite)
    image.check()
    return image
