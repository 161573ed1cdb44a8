"""environment.yml and the wheel: what an installation without the start script gets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pip_part() -> list[str]:
    """What environment.yml hands to pip."""
    text = (ROOT / "environment.yml").read_text()
    part = text.split("- pip:\n", 1)[1]
    return re.findall(r"^\s+- (\S+)$", part, flags=re.MULTILINE)


def test_the_environment_is_python_pip_and_the_project():
    text = (ROOT / "environment.yml").read_text()
    assert re.search(r"^  - python>=3\.11$", text, flags=re.MULTILINE)
    assert re.search(r"^  - pip$", text, flags=re.MULTILINE)
    assert pip_part() == ["."]


_LAB = """
import json, os, sys, urllib.request
from pathlib import Path
from grader.lab.jupyter import serve
with serve(Path(sys.argv[1]), os.environ) as server:
    page = urllib.request.urlopen(server.address).read().decode()
    listed = '"dockbook"' in page.split('"federated_extensions"')[1].split("]")[0]
    entry = f"{server.url}lab/extensions/dockbook/static/remoteEntry.js?token={server.token}"
    print(json.dumps({"listed": listed, "served": urllib.request.urlopen(entry).status}))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_pip_part_installs_into_a_plain_environment(tmp_path):
    """Nothing of this clone is used afterwards: the course comes from the package."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env/bin/python"
    # As conda does: from the folder that the file is in.
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pip_part()]
    subprocess.run(install, cwd=ROOT, check=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DOCKBOOK"))}

    def run(*argv: str | Path) -> str:
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        return done.stdout

    from grader import __version__
    from grader.course import Course

    assert run(tmp_path / "env/bin/dockbook", "--version") == f"dockbook, version {__version__}\n"
    code = "from grader.course import Course; c = Course.find(); print(c.root, *(x.id for x in c.written))"
    where, *chapters = run(python, "-c", code).split()
    assert Path(where).is_relative_to(tmp_path / "env")
    assert chapters == [chapter.id for chapter in Course.find(ROOT / "course").written]
    shipped = {str(path.relative_to(where)) for path in Path(where).rglob("*") if path.is_file()}
    assert "nbgrader_config.py" in shipped
    assert not [name for name in shipped if name.split("/")[0] in ("release", "submitted", "autograded")]
    assert not [name for name in shipped if "gradebook" in name]
    # JupyterLab there loads the start page and the panel.
    (tmp_path / "ws").mkdir()
    said = run(python, "-c", _LAB, str(tmp_path / "ws"))
    assert json.loads(said) == {"listed": True, "served": 200}
