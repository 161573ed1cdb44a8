"""The check of the lab's JavaScript: what it must find, its types, and what it says without its tools."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grader.lab.server import shown
from grader.lab.server.watch import WORDS
from tests.javascript import check

SHAPES = (check.SOURCE / "shapes.d.ts").read_text(encoding="utf-8")
LOCK = (check.ROOT / "requirements/lock.txt").read_text(encoding="utf-8")
BOX = {"Id": "1", "Names": ["/web"], "Image": "nginx", "State": "running", "Status": "Up 1 second"}
MADE: dict[str, dict[str, Any]] = {
    "Container": shown.containers([BOX])["rows"][0],
    "Image": shown.images([{"Id": "1", "RepoTags": ["x:y"], "Size": 1}])["rows"][0],
    "Network": shown.networks([{"Id": "1", "Name": "lab", "Driver": "bridge"}], [])["rows"][0],
    "Event": shown.event(
        {"Type": "container", "Action": "start", "Actor": {"ID": "1", "Attributes": {}}, "time": 1},
        shown.Names(),
    )
    or {},
}


def names(interface: str) -> set[str]:
    """The fields of an interface in shapes.d.ts."""
    found = re.search(rf"export interface {interface}(?:<\w+>)? {{\n(.*?)\n}}", SHAPES, re.DOTALL)
    assert found, interface
    return set(re.findall(r"^  (\w+)\??:", found[1], re.MULTILINE))


@pytest.mark.parametrize("interface", MADE)
def test_the_shapes_are_what_the_server_sends(interface: str) -> None:
    assert names(interface) == MADE[interface].keys()


def test_the_shapes_have_every_status() -> None:
    assert all(f'"{status}"' in SHAPES for status in WORDS)


@pytest.mark.parametrize(
    "line",
    ["document.body.innerHTML = 'x';", "document.write('x');", "eval('x');", "var x = 1; window.x = x;"],
)
def test_the_linter_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str], line: str) -> None:
    (tmp_path / "page.js").write_text(f"{line}\n")
    assert check.lint(tmp_path) == 1
    assert "page.js" in capfd.readouterr().out


def test_jupyterlabs_types_are_of_the_locked_release() -> None:
    packages = json.loads((check.HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert f"\njupyterlab=={packages['@jupyterlab/application']}\n" in LOCK
    lock = json.loads((check.HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert lock[""]["devDependencies"] == packages
    assert all("integrity" in one for name, one in lock.items() if name)


def test_packages_are_installed_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
        asked.append(argv[:3])
        return subprocess.CompletedProcess(argv, len(asked) == 1)

    monkeypatch.setattr(check, "run", run)
    with pytest.raises(SystemExit, match="can be reached from here"):
        check.install(tmp_path)
    check.install(tmp_path)
    check.install(tmp_path)
    assert asked == [["npm", "ci", "--ignore-scripts"]] * 2, "again after a failure, and then no more"


def test_a_missing_tool_is_a_failed_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "TOOLS", tmp_path)
    with pytest.raises(SystemExit, match=r"oxlint is missing\. Next: pip install"):
        check.lint(tmp_path)
