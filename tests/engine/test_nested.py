"""The nested backend's image and the Docker that it is on; what all do is in ``test_backends.py``."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from grader import variables
from grader.engine import nested, sandbox
from grader.engine.build import nested_image as nested_build
from grader.engine.choose import choose, open_engine
from grader.engine.doctor.examine import examine
from grader.engine.image import nested_image
from grader.engine.image.engine_image import find_image
from grader.errors import EngineDied, EngineUnavailable, ImageError
from tests.engine.backends import BASE, Machine
from tests.engine.typed import eventually
from tests.shared_tree import shared_python, shared_tree
from tests.users import ordinary_user

pytestmark = [
    pytest.mark.root,
    pytest.mark.timeout(900),
    pytest.mark.parametrize("place", ["nested"], indirect=True, scope="module"),
]


@pytest.fixture
def theirs(place: Machine) -> Iterator[DockerClient]:
    with contextlib.closing(nested_image.location(nested.find_docker()).client()) as client:
        yield client


def test_the_image_knows_its_recipe_and_the_courses_images(place: Machine, theirs: DockerClient) -> None:
    image = nested_image.find_image(nested.find_docker())
    assert image.base == BASE
    assert theirs.images.get(image.tag).labels[nested_image.KEY_LABEL] == image.key
    found = {one.name: one.size for one in image.course_images()}
    assert {"busybox:latest", "debian:trixie", "training/webapp:latest", "motd:latest"} <= set(found)
    assert found["training/webapp:latest"] > found["debian:trixie"] > 10_000_000


def test_of_a_stale_image_only_the_own_go(place: Machine, theirs: DockerClient) -> None:
    """A changed base is another recipe: not there, built anew, and the old one removed then."""
    image = nested_image.find_image(nested.find_docker())
    ours, other = f"{nested_image.REPOSITORY}:trixie-000000000000", "theirs:latest"
    for tag, labels in ((ours, {nested_image.KEY_LABEL: "000000000000"}), (other, {})):
        theirs.images.build(fileobj=io.BytesIO(f"FROM {BASE}\n".encode()), tag=tag, labels=labels)
    nested_build._remove_old(theirs, image)
    with pytest.raises(ImageNotFound):
        theirs.images.get(ours)
    assert image.tag in theirs.images.get(image.tag).tags
    theirs.images.remove(other)


def test_another_base_is_another_image(place: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variables.BASE_IMAGE, "debian:another")
    with pytest.raises(ImageError, match=r"has no dockbook-engine:trixie-.* --backend nested .* builds it"):
        nested_image.find_image(nested.find_docker())


def test_a_base_that_is_nowhere(place: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has no way to a registry, as behind a school's firewall."""
    monkeypatch.setenv(variables.BASE_IMAGE, "registry.invalid/debian:trixie")
    before = place.holds()
    with pytest.raises(ImageError, match=r"registry\.invalid.*DOCKBOOK_BASE_IMAGE names another Debian"):
        nested_build.ensure_image(nested.find_docker())
    assert place.holds() == before


def test_a_container_that_is_killed_is_noticed(place: Machine, theirs: DockerClient) -> None:
    """By somebody who tidies their Docker, say."""
    with open_engine("nested") as engine:
        assert isinstance(engine, nested.Nested)
        theirs.containers.get(f"dockbook-{engine.id}").kill()
        assert eventually(lambda: not engine.alive())
        with pytest.raises(EngineDied):
            engine.reset()
    assert not engine.runtime.exists()


@pytest.mark.slow
def test_on_a_docker_without_root(
    place: Machine, theirs: DockerClient, engine_image: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its containers may be privileged, in its user namespace; it has no control groups to give."""
    there = nested_image.find_image(nested.find_docker())
    with sandbox.Sandbox(find_image(), plugin=False, preload=False, disk_bytes=8 << 30).start() as rootless:
        with contextlib.closing(rootless.client(timeout=300)) as client:
            client.api.load_image(theirs.images.get(there.tag).save(named=True))
        monkeypatch.setenv("DOCKER_HOST", rootless.docker_host)
        with open_engine("nested") as engine:
            assert "privileged" in engine.detail
            client = engine.client()
            assert client.info()["CgroupDriver"] == "none"
            assert client.containers.run("busybox", ["echo", "hi"], remove=True) == b"hi\n"
            # What a layer removed from the one below it is not there: its marks are.
            listed = client.containers.run("training/webapp", ["ls", "/var/lib/apt/lists"], remove=True)
            assert listed == b""
        assert rootless.client().containers.list(all=True) == []


def test_without_namespaces_it_is_chosen(place: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: "no ids")
    assert str(choose()) == "Engine: nested (no sandbox here: no ids; your Docker answers)"


def test_the_doctor_sees_it(place: Machine) -> None:
    found = {item.name: item for item in examine().items}
    assert found["nested"].status == "ok"
    assert "20.10" in found["engine"].text


def test_a_docker_that_lets_nobody_in(place: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    address = nested.find_docker()
    user = ordinary_user()
    Path(address.removeprefix("unix://")).parent.chmod(0o755)
    script = "from grader.engine import nested; print(nested.probe())"
    run = user.run([shared_python(), "-c", script], env={"PYTHONPATH": shared_tree(), "DOCKER_HOST": address})
    assert run.stdout == f"The Docker Engine at {address} does not let you in.\n", run.stderr


def test_a_docker_that_has_gone(place: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its image was found."""
    image = nested_image.find_image(nested.find_docker())
    with pytest.raises(EngineUnavailable, match=r"did not start the engine's container.*No such file"):
        nested.Nested(replace(image, docker_host=f"unix://{tmp_path}/gone.sock")).start()
