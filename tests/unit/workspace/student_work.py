"""A student's workspace of the tiny course, and work in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat

from tests.grading import tiny

CHAPTER = tiny.CHAPTER


def notebook(workspace: Path) -> Path:
    return workspace / CHAPTER / f"{CHAPTER}.ipynb"


def change(workspace: Path, *passed: str, failed: str = "") -> bytes:
    """Work in the notebook as JupyterLab saves it: everything run, these checks passed; its bytes."""
    path = notebook(workspace)
    found = nbformat.read(path, as_version=4)
    for number, cell in enumerate(found.cells, 1):
        if cell.cell_type != "code":
            continue
        cell.execution_count = number
        task = cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix("test-")
        if cell.metadata.get("nbgrader", {}).get("grade"):
            if task in passed:
                data = {"text/plain": f"{task}: passed", "text/html": "<b>passed</b>"}
                cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
            elif task == failed:
                cell.outputs = [nbformat.v4.new_output("error", ename="CheckFailed", evalue="", traceback=[])]
    found.cells[0].source += "\n\nMine."
    nbformat.write(found, path)
    return path.read_bytes()


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".dockbook" not in path.parts
    }


def serve(workspace: Path) -> subprocess.Popen[bytes]:
    """A process that looks as JupyterLab does to the system: it waits until its input ends."""
    argv = [sys.executable, "-c", "print('up', flush=True); input()", f"--ServerApp.root_dir={workspace}"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    info = {"pid": process.pid, "port": 8899, "token": "t0ken", "base_url": "/"}
    folder = workspace / ".dockbook/run"
    folder.mkdir(exist_ok=True)
    (folder / f"jpserver-{process.pid}.json").write_text(json.dumps(info))
    return process
