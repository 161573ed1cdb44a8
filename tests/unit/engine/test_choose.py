"""Which backend is chosen, and the line that says why."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from grader.engine import nested, sandbox
from grader.engine.base import BACKENDS
from grader.engine.choose import backend, choose, open_engine
from grader.engine.image import engine_image, qemu, vm_image
from grader.errors import EngineUnavailable, UsageError


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Why each backend does not work here; None: it does."""
    found: dict[str, str | None] = {"sandbox": None, "nested": None, "vm": None}
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(sandbox, "probe", lambda: found["sandbox"])
    monkeypatch.setattr(nested, "probe", lambda: found["nested"])
    monkeypatch.setattr(qemu, "probe", lambda: found["vm"])
    return found


def test_what_is_asked_for_is_taken(works: dict[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    for name in ("sandbox", "nested", "vm", "host"):
        assert str(choose(name)) == f"Engine: {name} (asked for)"
    with pytest.raises(UsageError, match=r"no backend named 'cloud'.*one of: auto, sandbox"):
        choose("cloud")


def test_docker_host_means_that_one(works: dict[str, str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    assert str(choose()) == "Engine: host (DOCKER_HOST is unix:///x)"


def test_a_sandbox_before_the_users_docker(works: dict[str, str | None]) -> None:
    assert choose().name == "sandbox"
    works["sandbox"] = "no ids"
    assert str(choose()) == "Engine: nested (no sandbox here: no ids; your Docker answers)"
    works["nested"] = "There is no Docker"
    assert str(choose()) == "Engine: vm (no sandbox here: no ids; a virtual machine)"


def test_where_nothing_works_every_reason_is_named(works: dict[str, str | None]) -> None:
    works |= {"sandbox": "no ids", "nested": "There is no Docker", "vm": "qemu-utils is not installed"}
    said = r"sandbox: no ids; nested: There is no Docker; vm: qemu-utils is not installed.*dockbook doctor"
    with pytest.raises(EngineUnavailable, match=said):
        choose()


@pytest.mark.parametrize(("name", "place"), [("sandbox", "sandbox.Sandbox"), ("vm", "vm.VM")])
def test_what_bounds_a_students_engine_reaches_each_backend_that_grades(
    name: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option that a backend dropped would be a limit that does not hold, without a word."""
    given: dict[str, object] = {}

    def backends_engine(_image: object, **options: object) -> SimpleNamespace:
        return SimpleNamespace(start=lambda: given.update(options))

    monkeypatch.setattr(f"grader.engine.{place}", backends_engine)
    monkeypatch.setattr(engine_image, "find_image", lambda _suite: None)
    monkeypatch.setattr(vm_image, "find", lambda _image, _accelerator: None)
    monkeypatch.setattr(qemu, "accelerator", lambda: "tcg")
    assert backend(name).grades
    open_engine(name, plugin=False, disk_bytes=1, memory_bytes=2, processes=3, label="x")
    wanted = {"plugin": False, "disk_bytes": 1, "memory_bytes": 2, "processes": 3, "label": "x"}
    assert {option: given.get(option) for option in wanted} == wanted


def test_every_backend_has_a_line_for_students_and_two_grade() -> None:
    assert all(backend(name).name == name and backend(name).about.endswith(".") for name in BACKENDS)
    assert {name for name in BACKENDS if backend(name).grades} == {"sandbox", "vm"}
