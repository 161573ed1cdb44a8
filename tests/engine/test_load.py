"""The course's images on the user's own Docker: brought when asked for, and nothing of theirs replaced."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from grader.cli import main
from grader.engine.build import docker_archive
from grader.engine.build.engine_image import ensure_image
from grader.engine.host import HostEngine
from grader.engine.image.engine_image import EngineImage
from tests.engine.dockerd import Dockerd

NAMES = [
    "busybox:latest",
    "debian:trixie",
    "debian:latest",
    "hello-world:latest",
    "httpd:latest",
    "training/webapp:latest",
]


@pytest.fixture(scope="module")
def image(engine_image: None) -> EngineImage:
    return ensure_image()


@pytest.fixture(scope="module")
def dockerd() -> Iterator[Dockerd]:
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder, Dockerd(Path(folder)) as running:
        yield running


@pytest.fixture
def own(dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """The user's engine with nothing on it, found as the docker command finds it."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{dockerd.socket}")
    client = dockerd.client()
    yield client
    for box in client.containers.list(all=True):
        box.remove(force=True)
    for one in client.images.list():
        client.images.remove(str(one.id), force=True)
    client.close()


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the command said of each image."""
    rows = [line.partition("  ") for line in capsys.readouterr().out.splitlines()]
    return {name: words.strip() for name, _, words in rows if name in NAMES}


def test_the_names_are_those_of_a_private_engine() -> None:
    assert docker_archive.names() == NAMES


def test_the_archive_is_whole(image: EngineImage, tmp_path: Path) -> None:
    """Each layer is what the image's configuration says it is, and written once however many share it."""
    images = {
        name: docker_archive._read(image, name, docker_archive.debians_sources(image)) for name in NAMES
    }
    docker_archive.write_archive(tmp_path / "a.tar", images)
    with tarfile.open(tmp_path / "a.tar") as archive:
        members = archive.getnames()
        assert len(set(members)) == len(members)

        def read(name: str) -> bytes:
            handle = archive.extractfile(name)
            assert handle is not None
            return handle.read()

        entries = json.loads(read("manifest.json"))
        assert [entry["RepoTags"] for entry in entries] == [[name] for name in NAMES]
        for entry in entries:
            config = json.loads(read(entry["Config"]))
            assert len(config["rootfs"]["diff_ids"]) == len(entry["Layers"])
            for diff_id, layer in zip(config["rootfs"]["diff_ids"], entry["Layers"], strict=True):
                content = read(layer)
                plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
                assert diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()


@pytest.mark.root
def test_they_come_when_asked_for_and_once(
    own: docker.DockerClient, image: EngineImage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engine", "load"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Your Docker Engine at unix://")
    # It says what it will do before it does it.
    assert said.index("busybox:latest  ") < said.index("Loading busybox:latest, debian:trixie, ")
    assert sorted(tag for one in own.images.list() for tag in one.tags) == sorted(NAMES)
    assert own.images.get("debian:trixie").id == own.images.get("debian:latest").id
    assert b"Hello from Docker!" in own.containers.run("hello-world", remove=True)
    assert own.containers.run("training/webapp", ["python", "-c", "print(6 * 7)"], remove=True) == b"42\n"
    # Where there is no course hub, packages come from Debian itself.
    sources = own.containers.run("debian:trixie", ["cat", "/etc/apt/sources.list"], remove=True).decode()
    assert sources == docker_archive.debians_sources(image)
    assert all(line.startswith("deb http") and " trixie" in line for line in sources.splitlines())
    assert own.images.get("debian:trixie").attrs["Config"]["Cmd"] == ["bash"]

    assert main(["engine", "load"]) == 0
    assert set(shown(capsys).values()) == {"the course's, already there"}
    with HostEngine().start() as engine:
        assert {one.state for one in docker_archive.compare(engine, image)} == {"same"}


@pytest.mark.root
def test_a_name_that_means_another_image_stays_the_users(
    own: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("mine"))
    own.api.import_image_from_data(layer.getvalue(), repository="busybox", tag="latest")
    theirs = own.images.get("busybox").id
    assert theirs is not None
    assert main(["engine", "load"]) == 0
    short = theirs.removeprefix("sha256:")[:12]
    words = shown(capsys)
    assert words["busybox:latest"] == f"another image of yours, {short}, stays (--replace takes the course's)"
    assert words["httpd:latest"] == "not there yet"
    assert own.images.get("busybox").id == theirs
    assert own.images.get("httpd").tags == ["httpd:latest"]

    assert main(["engine", "load", "--replace"]) == 0
    assert shown(capsys)["busybox:latest"] == f"another image of yours, {short}, loses the name"
    assert own.images.get("busybox").id != theirs
    assert own.images.get(theirs).tags == [], "the user's image itself is still there"


@pytest.mark.root
def test_what_was_loaded_stays_through_a_reset(own: docker.DockerClient, image: EngineImage) -> None:
    with HostEngine().start() as engine:
        assert docker_archive.load(engine, image, ["busybox:latest", "httpd:latest"]) == [
            "busybox:latest",
            "httpd:latest",
        ]
        assert engine.pending_reset() == []
        own.images.get("busybox").tag("mine")
        engine.reset()
        assert sorted(tag for one in own.images.list() for tag in one.tags) == [
            "busybox:latest",
            "httpd:latest",
        ]
