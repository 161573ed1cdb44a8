"""Builds a nested engine's image on the user's own Docker, when it is missing or stale.

``docker build`` makes the root file system; a container of it, without a network, builds the course's images
and the hub's files and is committed. Its tag holds the recipe's key, its label the course's images. The
user's own images and containers are not touched; older ones of these are removed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from grader import variables
from grader.engine.build import nested_bake
from grader.engine.build.one_builder import Progress
from grader.engine.image import nested_recipe, recipe
from grader.engine.image.nested_image import (
    BUILD_LABEL,
    IMAGES_LABEL,
    KEY_LABEL,
    REPOSITORY,
    NestedImage,
    location,
    next_step,
)
from grader.engine.inside.daemon import DEFAULTS
from grader.engine.keeper import nested as nested_keeper
from grader.engine.keeper import user_docker
from grader.engine.system.package import BAKE
from grader.errors import ImageError
from grader.files import locked, whole

SIZE = "1 GB on your Docker, 0.6 GB more during the build"
BAKE_S = 900
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PLUGINS = "usr/libexec/docker/cli-plugins"


def ensure_image(
    docker_host: str,
    suite: recipe.Suite = "trixie",
    progress: Progress | None = None,
    *,
    rebuild: bool = False,
) -> NestedImage:
    """The image, built unless it is there. Raises ImageError.

    ``progress`` as for ``grader.engine.build.engine_image``.
    """
    tell = progress or (lambda _fraction, _text: None)
    image = location(docker_host, suite)
    image.folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        locked(image.folder.with_suffix(".lock"), wait_s=BAKE_S),
        contextlib.closing(image.client()) as client,
    ):
        if rebuild or not _is_there(client, image):
            _Builder(image, tell).build()
        _write_client(client, image)
    return image


def _is_there(client: DockerClient, image: NestedImage) -> bool:
    with contextlib.suppress(ImageNotFound):
        return IMAGES_LABEL in client.images.get(image.tag).labels
    return False


class _Builder:
    def __init__(self, image: NestedImage, tell: Progress) -> None:
        self.image = image
        self.tell = tell
        self.last = ""

    def build(self) -> None:
        """All steps. Raises ImageError with the engine's own words."""
        self.tell(0, f"{self.image.tag} is built on your Docker from {self.image.base}, once: {SIZE}")
        try:
            with contextlib.closing(self.image.client(timeout_s=BAKE_S)) as client:
                _remove_leftovers(client)
                made = self._docker_build(client, "made", 0.02, 0.30)
                engine = self._docker_build(client, "engine", 0.30, 0.70)
                self._bake(client, made, engine)
                _remove_old(client, self.image)
                with contextlib.suppress(APIError):
                    client.images.remove(made)
        except (DockerException, RequestException, user_docker.Refused, OSError) as error:
            raise explained(self.image, str(getattr(error, "explanation", None) or error)) from error

    def _docker_build(self, client: DockerClient, target: str, start: float, end: float) -> str:
        """One stage of the Dockerfile; its image's id."""
        lines = client.api.build(
            fileobj=io.BytesIO(nested_recipe.context(self.image.suite)),
            custom_context=True,
            target=target,
            buildargs={"BASE": self.image.base},
            network_mode=os.environ.get(variables.BUILD_NETWORK) or None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        built = fraction = 0.0
        found = ""
        for line in cast("Iterator[dict[str, Any]]", lines):
            if "error" in line:
                raise explained(self.image, str(line["error"]), self.last)
            text = _COLOUR.sub("", str(line.get("stream", line.get("status", "")))).strip()
            if step := _STEP.match(text):
                fraction = (int(step[1]) - 1) / int(step[2])
                text = step[3]
            if text:
                self.last = text.splitlines()[-1]
                built = start + (end - start) * fraction
                self.tell(built, f"{target}: {self.last[:100]}")
            found = str(line.get("aux", {}).get("ID", "")) or found
        if not found:
            raise explained(self.image, self.last or "docker build said nothing")
        return found

    def _bake(self, client: DockerClient, made: str, engine: str) -> None:
        """The course's images and the hub, built where they will be used; the container becomes the image."""
        api = client.api
        source = api.create_container(made, "true", labels={BUILD_LABEL: self.image.key})["Id"]
        baker = ""
        try:
            reasons: list[str] = []
            for way, rights in nested_keeper.WAYS.items():
                baker = self._start_baker(client, engine, source, rights, reasons, way)
                if baker:
                    break
            else:
                raise explained(self.image, "; ".join(reasons))
            images = self._watch(client, baker)
            api.commit(
                baker,
                REPOSITORY,
                self.image.tag.partition(":")[2],
                conf={"Labels": {KEY_LABEL: self.image.key, IMAGES_LABEL: json.dumps(images)}},
            )
        finally:
            for container in filter(None, (source, baker)):
                with contextlib.suppress(APIError):
                    api.remove_container(container, v=True, force=True)

    def _start_baker(
        self,
        client: DockerClient,
        engine: str,
        source: str,
        rights: dict[str, Any],
        reasons: list[str],
        way: str,
    ) -> str:
        """The container at work; empty, with the reason noted, where this Docker does not start it so."""
        api = client.api
        wanted = nested_keeper.container(engine, self.image.key, "grader.engine.build.nested_bake", rights)
        wanted["Labels"] = {BUILD_LABEL: self.image.key}
        wanted["OpenStdin"] = wanted["AttachStdin"] = False
        wanted["HostConfig"] |= {"AutoRemove": False, "LogConfig": {"Type": "json-file"}}
        # docker-py knows no way to unmask /proc.
        made = user_docker.call(self.image.docker_host, "POST", "/containers/create", wanted)
        baker = str(made["Id"])
        spec = {
            "daemon": DEFAULTS,
            "watch": {},
            "folders": {},
            "files": nested_recipe.files_inside(self.image.suite),
        }
        api.put_archive(baker, "/", nested_keeper.library(spec, BAKE))
        api.put_archive(baker, f"/{nested_keeper.LIBRARY.lstrip('/')}", _course_sources())
        stream, _ = api.get_archive(source, nested_recipe.MADE)
        api.put_archive(baker, "/", stream)
        try:
            api.start(baker)
        except APIError as error:
            reasons.append(f"{way}: {error.explanation}")
            api.remove_container(baker, v=True, force=True)
            return ""
        return baker

    def _watch(self, client: DockerClient, baker: str) -> list[dict[str, Any]]:
        """Follow what the container says to its end; the course's images that it reports."""
        fraction, said, images = 0.70, "", None
        deadline = time.monotonic() + BAKE_S
        for data in client.api.logs(baker, stream=True, follow=True):
            for line in data.decode(errors="replace").splitlines():
                if line.startswith(nested_bake.RESULT + "["):
                    images = json.loads(line.removeprefix(nested_bake.RESULT))
                elif line.startswith(nested_bake.RESULT):
                    fraction = min(fraction + 0.04, 0.98)
                    self.tell(fraction, line)
                elif line.strip():
                    said = line.strip()
            if time.monotonic() > deadline:
                raise explained(self.image, f"building the course's images took more than {BAKE_S} s")
        code = client.api.wait(baker, timeout=60)["StatusCode"]
        if code or images is None:
            raise explained(self.image, said or f"the container ended with {code}")
        return cast("list[dict[str, Any]]", images)


def _course_sources() -> bytes:
    """The Dockerfiles of the course's images, as the package inside looks for them."""
    with io.BytesIO() as buffer, tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(recipe.images_folder(), "course/images", filter=_owned_by_root)
        archive.close()
        return buffer.getvalue()


def _owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _remove_leftovers(client: DockerClient) -> None:
    """Containers of a build that was killed."""
    for container in client.api.containers(all=True, filters={"label": BUILD_LABEL}):
        with contextlib.suppress(APIError):
            client.api.remove_container(container["Id"], v=True, force=True)


def _remove_old(client: DockerClient, image: NestedImage) -> None:
    """Images of older recipes, unless an engine still runs on one."""
    for old in client.images.list(REPOSITORY, filters={"label": KEY_LABEL}):
        for tag in old.tags:
            if tag != image.tag and tag.startswith(f"{REPOSITORY}:{image.suite}-"):
                with contextlib.suppress(APIError):
                    client.images.remove(tag)


def _write_client(client: DockerClient, image: NestedImage) -> None:
    """A ``docker`` with its plugins out of the image, complete or not at all."""
    if image.bin is None or (image.bin / "docker").exists():
        return
    image.folder.mkdir(parents=True, exist_ok=True)
    container = client.api.create_container(image.tag, "true", labels={BUILD_LABEL: image.key})["Id"]
    try:
        (plugins,) = image.cli_plugins
        _unpack(client, container, PLUGINS, plugins)
        _unpack(client, container, "usr/bin/docker", image.bin)
    finally:
        client.api.remove_container(container, v=True, force=True)


def _unpack(client: DockerClient, container: str, path: str, target: Path) -> None:
    """Programs of the image, without the folders above them."""
    with contextlib.suppress(NotFound), tempfile.TemporaryFile() as archive:
        stream, _ = client.api.get_archive(container, f"/{path}")
        for chunk in stream:
            archive.write(chunk)
        archive.seek(0)
        target.mkdir(exist_ok=True)
        with tarfile.open(fileobj=archive) as tar:
            for member in filter(tarfile.TarInfo.isreg, tar):
                program = target / Path(member.name).name
                content = tar.extractfile(member)
                assert content is not None
                with whole(program, mode=0o755) as file:
                    shutil.copyfileobj(content, file)


def explained(image: NestedImage, said: str, before: str = "") -> ImageError:
    """What a failed build says, with the next step that fits."""
    said = " ".join(said.split())
    what = f"Building {image.tag} on your Docker stopped: {said.rstrip('.')}."
    if before and "returned a non-zero code" in said:
        what = f"{what[:-1]} ({before})."
    step = next_step(said) or "fix that, then run the same command again."
    if any(word in said.lower() for word in OUT_OF_REACH):
        step = (
            f"is Docker Hub out of reach? {variables.BASE_IMAGE} names another Debian ({image.suite}) to "
            "start from, a mirror's or one of your own."
        )
    return ImageError(what, next_step=step)


OUT_OF_REACH = ("pull access denied", "dial tcp", "no such host", "manifest unknown")
