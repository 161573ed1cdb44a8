"""The backends of a private engine that ``test_backends.py`` runs on: one entry each, in ``BACKENDS``.

``machine(backend)`` makes what a backend needs of the machine, or fails: nothing is skipped.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker import DockerClient

from grader import paths, variables
from grader.engine.base import BackendName
from grader.files import locked
from tests.engine.dockerd import Dockerd

BACKENDS: tuple[BackendName, ...] = ("sandbox", "nested", "vm")
BASE = "dockbook-test-base:trixie"
"""What stands in for Docker Hub's Debian, which a test does not ask for."""


@dataclass(frozen=True)
class Machine:
    """What a backend finds. ``patience``: how many times slower than a sandbox's its containers may be.

    ``environment``: variables for every process that opens such an engine. ``holds``: what the machine
    keeps that is not seen in its processes, mounts and files, as lines; an engine leaves these as they were.
    """

    backend: BackendName
    patience: float = 1
    environment: dict[str, str] = field(default_factory=dict)
    holds: Callable[[], set[str]] = set


@contextmanager
def machine(backend: BackendName) -> Iterator[Machine]:
    """A machine that the backend works on, as long as it lasts."""
    with ExitStack() as stack:
        if backend == "nested":
            yield stack.enter_context(_with_docker())
        else:
            yield Machine(backend, patience=10 if backend == "vm" else 1)


@contextmanager
def _with_docker() -> Iterator[Machine]:
    """Debian's dockerd, found by a context of the docker command; its images stay in the cache."""
    cache = paths.cache_folder() / "tests-nested"
    cache.mkdir(exist_ok=True)
    with (
        locked(cache / "lock", wait_s=math.inf),
        tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder,
        Dockerd(Path(folder), kept=cache / "docker") as dockerd,
    ):
        client = dockerd.client()
        with client.api:
            _import_base(client, Path(folder))
            for old in client.containers.list(all=True):  # of a run that was killed
                old.remove(force=True, v=True)
            client.containers.run(
                BASE, ["sleep", "infinity"], name="theirs", detach=True, network_mode="none"
            )
            found = Machine(
                "nested",
                patience=3,
                environment={
                    "DOCKER_CONFIG": str(write_context(Path(folder), f"unix://{dockerd.socket}")),
                    variables.BASE_IMAGE: BASE,
                    variables.BUILD_NETWORK: "host",
                },
                holds=lambda: everything(client),
            )
            yield found


def write_context(folder: Path, docker_host: str, name: str = "theirs") -> Path:
    """A DOCKER_CONFIG whose current context leads to this address."""
    config = folder / "docker-config"
    meta = config / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (config / "config.json").write_text(json.dumps({"currentContext": name}))
    endpoints = {"docker": {"Host": docker_host}}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))
    return config


def _import_base(client: DockerClient, folder: Path) -> None:
    try:
        client.images.get(BASE)
    except docker.errors.ImageNotFound:
        archive = folder / "base.tar"
        make = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", "--skip=output/dev"]
        subprocess.run([*make, "trixie", str(archive)], check=True, capture_output=True)
        repository, tag = BASE.split(":")
        with archive.open("rb") as data:
            client.api.import_image_from_data(data, repository=repository, tag=tag)


def everything(client: DockerClient) -> set[str]:
    """What a Docker holds, as lines.

    The low-level lists: `containers.list` and `images.list` inspect one by one what was listed and raise
    when a thing went in between, as things do while the end of an engine is awaited.
    """
    api = client.api
    return {
        *(f"container {one['Id']} {one['State']}" for one in api.containers(all=True)),
        *(f"network {one['Id']}" for one in api.networks()),
        *(f"volume {one['Name']}" for one in api.volumes()["Volumes"] or []),
        *(f"image {tag} {one['Id']}" for one in api.images() for tag in one["RepoTags"] or ["<none>"]),
    }
