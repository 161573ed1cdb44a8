"""The architecture, held: layers, and what the student's side may need. Modules stay readable."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grader.engine.system.package import STUDENT
from tests import layers

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "grader"
# What is there inside an engine besides Python's own library.
INSIDE = {"docker", "requests", "urllib3", "IPython", "ipykernel", "traitlets"}
OURS = {"errors", "files", "unix_socket", "variables", "state", "expect", "notebook"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_import_contracts_hold():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


BROKEN = {
    "each folder imports only those below it": ("engine/control.py", "import grader.grading.judge.results"),
    "an engine: its owner's side": ("engine/inside/watch.py", "import grader.engine.keeper.relay"),
    "grading: the class over the report": ("grading/judge/files.py", "import grader.grading.report.data"),
    "nothing imports in a circle": (
        "engine/inside/roots.py",
        "def late():\n    import grader.engine.inside.sandbox",
    ),
    "inside an engine, and what keeps it": ("engine/keeper/relay.py", "import psutil"),
    "the student's kernel": (
        "notebook/hints.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nbformat",
    ),
    "click stays in the command line": ("grading/store.py", "import click"),
}


@pytest.mark.parametrize("contract", BROKEN)
def test_a_contract_that_is_broken_is_told_of(contract: str, tmp_path: Path):
    shutil.copytree(PACKAGE, tmp_path / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/contracts.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module, line = BROKEN[contract]
    with (tmp_path / "grader" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [one for one in done.stdout.splitlines() if "BROKEN" in one]
    assert [one for one in broken if one.startswith(contract)], done.stdout


def test_every_contract_has_been_broken_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [one["name"] for one in project["tool"]["importlinter"]["contracts"]]
    assert len(named) == len(BROKEN)
    assert all(any(name.startswith(one) for one in BROKEN) for name in named)


def test_an_engine_has_seven_floors_and_nothing_goes_in_a_circle():
    imports = layers.graph()
    del imports["grader"]  # the hook of `%load_ext grader`, called by IPython alone
    assert layers.circles(imports) == []
    heights = {folder.name: len(folder.floors) for folder in layers.folders(imports)}
    assert heights["grader.engine"] <= 7
    assert {name for name, height in heights.items() if height > 10} == {"grader.expect"}


def student_modules() -> list[Path]:
    found: list[Path] = []
    for name in STUDENT:
        path = PACKAGE / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def at_import(tree: ast.AST) -> list[str]:
    """Modules that are imported when the file is: not in functions, not for type checkers."""
    names: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names += at_import(node)
    return names


@pytest.mark.parametrize("path", student_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_student_side_imports_only_what_is_inside_an_engine(path):
    allowed = INSIDE | sys.stdlib_module_names
    for name in at_import(ast.parse(path.read_text())):
        top, *rest = name.split(".")
        if top == "grader":
            assert not rest or rest[0] in OURS, name
        else:
            assert top in allowed, name


def test_the_student_side_loads_without_the_rest():
    """As inside the engine: the other layers and their libraries cannot be imported at all."""
    code = """
import sys
CLOSED = ("click", "rich", "nbgrader", "nbformat", "psutil", "filelock", "platformdirs", "attr", "attrs",
          "grader.engine", "grader.grading", "grader.cli", "grader.course", "grader.lab", "grader.workspace")
class Closed:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in CLOSED):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Closed())
import grader, grader.notebook.extension, grader.expect.check, grader.state.snapshot
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_modules_stay_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) < 400
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module says in a docstring what it is"


def test_each_test_module_of_the_checks_is_named_after_the_module_that_it_tests():
    modules = {path.stem for path in (PACKAGE / "expect").glob("*.py")}
    for path in (ROOT / "tests/unit/expect").glob("test_*.py"):
        assert path.stem.removeprefix("test_") in modules, f"{path.name} has no module"
