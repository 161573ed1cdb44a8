"""The package as files: scripts and settings that modules read, each of them used, none left unfilled."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from grader.engine.image import nested_recipe, recipe, vm_recipe
from grader.engine.system import package
from grader.engine.system.package import BAKE, GUEST, PACKAGE, STUDENT, code, file_text, sources

FILES = sorted(path for path in PACKAGE.rglob("files/*") if path.is_file())
MODULES = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
READS = re.compile(r'file_text\(\s*"([^"]+)"')
PLACE = re.compile(r"@[A-Z_]+@")


def test_there_are_some() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_read_by_a_module_of_the_folder_above(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    readers = [module for module, text in MODULES.items() if name in READS.findall(text)]
    assert [module.parent for module in readers] == [path.parents[1]]


def test_each_file_that_is_read_is_there() -> None:
    names = {name for text in MODULES.values() for name in READS.findall(text)}
    assert {PACKAGE / name for name in names} == set(FILES)


def test_no_name_is_left_in_what_an_image_is_given() -> None:
    for suite in recipe.SUITES:
        given = [content for content, _ in recipe.files(suite).values()]
        given += [nested_recipe.dockerfile(suite), vm_recipe.INIT]
        given += [
            data.decode() for name, (data, _) in vm_recipe.guest_files().items() if "/grader/" not in name
        ]
        assert [found for text in given for found in PLACE.findall(text)] == []


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".sh"], ids=lambda path: path.name)
def test_a_shell_can_read_it(path: Path) -> None:
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0


def test_names_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("@ONE@ @TWO@ @ONE@ ${ONE}\n")
    monkeypatch.setattr(package, "PACKAGE", tmp_path)
    assert file_text("x", ONE=1) == "1 @TWO@ 1 ${ONE}\n"


def test_files_go_where_the_modules_go_that_read_them() -> None:
    assert {path.name for path in FILES if path.parents[1].name == "inside"} <= {
        path.name for path in sources(GUEST).values()
    }
    assert {path.name for path in FILES if path.parents[1].name == "image"} <= {
        path.name for path in sources(BAKE).values()
    }
    assert all(name.endswith(".py") for name in sources(STUDENT))


def test_what_python_compiles_is_no_code(tmp_path: Path) -> None:
    for name in ("a.py", "__pycache__/a.pyc", "files/b.sh", "files/folder/c", "templates/d.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert code(tmp_path) == [tmp_path / "a.py", tmp_path / "files/b.sh"]
