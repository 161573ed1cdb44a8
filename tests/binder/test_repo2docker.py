"""What Binder does with this repository: repo2docker finds ``binder/Dockerfile``, builds and starts it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.binder.sessions import LAB, LIMITS, TOKEN, Session, build, seconds_until_ready
from tests.engine.dockerd import Dockerd

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]
IMAGE = "dockbook-test-repo2docker"
REPO2DOCKER = Path(sys.executable).with_name("jupyter-repo2docker")


@pytest.fixture(scope="module")
def built(client: DockerClient, dockerd: Dockerd, tree: Path, base: str) -> str:
    """The image that repo2docker makes of a clone, as mybinder.org asks for it."""
    started = time.monotonic()
    build(
        *(dockerd, tree, base),
        [
            *(REPO2DOCKER, "--no-run", "--user-id=1000", "--user-name=jovyan", f"--image-name={IMAGE}"),
            "--DockerEngine.extra_buildx_build_args=--network=host",
        ],
    )
    print(f"\nrepo2docker was done in {time.monotonic() - started:.0f} s (what had not changed was there)")
    return IMAGE


@pytest.fixture(scope="module")
def session(client: DockerClient, built: str) -> Iterator[Session]:
    container = client.containers.create(built, list(LAB), **LIMITS)
    try:
        started = time.time()
        container.start()
        yield Session(container, seconds_until_ready(container, started))
    finally:
        print(container.logs().decode(errors="replace")[-4000:])
        container.remove(force=True)


def test_the_image_is_what_binder_wants(client: DockerClient, built: str) -> None:
    config = client.images.get(built).attrs["Config"]
    assert config["User"] == "1000"
    assert "8888/tcp" in config["ExposedPorts"]
    assert config["Labels"]["repo2docker.repo"], "repo2docker made it"


def test_its_session_has_jupyterlab_and_a_docker_engine(session: Session) -> None:
    print(f"\nseconds from the container's start: {session.times}")
    assert "ch07-questions" in session.page("/api/contents/")
    assert session.run("docker", "run", "--rm", "busybox", "echo", "hi") == "hi\n"
    assert TOKEN not in session.container.logs().decode()
