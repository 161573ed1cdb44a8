"""A verdict's key is everything that can change a verdict, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.engine.system.package import PACKAGE
from grader.grading.verdicts import digest_of_code, parts_of_a_verdict

JUDGES = (
    "course.py",
    "errors.py",
    "engine/base.py",
    "engine/sandbox.py",
    "engine/vm.py",
    "engine/image/recipe.py",
    "engine/inside/watch.py",
    "engine/keeper/authz.py",
    "engine/system/ids.py",
    "expect/check.py",
    "grading/judge/run.py",
    "notebook/docker_py_fix.py",
    "state/container.py",
)
"""One of each folder, and single modules: with another line in it, work is judged again."""
OTHERS = (
    "cli/lab.py",
    "engine/build/prune.py",
    "engine/doctor/facts.py",
    "engine/host.py",
    "engine/persistent_state.py",
    "grading/collect.py",
    "grading/gradebook.py",
    "grading/report/page.py",
    "lab/jupyter.py",
    "lab/server/watch.py",
    "workspace/pack.py",
)
"""With another line in these, no work is judged again."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("key") / "grader"
    shutil.copytree(PACKAGE, there, ignore=shutil.ignore_patterns("__pycache__"))
    return there


@pytest.mark.parametrize("name", [*JUDGES, *OTHERS])
def test_one_line_more(package: Path, name: str) -> None:
    path = package / name
    before, text = digest_of_code(package), path.read_text()
    path.write_text(f"{text}# one more line\n")
    try:
        assert (digest_of_code(package) != before) is (name in JUDGES)
    finally:
        path.write_text(text)
    assert digest_of_code(package) == before


def test_every_folder_is_in_one_of_the_lists() -> None:
    """A new folder is a decision: can what is in it change a verdict?"""
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    named = {Path(name).parent.as_posix() for name in (*JUDGES, *OTHERS)}
    part_of_one_named = {name for name in folders if any(name.startswith(f"{one}/") for one in named - {"."})}
    assert folders == named | part_of_one_named


def test_a_module_that_is_moved_or_new_counts(package: Path) -> None:
    before = digest_of_code(package)
    new = package / "grading/judge/new.py"
    new.write_text("")
    try:
        assert digest_of_code(package) != before
        assert new in parts_of_a_verdict(package)
    finally:
        new.unlink()
