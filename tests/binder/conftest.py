"""One dockerd for all that is built here; a session for each module."""

from __future__ import annotations

import math
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from grader import paths
from grader.files import locked
from tests.binder.sessions import (
    BASE,
    IMAGE,
    LAB,
    LIMITS,
    Meter,
    Session,
    build,
    clone,
    import_base,
    seconds_until_ready,
    tidy,
)
from tests.engine.dockerd import Dockerd


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """Debian's dockerd, whose images stay in the cache: a second run builds what has changed."""
    cache = paths.cache_folder() / "tests-binder"
    cache.mkdir(exist_ok=True)
    with (
        locked(cache / "lock", wait_s=math.inf),
        tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder,
        Dockerd(Path(folder), kept=cache / "docker") as dockerd,
    ):
        yield dockerd


@pytest.fixture(scope="session")
def client(dockerd: Dockerd) -> Iterator[DockerClient]:
    found = DockerClient(base_url=f"unix://{dockerd.socket}", version="1.41", timeout=3000)
    with found.api:
        tidy(found)
        yield found


@pytest.fixture(scope="session")
def base(client: DockerClient) -> str:
    """A local Debian to build from."""
    import_base(client)
    return BASE


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository, as it is now."""
    above = tmp_path_factory.mktemp("clone")
    subprocess.run(["tar", "-C", above, "-x"], input=clone(), check=True)
    return above / "dockbook"


@pytest.fixture(scope="session")
def image(client: DockerClient, dockerd: Dockerd, tree: Path, base: str) -> str:
    """``binder/Dockerfile`` as any `docker build` builds it, from a local base."""
    started = time.monotonic()
    build(
        *(dockerd, tree, base),
        ["docker", "buildx", "build", "--network=host", "--file=binder/Dockerfile", f"--tag={IMAGE}"],
    )
    print(f"\nimage built in {time.monotonic() - started:.0f} s (what had not changed was there)")
    return IMAGE


@pytest.fixture(scope="module")
def session(client: DockerClient, image: str) -> Iterator[Session]:
    """One session, as Binder starts it."""
    container = client.containers.create(image, list(LAB), **LIMITS)
    try:
        started = time.time()
        container.start()
        meter = Meter(container)
        meter.start()
        yield Session(container, seconds_until_ready(container, started), meter)
    finally:
        print(container.logs().decode(errors="replace")[-4000:])
        container.remove(force=True)
