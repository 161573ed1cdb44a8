"""The architecture, held: layers, and what the student's side may need. Modules stay readable."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "grader"
# What is there inside an engine besides Python's own library.
INSIDE = {"docker", "requests", "urllib3", "IPython", "ipykernel", "traitlets"}
LAB = [f"lab/{name}.py" for name in ("before", "configure", "extension", "forget", "hints")]
STUDENT_SIDE = ("__init__.py", "errors.py", "state", "expect", "lab/__init__.py", *LAB)


def test_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def student_modules() -> list[Path]:
    found: list[Path] = []
    for name in STUDENT_SIDE:
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
            assert rest[:1] in ([], ["errors"], ["state"], ["expect"], ["lab"]), name
            assert rest[:2] != ["lab", "jupyter"], name
            assert rest[:2] != ["lab", "workspace"], name
        else:
            assert top in allowed, name


def test_the_student_side_loads_without_the_rest():
    """As inside the engine: the other layers and their libraries cannot be imported at all."""
    code = """
import sys
CLOSED = ("click", "rich", "nbgrader", "nbformat", "psutil", "filelock", "platformdirs", "attr", "attrs",
          "grader.engine", "grader.grading", "grader.cli", "grader.course")
class Closed:
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in CLOSED):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Closed())
import grader, grader.lab.extension, grader.expect.check, grader.state.snapshot
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
