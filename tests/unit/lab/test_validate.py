"""Validate in a student's JupyterLab: the server side is ours, the answers are nbgrader's."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.lab.jupyter import Server, serve

pytestmark = pytest.mark.timeout(240)
GRADED = {
    "nbgrader": {
        "schema_version": 3,
        "grade": True,
        "solution": False,
        "locked": True,
        "task": False,
        "grade_id": "test-sum",
        "points": 1,
    }
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("ws")
    for name, cell in (("good", "assert 1 + 1 == 2"), ("bad", "assert 1 + 1 == 3")):
        cells = [new_code_cell(cell, id="cell", metadata=GRADED)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(metadata=kernel, cells=cells), place / f"{name}.ipynb")
    (place.parent / "outside.ipynb").write_text("{}")
    with serve(place, os.environ) as server:
        yield server


def ask(server: Server, path: str, data: dict[str, str] | None = None, token: str | None = None) -> Any:
    """The answer's JSON. Raises urllib's HTTPError."""
    headers = {"Authorization": f"token {server.token if token is None else token}"}
    body = urllib.parse.urlencode(data).encode() if data else None
    request = urllib.request.Request(f"{server.url}{path}", body, headers)
    return json.loads(urllib.request.urlopen(request, timeout=120).read())


def test_until_it_is_pressed_nbgrader_is_not_imported(server: Server) -> None:
    mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "sqlalchemy" not in mapped  # a compiled part of what nbgrader needs
    assert ask(server, f"nbgrader_version?version={version('nbgrader')}") == {"success": True}
    refused = ask(server, "nbgrader_version?version=0.1")
    assert not refused["success"] and "reload the page" in refused["message"]
    assert "sqlalchemy" not in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_it_says_which_cells_fail(server: Server) -> None:
    assert ask(server, "assignments/validate", {"path": "good.ipynb"}) == {"success": True, "value": {}}
    found = ask(server, "assignments/validate", {"path": "bad.ipynb"})
    assert found["success"]
    assert found["value"]["failed"][0]["source"].strip() == "assert 1 + 1 == 3"
    assert "sqlalchemy" in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_what_is_no_notebook_of_the_workspace_is_refused(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(server, "assignments/validate", {"path": "../outside.ipynb"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(server, "assignments/validate", {"path": "good.ipynb"}, token="wrong")
    assert not ask(server, "assignments/validate", {"path": "missing.ipynb"})["success"]
