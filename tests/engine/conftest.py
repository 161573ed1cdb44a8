"""Fixtures for engines of every backend, and for what they leave: places of a test's own, a look before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker import DockerClient

from grader.cli.engine_options import open_chosen
from grader.engine.base import Engine
from tests.engine import differ
from tests.engine.asking import Course
from tests.engine.backends import BACKENDS, Machine, machine
from tests.engine.dockerd import Dockerd, import_busybox
from tests.engine.owners import PLACES
from tests.users import User, ordinary_user


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who looks at the whole machine runs alone; an engine whose image takes minutes to build is slow."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if "before" in item.fixturenames:
            item.add_marker("alone")
        backend = item.callspec.params.get("place") if hasattr(item, "callspec") else None
        if backend in ("nested", "vm"):
            item.add_marker("slow")


@pytest.fixture
def own_places(monkeypatch: pytest.MonkeyPatch, someone: User | None) -> Iterator[Path]:
    """Folders that no other engine of this machine uses; short, for the sockets' sake."""
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        for variable, name in PLACES.items():
            place = Path(folder, name)
            place.mkdir(mode=0o700)
            if someone is not None:
                os.chown(place, someone.uid, someone.gid)
            monkeypatch.setenv(variable, str(place))
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)
    tempfile.tempdir = None


@pytest.fixture
def before(engine_image: None, own_places: Path) -> Iterator[differ.Host]:
    """The machine before; all that the test starts stays under its eyes."""
    (own_places / "run/dockbook").mkdir(mode=0o700)
    os.chown(own_places / "run/dockbook", (own_places / "run").stat().st_uid, -1)
    with differ.adopting_orphans():
        yield differ.look()


@pytest.fixture
def someone(request: pytest.FixtureRequest) -> User | None:
    """Who owns the engines: whoever runs the tests; where a test asks for it, an ordinary user."""
    if getattr(request, "param", "caller") == "caller":
        return None
    user = ordinary_user()
    user.ensure_image()
    return user


@pytest.fixture(scope="module", params=BACKENDS)
def place(request: pytest.FixtureRequest, engine_image: None) -> Iterator[Machine]:
    """A machine that the backend works on; what leads to it is in this process's environment, too."""
    with machine(request.param) as found, pytest.MonkeyPatch.context() as patch:
        patch.delenv("DOCKER_HOST", raising=False)
        for name, value in found.environment.items():
            patch.setenv(name, value)
        open_chosen(found.backend)[0].close()  # its image is there from here on
        yield found


@pytest.fixture
def course(engine: Engine) -> Iterator[Course]:
    """A fresh sandbox."""
    course = Course(engine.docker_host, engine.client())
    yield course
    course.inspector.close()


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Dockerd]:
    """Debian's own engine, with busybox."""
    # A short path: a unix socket's has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder, Dockerd(Path(folder)) as running:
        import_busybox(running.client(), Path(folder))
        yield running


@pytest.fixture
def student(shared_engine: Engine) -> Iterator[DockerClient]:
    """The API as student code has it: no token."""
    client = docker.DockerClient(base_url=shared_engine.docker_host, timeout=60)
    yield client
    for box in shared_engine.client().containers.list(all=True):
        box.remove(force=True, v=True)
    client.close()
