"""What ``binder/`` promises, without building it: the build itself takes minutes (``test_session.py``)."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grader.engine.image import recipe, vm_recipe

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"


def instructions() -> list[tuple[str, list[str]]]:
    """The Dockerfile's instructions in order, with their words; options are words, too."""
    lines = [
        line for line in (BINDER / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    split = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, shlex.split(rest)) for name, rest in split]


def copied(stage: str) -> list[str]:
    """What a stage copies from the repository."""
    found, now = [], ""
    for name, words in instructions():
        if name == "FROM":
            now = words[-1]
        if name == "COPY" and now == stage and not words[0].startswith("--from"):
            found += [word for word in words[:-1] if not word.startswith("--")]
    return found


def test_the_base_is_a_dated_debian_and_can_be_another() -> None:
    (name, words), *rest = instructions()
    assert name == "ARG"
    assert re.fullmatch(r"BASE=debian:trixie-20\d{6}-slim", words[0])
    grounds = [words for name, words in rest if name == "FROM"]
    assert grounds[0] == ["${BASE}", "AS", "ground"]
    assert {words[0] for words in grounds[1:]} == {"ground"}, "all stages have the same QEMU"


def test_binders_wishes_are_met() -> None:
    """mybinder.readthedocs.io: an ordinary user of id 1000 with a home; arguments are passed on."""
    last = [index for index, (name, _) in enumerate(instructions()) if name == "FROM"][-1]
    final = instructions()[last:]
    assert ("ARG", ["NB_USER=jovyan"]) in final and ("ARG", ["NB_UID=1000"]) in final
    assert [words for name, words in final if name == "USER"] == [["${NB_UID}"]]
    (entry,) = [words for name, words in final if name == "ENTRYPOINT"]
    assert "dockbook-entrypoint" in " ".join(entry)


@pytest.mark.parametrize("stage", ["engine", "course", "ground"])
def test_what_is_copied_is_there_and_not_ignored(stage: str) -> None:
    sources = copied(stage)
    assert sources
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for source in sources:
        assert (ROOT / source).exists(), source
        kept = False
        for line in ignored:
            # The last line that fits decides, as Docker has it.
            pattern = line.removeprefix("!").removeprefix("**/")
            parts = [source, *map(str, Path(source).parents)]
            if any(fnmatch.fnmatch(part, pattern) for part in parts):
                kept = line.startswith("!")
        assert kept, f"{source} is ignored"


def test_the_courses_stage_has_all_that_the_wheel_is_made_of() -> None:
    """pip leaves out what is not there, without a word: the command itself, at worst."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    there = copied("course")
    for wanted in project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]:
        name = wanted.removeprefix("/")
        assert any(Path(name).is_relative_to(source) for source in there), wanted


def test_the_engines_stage_has_all_that_the_engine_is_made_of(tmp_path: Path) -> None:
    """With less, it would not be built; with something else, the session would not find it."""
    for source in copied("engine"):
        target = tmp_path / ("." if source.startswith("binder/") else source)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)
    build = (tmp_path / "build-engine").read_text()
    imports = "\n".join(line for line in build.splitlines() if line.startswith(("from ", "import ")))
    code = f"{imports}\nimport json\nfrom grader.engine.image import recipe, vm_recipe\n"
    code += "print(json.dumps([recipe.__file__, recipe.key('trixie'), vm_recipe.key('trixie')]))"
    said = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path = {[str(tmp_path), *sys.path]!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    where, *keys = json.loads(said)
    assert Path(where).is_relative_to(tmp_path)
    assert keys == [recipe.key("trixie"), vm_recipe.key("trixie")]


def test_the_entrypoint_passes_on_what_it_is_given(tmp_path: Path) -> None:
    """Every word as it is, and the exit code."""
    fake = tmp_path / "dockbook"
    fake.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "<$word>"; done\nexit 9\n')
    fake.chmod(0o755)
    words = ["jupyter", "lab", "--ServerApp.token=a b", "", "--flag", "$(id)"]
    done = subprocess.run(
        [BINDER / "entrypoint", *words],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9
    assert done.stdout.splitlines() == ["<session>", "<-->", *(f"<{word}>" for word in words)]
