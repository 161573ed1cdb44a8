"""A nested engine's image on the user's own Docker: found by its key. ``grader.engine.build`` makes it.

Its tag holds the recipe's key, its label the course's images.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException

from grader import paths, variables
from grader.engine.image import nested_recipe, recipe
from grader.engine.image.engine_image import CourseImage
from grader.errors import EngineUnavailable, ImageError

REPOSITORY = "dockbook-engine"
KEY_LABEL, IMAGES_LABEL, BUILD_LABEL = "dockbook.key", "dockbook.images", "dockbook.build"
FORBIDDEN = ("operation not permitted", "permission denied", "not allowed", "unsupported", "not supported")
NOT_ALLOWED = (
    "this Docker does not give a container the rights that an engine needs: use `--backend sandbox` on "
    "Linux, or another Docker (Docker Desktop, Colima, one of your own)."
)


@dataclass(frozen=True)
class NestedImage:
    """Where the image for today's recipe is or would be: a tag on the Docker at ``docker_host``."""

    docker_host: str
    suite: recipe.Suite
    base: str

    @property
    def key(self) -> str:
        """What the tag ends with."""
        return nested_recipe.key(self.suite, self.base)

    @property
    def tag(self) -> str:
        """The image's name."""
        return f"{REPOSITORY}:{self.suite}-{self.key}"

    @property
    def folder(self) -> Path:
        """On this machine: a ``docker`` of the engine's age and its configuration."""
        return paths.cache_folder() / "nested" / f"{self.suite}-{self.key}"

    @property
    def bin(self) -> Path | None:
        """Folder with that ``docker``; None where the image's programs do not run (macOS)."""
        return self.folder / "bin" if platform.system() == "Linux" else None

    @property
    def cli_plugins(self) -> list[Path]:
        """Folders with its plugins: out of the image, or where a user's own ``docker`` finds them."""
        if self.bin is not None:
            return [self.folder / "cli-plugins"]
        return [
            Path.home() / ".docker/cli-plugins",
            Path("/usr/local/lib/docker/cli-plugins"),
            Path("/Applications/Docker.app/Contents/Resources/cli-plugins"),
        ]

    def client(self, timeout_s: int = 60) -> DockerClient:
        """The user's Docker. Raises EngineUnavailable."""
        try:
            return docker.DockerClient(base_url=self.docker_host, timeout=timeout_s)
        except (DockerException, RequestException, OSError) as error:
            raise EngineUnavailable(
                f"Your Docker at {self.docker_host} does not answer: {error}.",
                next_step="`dockbook doctor` looks into it.",
            ) from error

    def course_images(self) -> list[CourseImage]:
        """The course's images in it. Raises ImageError when it is not built."""
        with contextlib.closing(self.client()) as client:
            try:
                labels = client.images.get(self.tag).labels
            except ImageNotFound:
                raise ImageError(
                    f"Your Docker has no {self.tag} yet.",
                    next_step="`dockbook engine run --backend nested -- docker version` builds it.",
                ) from None
        return [CourseImage(**entry) for entry in json.loads(labels[IMAGES_LABEL])]


def location(docker_host: str, suite: recipe.Suite = "trixie") -> NestedImage:
    """The image on this Docker, with the base image that the environment names."""
    base = os.environ.get(variables.BASE_IMAGE) or nested_recipe.default_base(suite)
    return NestedImage(docker_host, suite, base)


def find_image(docker_host: str, suite: recipe.Suite = "trixie") -> NestedImage:
    """The image for today's recipe on this Docker. Raises ImageError when it is missing."""
    image = location(docker_host, suite)
    image.course_images()
    return image


def next_step(said: str) -> str:
    """The next step for this error of a Docker; empty for an unknown one."""
    low = said.lower()
    if "no space left" in low:
        return "free some space on your Docker: `docker system df` shows what takes it."
    if any(word in low for word in FORBIDDEN):
        return NOT_ALLOWED
    return ""
