"""``scene``: what it refuses, and that what is to be found is not what a notebook gives away."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import APIError

from grader.expect import Hidden, Outcome, StudentValues
from grader.notebook import scenes
from grader.notebook.scenes import NoScene, NoSuchScene, scenery
from tests.unit.inspectors import FakeInspector, ask, container, only_finding

STUDENTS = [f"student-{number}" for number in range(200)]


class Refuses:
    """An engine that has no room for another container."""

    containers: Any = None

    def __getattr__(self, name: str) -> Any:
        raise APIError("no space left on device")


def no_engine() -> DockerClient:
    raise AssertionError("nobody is to be asked")


@pytest.mark.parametrize(
    ("name", "step"), [("locke", "'locker'"), ("", "there are"), (None, "there are"), ("cellar", "there are")]
)
def test_a_scene_that_is_none_is_told(name: object, step: str) -> None:
    with pytest.raises(NoSuchScene) as raised:
        scenery(no_engine, "", lambda *names, **more: None)(cast("str", name))
    assert step in (raised.value.next_step or "")


def test_an_engine_that_refuses_is_told_in_its_words() -> None:
    scene = scenery(lambda: cast("DockerClient", Refuses()), "", lambda *names, **more: None)
    with pytest.raises(NoScene, match="'shelf' could not be set up: no space left on device"):
        scene("shelf")


class Workshop:
    """An engine that notes what is put into a container, and what is committed."""

    def __init__(self) -> None:
        self.containers, self.images = self, self
        self.files: dict[str, str] = {}
        self.made: list[str] = []

    def create(self, *_given: object, **_more: object) -> Workshop:
        return self

    def put_archive(self, path: str, packed: bytes) -> None:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                self.files[path + member.name] = file.read().decode() if file else ""

    def commit(self, repository: str, *, tag: str, changes: Any) -> None:
        self.made.append(f"{repository}:{tag} {changes[0]}")

    def list(self, _repository: str) -> Any:
        return []

    def get(self, _name: str) -> Workshop:
        return self

    def tag(self, repository: str, tag: str) -> None:
        self.made.append(f"{repository}:{tag}")


def test_scenes_with_images_do_without_a_builder() -> None:
    """docker-py has the legacy builder alone, and engines are about to lose that."""
    for student in STUDENTS[:9]:
        workshop = Workshop()
        scene = scenery(lambda: cast("DockerClient", workshop), student, lambda *names, **more: None)  # noqa: B023
        scene("lookout")
        assert workshop.files == {"/word": Hidden(student).word("lookout") + "\n"}
        assert workshop.made == ['sealed:latest ENTRYPOINT ["false"]']
        scene("shelf")
        committed = [made for made in workshop.made if "LABEL" in made]
        # One image more: that of `latest`.
        assert len(committed) + 1 == Hidden(student).number("shelf images", 3, 6)
        assert f"ada/shelf:1.{Hidden(student).number('shelf', 10, 99)}" in workshop.made


def test_what_is_to_be_found_is_not_what_a_notebook_gives() -> None:
    """By no call of ``mine`` that stands in the notebooks, or once did."""
    for task in scenes.IMAGES:
        same = [name for name in STUDENTS if Hidden(name).word(task) == StudentValues(name).word(task)]
        assert len(same) < 3, task
        assert not [name for name in STUDENTS if Hidden(name).port(task) == StudentValues(name).port(task)]
    assert len({Hidden(name).word("locker") for name in STUDENTS}) > 150
    assert len({Hidden(name).number("locker", 1000, 1999) for name in STUDENTS}) > 150


def test_a_container_of_ones_own_is_not_the_scenes() -> None:
    mine = container("locker", config={"Labels": Hidden("").label("locker")})
    inspector = FakeInspector(mine, container("other"))
    assert ask(inspector, lambda e: e.container("locker").is_from_scene("locker")) == Outcome.passed()
    told = only_finding(inspector, lambda e: e.container("other").is_from_scene("locker"))
    assert "another container of that name. Run the cell" in told
