"""The course's images are built two at a time: after an error, nothing of a build still runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.engine.build import engine_image
from grader.engine.image import hub, recipe
from grader.engine.image.engine_image import EngineImage


def test_an_error_in_one_waits_for_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = EngineImage(tmp_path / "trixie-0", "trixie", "0")
    builder = engine_image._Builder(image, lambda _fraction, _words: None)
    builder.folder.mkdir()
    monkeypatch.setattr(hub, "write_search", lambda *_: None)
    first = recipe.image_sources()[0].names
    begun, closed, ended = threading.Event(), threading.Event(), threading.Event()

    @contextmanager
    def oven() -> Iterator[SimpleNamespace]:
        try:
            yield SimpleNamespace(env=lambda: {"DOCKER_HOST": "x", "DOCKER_CONFIG": "y"})
        finally:
            closed.set()

    def build_one(source: recipe.ImageSource, *_: object) -> list[object]:
        if source.names == first:
            assert begun.wait(10)
            raise RuntimeError("it failed")
        begun.set()
        assert closed.wait(10), "its engine was still there"
        ended.set()
        return []

    monkeypatch.setattr(builder, "_oven", oven)
    monkeypatch.setattr(builder, "_build_one", build_one)
    with pytest.raises(RuntimeError, match="it failed"):
        builder._course_images()
    assert ended.is_set(), "a build still runs"
