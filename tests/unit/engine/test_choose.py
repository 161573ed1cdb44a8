"""Which backend is chosen, and the line that says why."""

from __future__ import annotations

import pytest

from grader.engine import nested, sandbox
from grader.engine.choose import choose
from grader.engine.image import qemu
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
    for backend in ("sandbox", "nested", "vm", "host"):
        assert str(choose(backend)) == f"Engine: {backend} (asked for)"
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
