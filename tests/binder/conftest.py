"""One dockerd for all that is built here; a session for each module."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from filelock import FileLock

from grader.engine import paths
from tests.binder.sessions import BASE, IMAGE, LAB, LIMITS, ROOT, Session, build, import_base, proxies
from tests.engine.dockerd import Dockerd


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """Debian's dockerd, whose images stay in the cache: a second run builds what has changed."""
    cache = paths.cache_folder() / "tests-binder"
    cache.mkdir(exist_ok=True)
    with (
        FileLock(cache / "lock"),
        tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder,
        Dockerd(Path(folder), kept=cache / "docker") as dockerd,
    ):
        yield dockerd


@pytest.fixture(scope="session")
def client(dockerd: Dockerd) -> Iterator[DockerClient]:
    found = DockerClient(base_url=f"unix://{dockerd.socket}", version="1.41", timeout=3000)
    with found.api:
        yield found


@pytest.fixture(scope="session")
def base(client: DockerClient) -> str:
    """A local Debian to build from."""
    import_base(client)
    return BASE


@pytest.fixture(scope="session")
def image(client: DockerClient, base: str) -> str:
    """``binder/Dockerfile`` as Binder builds it, from a local base."""
    started = time.monotonic()
    build(
        client,
        path=str(ROOT),
        dockerfile="binder/Dockerfile",
        tag=IMAGE,
        buildargs={"BASE": base, "NB_USER": "jovyan", "NB_UID": "1000", **proxies()},
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
        yield Session(container, started)
    finally:
        print(container.logs().decode(errors="replace")[-4000:])
        container.remove(force=True)
