"""The unit tests with the oldest releases that ``pyproject.toml`` allows: a bound that is too low fails here.

    python -m tests.lowest [arguments of pytest]

Makes a virtual environment of its own in a temporary folder; a minute or two for pip. The exit code is
pytest's.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][0-9.]*)")


def constraints(pyproject: str) -> list[str]:
    """For pip: each dependency at its lower bound. Raises ValueError for one that has none."""
    project = tomllib.loads(pyproject)["project"]
    found = []
    for requirement in project["dependencies"]:
        bound = _BOUND.match(requirement)
        if bound is None:
            raise ValueError(f"{requirement!r} in pyproject.toml has no lower bound")
        found.append(f"{bound[1]}=={bound[2]}")
    return found


def main(arguments: list[str]) -> int:
    """Install and test; pytest's exit code."""
    pins = constraints((ROOT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory(prefix="dkb-") as folder:
        place = Path(folder, "venv")
        venv.create(place, with_pip=True)
        python, file = str(place / "bin/python"), Path(folder, "constraints.txt")
        file.write_text("\n".join(pins) + "\n")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*install, "--constraint", str(file), "--editable", f"{ROOT}[test]"], check=True)
        print("oldest allowed:", ", ".join(pins), flush=True)
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit", *arguments]
        return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
