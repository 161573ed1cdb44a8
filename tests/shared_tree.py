"""This tree and its environment where an ordinary user can read them.

Where root has cloned into a place of its own (``/root``), nobody else can: then both are copied to the home
of the tests' ordinary user, the environment as often as it changes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.users import User, one_at_a_time, ordinary_user

TREE = Path(__file__).resolve().parents[1]
COPIED = ("grader", "course", "tests")


@dataclass(frozen=True)
class Place:
    """A Python with this project's libraries, and the tree: what PYTHONPATH must be beside it."""

    python: str
    tree: str

    def missing(self, user: User) -> str:
        """Why the user cannot use it; empty when they can."""
        found = user.run([self.python, "-c", "import docker, grader"], env={"PYTHONPATH": self.tree})
        readable = user.run(["test", "-r", f"{self.tree}/tests/users.py"])
        if found.returncode == readable.returncode == 0:
            return ""
        return found.stderr.strip()[-300:] or f"{self.tree} cannot be read"


@cache
def shared() -> Place:
    """Where every user can start this project. Raises AssertionError."""
    user, place = ordinary_user(), Place(sys.executable, str(TREE))
    if place.missing(user):
        place = _copied(user)
    why = place.missing(user)
    assert not why, f"{place.python} cannot be used by {user.name}: {why}"
    return place


def shared_python() -> str:
    """Its Python. Raises AssertionError."""
    return shared().python


def shared_tree() -> str:
    """Its tree. Raises AssertionError."""
    return shared().tree


def _copied(user: User) -> Place:
    assert os.geteuid() == 0, f"{user.name} cannot read {TREE}. Next: see who may enter the folders above it."
    top = Path(user.home, "shared")
    top.mkdir(exist_ok=True)
    tree, environment = top / "tree", top / "environment"
    with one_at_a_time():
        shutil.rmtree(tree, ignore_errors=True)
        for name in COPIED:
            shutil.copytree(TREE / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        libraries = Path(sysconfig.get_path("purelib"))
        stamp = f"{libraries} {libraries.stat().st_mtime_ns}\n"
        with contextlib.suppress(OSError):
            if (environment / "stamp").read_text() == stamp:
                return Place(str(environment / "bin/python"), str(tree))
        shutil.rmtree(environment, ignore_errors=True)
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", "--without-pip", environment], check=True)
        (inside,) = environment.glob("lib/python*/site-packages")
        subprocess.run(["cp", "-a", "--reflink=auto", f"{libraries}/.", str(inside)], check=True)
        for link in inside.glob("_*dockbook*.pth"):  # to the tree that cannot be read
            link.unlink()
        (environment / "stamp").write_text(stamp)
    return Place(str(environment / "bin/python"), str(tree))
