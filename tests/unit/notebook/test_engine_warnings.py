"""What an engine warns of is read in docker-py, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from docker.api.client import APIClient

from grader.notebook.engine_warnings import show_engine_warnings

DISCARDED = "Your kernel does not support memory limit capabilities. Limitation discarded."


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What an engine says when a container is made."""
    said: dict[str, Any] = {"Id": "1a2b", "Warnings": []}

    def create(_: APIClient, config: Mapping[str, object], name: str | None = None) -> dict[str, Any]:
        assert config == {"Image": "busybox"}
        return said | {"Name": name}

    monkeypatch.setattr(APIClient, "create_container_from_config", create)
    show_engine_warnings()
    show_engine_warnings()
    return said


@pytest.mark.parametrize(
    ("warnings", "expected"), [([DISCARDED], f"WARNING: {DISCARDED}\n"), ([], ""), (None, "")]
)
def test_a_warning_is_shown_once(
    answer: dict[str, Any], capsys: pytest.CaptureFixture[str], warnings: list[str] | None, expected: str
) -> None:
    answer["Warnings"] = warnings
    client = APIClient(base_url="unix:///nowhere.sock", version="1.41")
    made = client.create_container_from_config({"Image": "busybox"}, name="mine")
    assert (made["Id"], made["Name"]) == ("1a2b", "mine")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", expected)
