"""The record of what a student's own Docker held, on its way from a lab to its kernels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.lab import jupyter
from grader.notebook import baseline
from grader.notebook.baseline import Before, Keeper, noted

HELD = Before("E1", frozenset({"c1"}), frozenset({"n1"}), frozenset({"data "}), frozenset({"busybox:latest"}))


class Api:
    timeout = 5
    base_url = "http+docker://localhost"

    def __init__(self, name: str = "laptop", engine: str = "E1") -> None:
        self.about = {"Name": name, "ID": engine}
        self.boxes = [{"Id": "c1"}]

    def info(self) -> dict[str, str]:
        return self.about

    def containers(self, *, all: bool) -> list[dict[str, str]]:  # noqa: A002 - docker-py calls it so
        assert all
        return self.boxes

    def networks(self) -> list[dict[str, str]]:
        return [{"Id": "n1"}]

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": "data"}]}

    def images(self) -> list[dict[str, Any]]:
        return [{"RepoTags": ["busybox:latest"]}, {"RepoTags": None}]


def client(**about: str) -> Any:
    return SimpleNamespace(api=Api(**about))


@pytest.fixture(autouse=True)
def no_engine_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.engine.running_engines.running", list)


def test_it_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    assert Before.look(client()) == HELD
    HELD.save(path)
    assert Before.load(path) == HELD
    for damaged in ("", "[]", '{"engine": "E1"}', '{"engine": 1, "containers": 3}'):
        path.write_text(damaged)
        assert Before.load(path) is None
    assert Before.load(tmp_path / "none") is None


def test_a_private_engine_has_nothing_of_the_students(monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(client(name=baseline.PRIVATE_NAME), {}) is None
    ours = SimpleNamespace(docker_host="unix:///x", backend="nested")
    monkeypatch.setattr("grader.engine.running_engines.running", lambda: [ours])
    assert noted(client(), {"DOCKER_HOST": "unix:///x"}) is None
    assert noted(client(), {"DOCKER_HOST": "unix:///y"}) == HELD


def test_the_labs_record_counts_for_its_own_engine_only(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    earlier = Before("E1", frozenset(), frozenset(), frozenset(), frozenset())
    earlier.save(path)
    assert noted(client(), {"DOCKBOOK_BEFORE": str(path)}) == earlier
    other = noted(client(engine="E2"), {"DOCKBOOK_BEFORE": str(path)})
    assert other is not None
    assert other.containers == {"c1"}


def test_it_is_noted_once() -> None:
    keeper, engine = Keeper({"DOCKER_HOST": "unix:///x"}), client()
    first = keeper.of(engine)
    engine.api.boxes.append({"Id": "c2"})
    assert keeper.of(engine) is first


@pytest.mark.parametrize("private", [False, True])
def test_a_lab_notes_it_on_ones_own_docker_only(tmp_path: Path, private: bool) -> None:
    docker = SimpleNamespace(api=Api(), close=lambda: None)
    engine: Any = SimpleNamespace(
        private=private, env=lambda: {"DOCKER_HOST": "unix:///x"}, client=lambda: docker
    )
    environment = jupyter._environment(engine, tmp_path)
    assert environment["DOCKER_HOST"] == "unix:///x"
    if private:
        assert "DOCKBOOK_BEFORE" not in environment
    else:
        assert Before.load(Path(environment["DOCKBOOK_BEFORE"])) == HELD
