"""The course on four engines, and with no network: every task of every source notebook, run as a lab does.

Debian 12's 20.10 is the host's kind; the sandbox's are 26.1 and 28.5, the latter also with containerd's image
store, which a fresh Engine 29 has. Engine 29 itself is untested: none of the Debian releases that the engine
images are made of has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from grader.cli.engine_options import open_chosen
from grader.course import Chapter, Course
from grader.engine.base import Engine
from grader.engine.build import docker_archive
from grader.engine.build.engine_image import ensure_image
from grader.engine.choose import open_engine
from grader.engine.host import HostEngine
from grader.engine.inside.daemon import CONTAINERD_STORE
from grader.engine.sandbox import Sandbox
from grader.expect.check import NEEDS_PRIVATE
from grader.lab.jupyter import _environment
from grader.notebook.configure import ConfigurationRefused
from tests.course.outcomes import CHAPTER_S, ROOT, Told, run_beside, unexpected_errors
from tests.engine.backends import machine
from tests.engine.dockerd import Dockerd

pytestmark = pytest.mark.timeout(1500)  # the first one of an engine may have to build its image

COURSE = Course.read(ROOT / "course")
QUICK: dict[str, str] = {"20.10": "ch01-overview"}
"""What each run does; the other chapters and engines come with ``--long``."""


@dataclass(frozen=True)
class Place:
    """An engine, what brings a command beside it, and what a lab's PATH begins with there."""

    engine: Engine
    beside: Sequence[str]
    path: str = ""
    pull: Sequence[str] = ()
    """Images that the engine does not start with."""

    def run(self, chapter: Chapter, workspace: Path) -> Told:
        """A chapter in a new workspace, in the environment that a lab gives to its notebooks."""
        self.engine.reset()
        for name in self.pull:
            repository, _, tag = name.partition(":")
            self.engine.client().images.pull(repository, tag)
        environment = _environment(self.engine, workspace)
        environment["PATH"] = self.path + environment["PATH"]
        return run_beside(self.beside, environment, chapter, workspace)


def chapters(engine: str) -> list[ParameterSet]:
    """The written chapters as parameters; slow but for the quick one."""
    return [
        pytest.param(one, id=one.id, marks=() if one.id == QUICK.get(engine) else pytest.mark.slow)
        for one in COURSE.written
    ]


@pytest.fixture(scope="module")
def debian(engine_image: None) -> Iterator[Place]:
    """Debian 12's engine with Debian's own `docker`, the course's images loaded; the hub for an internet."""
    image = ensure_image()
    with (
        tempfile.TemporaryDirectory(prefix="dkb-") as folder,
        Dockerd(Path(folder), hub=image) as running,
        HostEngine(f"unix://{running.socket}").start() as engine,
    ):
        docker_archive.load(engine, image, docker_archive.names(), keep_hub=True)
        yield Place(engine, running.network_prefix(), f"/usr/bin{os.pathsep}")


@pytest.fixture(scope="module")
def stable(engine_image: None) -> Iterator[Place]:
    with open_engine("sandbox") as engine:
        yield Place(engine, engine.network_prefix())


@pytest.fixture(scope="module")
def newest() -> Iterator[Place]:
    ensure_image("forky")
    with open_engine("sandbox", suite="forky") as engine:
        yield Place(engine, engine.network_prefix())


@pytest.fixture(scope="module")
def containerd_store() -> Iterator[Place]:
    image = ensure_image("forky")
    with Sandbox(image, preload=False, daemon=CONTAINERD_STORE).start() as engine:
        yield Place(engine, engine.network_prefix(), pull=docker_archive.names())


def assert_all_pass(chapter: Chapter, told: Told) -> None:
    assert told.outcomes == {task.id: ["passed", ""] for task in chapter.tasks}
    assert unexpected_errors(chapter, told) == {}


@pytest.mark.root
@pytest.mark.parametrize("chapter", chapters("20.10"))
def test_on_debians_own_20_10(debian: Place, chapter: Chapter, tmp_path: Path) -> None:
    """All pass but what needs the engine's configuration: that is not reached, and says what would do."""
    version = debian.engine.client().version()["Version"]
    assert version.startswith("20.10."), version
    told = debian.run(chapter, tmp_path)
    assert told.outcomes == {
        task.id: ["not_reached", NEEDS_PRIVATE] if task.private else ["passed", ""] for task in chapter.tasks
    }
    cells = {cell.id: cell.source for cell in chapter.source.cells}
    for name, error in unexpected_errors(chapter, told).items():
        # Only what would change the configuration, and the checks that were not reached.
        refused = "configure(" in cells[name] and error.startswith(ConfigurationRefused.__name__)
        assert refused or ("private=True" in cells[name] and NEEDS_PRIVATE in error), f"{name}: {error}"


