"""The files that GitHub, pre-commit, pip and citations read: they parse, and say what the project says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from grader import __version__
from tests.docs.commands import fault, in_script

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
YAML = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def ids(path: Path) -> str:
    return path.name


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", YAML, ids=ids)
def test_it_is_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


def test_the_development_container_is_json() -> None:
    found = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert (ROOT / ".devcontainer" / found["build"]["dockerfile"]).is_file()
    assert not [words for words in map(fault, in_script(found["postCreateCommand"])) if words]


# Workflows


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_a_workflow_may_do_little_and_ends(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 90, name
        assert set(job.get("permissions", {})) <= {"pages", "id-token"}, name


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_a_workflows_commands_exist(path: Path) -> None:
    for name, job in read(path)["jobs"].items():
        for step in job["steps"]:
            if "uses" in step:
                assert re.search(r"@v\d+$", step["uses"]), f"{name}: {step['uses']}"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name
            for command in in_script(step.get("run", "").replace("\\\n", " ")):
                assert not fault(command), f"{name}: {command}"


def test_every_supported_python_is_tried() -> None:
    quick = read(ROOT / ".github" / "workflows" / "checks.yml")["jobs"]["quick"]
    assert tuple(quick["strategy"]["matrix"]["python"]) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


# Versions


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def locked() -> dict[str, list[Requirement]]:
    """The lines of the lock file by name; one that depends on Python's version has several."""
    found: dict[str, list[Requirement]] = {}
    for line in LOCK.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            found.setdefault(normal(requirement.name), []).append(requirement)
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("python", PYTHONS)
def test_what_the_project_asks_for_is_locked(python: str) -> None:
    pins = locked()
    environment = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": "linux"}
    asked = [
        *PROJECT["dependencies"],
        *(one for extra in PROJECT["optional-dependencies"].values() for one in extra),
    ]
    for requirement in map(Requirement, asked):
        here = [
            pin
            for pin in pins.get(normal(requirement.name), [])
            if pin.marker is None or pin.marker.evaluate(environment)
        ]
        assert len(here) == 1, f"{requirement.name}: make the lock file again, as RELEASING.md says"
        (version,) = [part.version for part in here[0].specifier]
        assert requirement.specifier.contains(version), f"{requirement} and {here[0]}"


def test_the_lock_file_names_no_place() -> None:
    assert "://" not in LOCK
    assert not [line for line in LOCK.splitlines() if line.startswith("-")]


def test_pre_commit_has_the_locked_versions() -> None:
    for hook in read(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]:
        for line in hook.get("additional_dependencies", ()):
            assert line in LOCK.splitlines(), f"{hook['id']}: {line}"


# What is private or undocumented and yet used, as pyproject.toml lists it


def touched() -> dict[str, list[str]]:
    """The list: each library, and the files in which its private parts are used."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("# What is private or undocumented")[2].partition("\ndependencies = [")[0]
    found: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if entry := re.match(r"#   (\S+)  ", line):
            found[entry[1]] = []
        if found:
            found[list(found)[-1]] += re.findall(r"[\w/]+\.py|lab/server/labextensions", line)
    return found


@pytest.mark.parametrize("library", touched())
def test_a_library_with_private_parts_in_use_has_an_upper_bound(library: str) -> None:
    (wanted,) = [one for one in map(Requirement, PROJECT["dependencies"]) if normal(one.name) == library]
    assert any(part.operator == "<" for part in wanted.specifier), f"{library}: add an upper bound"
    files = touched()[library]
    assert files, f"{library}: name the files"
    for name in files:
        place = ROOT / "grader" / name
        text = "".join(path.read_text() for path in ([place] if place.is_file() else place.rglob("*.js")))
        assert library.replace("-", "_") in text.lower(), f"{name} does not use {library}"


def test_every_use_of_a_librarys_private_part_is_listed() -> None:
    listed = {name for files in touched().values() for name in files}
    for path in (ROOT / "grader").rglob("*.py"):
        if "noqa: SLF001" in path.read_text(encoding="utf-8"):
            assert str(path.relative_to(ROOT / "grader")) in listed, f"name {path} in pyproject.toml"