@pytest.mark.parametrize("chapter", chapters("26.1"))
def test_on_the_sandboxs_26_1(stable: Place, chapter: Chapter, tmp_path: Path) -> None:
    version = stable.engine.client().version()["Version"]
    assert version.startswith("26.1."), version
    assert_all_pass(chapter, stable.run(chapter, tmp_path))


@pytest.mark.parametrize("chapter", chapters("28.5"))
def test_on_the_sandboxs_28_5(newest: Place, chapter: Chapter, tmp_path: Path) -> None:
    version = newest.engine.client().version()["Version"]
    assert version.startswith("28.5."), version
    assert_all_pass(chapter, newest.run(chapter, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("chapter", COURSE.written, ids=lambda chapter: chapter.id)
def test_on_28_5_with_containerds_image_store(
    containerd_store: Place, chapter: Chapter, tmp_path: Path
) -> None:
    info = containerd_store.engine.client().info()
    assert info["Driver"] == "overlayfs", info["Driver"]
    assert info["ServerVersion"].startswith("28.5."), info["ServerVersion"]
    assert_all_pass(chapter, containerd_store.run(chapter, tmp_path))


# With no network


NO_NETWORK = 'ip link set lo up && exec "$@"'


def offline(*command: str, timeout_s: float = CHAPTER_S) -> subprocess.CompletedProcess[str]:
    """Run a command in a network namespace of its own that has the loopback device and nothing else."""
    assert os.geteuid() == 0, "A network namespace for a whole lab takes root. Next: run this test as root."
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", NO_NETWORK, "sh", *command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.root
def test_offline_is_offline() -> None:
    """No device but lo, no route anywhere, not even to a name server."""
    devices = json.loads(offline("ip", "-json", "link").stdout)
    assert [one["ifname"] for one in devices] == ["lo"]
    for address in ("192.0.2.1", "1.1.1.1", "2001:db8::1"):
        asked = offline("ip", "route", "get", address)
        assert asked.returncode != 0 and "unreachable" in asked.stderr, asked
    connect = "import socket; socket.create_connection(('192.0.2.1', 443), 5)"
    tried = offline(sys.executable, "-c", connect)
    assert "Network is unreachable" in tried.stderr


OFFLINE_LAB = """\
import sys
from pathlib import Path
from dataclasses import asdict
import json
from grader.engine.choose import open_engine
from tests.course.test_engines import COURSE, Place
result, chapter, backend = Path(sys.argv[1]), COURSE.chapter(sys.argv[2]), sys.argv[3]
with open_engine(backend) as engine, engine.forward(print):
    result.write_text(json.dumps(asdict(Place(engine, engine.network_prefix()).run(chapter, result.parent))))
"""


@pytest.mark.root
@pytest.mark.parametrize("chapter", chapters("offline"))
def test_with_no_network_at_all(chapter: Chapter, engine_image: None, tmp_path: Path) -> None:
    """The engine is started there too, and JupyterLab's side of it: all there is, is in there."""
    result = tmp_path / "told.json"
    ended = offline(sys.executable, "-c", OFFLINE_LAB, str(result), chapter.id, "sandbox")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_all_pass(chapter, Told(**json.loads(result.read_text())))


@pytest.fixture(scope="module")
def docker_of_theirs() -> Iterator[None]:
    """A Docker that the user has, with the nested engine's image."""
    with machine("nested") as found, pytest.MonkeyPatch.context() as patch:
        patch.delenv("DOCKER_HOST", raising=False)
        for name, value in found.environment.items():
            patch.setenv(name, value)
        open_chosen("nested")[0].close()
        yield


@pytest.mark.root
@pytest.mark.parametrize("chapter", chapters("nested"))
def test_on_a_docker_that_the_user_has(
    docker_of_theirs: None, chapter: Chapter, engine_image: None, tmp_path: Path
) -> None:
    """The notebook's kernel runs beside the engine; what containers publish is forwarded to its loopback.

    In a network namespace of its own, where nobody else has the ports that the chapters publish.
    """
    result = tmp_path / "told.json"
    ended = offline(sys.executable, "-c", OFFLINE_LAB, str(result), chapter.id, "nested")
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stdout + ended.stderr
    assert_all_pass(chapter, Told(**json.loads(result.read_text())))
