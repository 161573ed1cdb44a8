"""How long a student waits for a check, beyond the engine's own replies.

    python -m tests.bench.checks [--chapter ch03-using-docker] [--runs 3]

The chapter's source runs beside an engine with its solutions; then every check runs again ``runs`` times.
Printed for each task: the whole check, the part of it that the engine took to reply, and the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from grader.course import Course, marks
from grader.engine.choose import open_engine
from grader.lab.jupyter import _environment

ROOT = Path(__file__).parents[2]
METER = """\
import json as _json, time as _time
import requests as _requests
from grader.expect.check import Block as _Block
_spent, _seen = {"engine": 0.0}, []

def _around(function):
    def timed(*args, **kwargs):
        began = _time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _spent["engine"] += _time.perf_counter() - began
    return timed

_requests.Session.send = _around(_requests.Session.send)
_enter, _exit = _Block.__enter__, _Block.__exit__

def _begin(self):
    _spent["began"], _spent["engine"] = _time.perf_counter(), 0.0
    return _enter(self)

def _end(self, *error):
    try:
        return _exit(self, *error)
    finally:
        _seen.append([self._task, _time.perf_counter() - _spent["began"], _spent["engine"]])

_Block.__enter__, _Block.__exit__ = _begin, _end
"""


def collect(notebook: Path, folder: Path, runs: int) -> list[tuple[str, float, float]]:
    """Run a notebook here, then its checks ``runs`` times: task, seconds, the engine's part of them."""
    source = nbformat.read(notebook, as_version=4)
    checks = [cell for cell in source.cells if marks(cell).get("grade")]
    source.cells.insert(0, nbformat.v4.new_code_cell(METER))
    for _ in range(runs):
        source.cells += [nbformat.v4.new_code_cell(cell.source) for cell in checks]
    source.cells.append(nbformat.v4.new_code_cell("print(_json.dumps(_seen))"))
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        source, timeout=120, kernel_name="python3", allow_errors=True, resources=resources
    )
    client.execute()
    return [tuple(one) for one in json.loads(source.cells[-1].outputs[0].text)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the medians of each task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chapter", default="ch03-using-docker")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--beside-an-engine", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    chapter = Course.read(ROOT / "course").chapter(chosen.chapter)
    if chosen.beside_an_engine:
        folder = chosen.beside_an_engine
        print(json.dumps(collect(chapter.notebook, folder, chosen.runs)))
        return
    with tempfile.TemporaryDirectory(prefix="dkb-bench-") as place, open_engine("sandbox") as engine:
        environment = _environment(engine, Path(place)) | {"DOCKBOOK_WORKSPACE": place}
        again = [sys.executable, "-m", "tests.bench.checks", "--beside-an-engine", place]
        ended = subprocess.run(
            [*engine.network_prefix(), *again, "--chapter", chapter.id, "--runs", str(chosen.runs)],
            env={**environment, "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONPATH": os.fspath(ROOT)},
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    seen: dict[str, list[tuple[float, float]]] = {}
    for task, whole, engines in json.loads(ended.stdout.splitlines()[-1]):
        seen.setdefault(task, []).append((whole, engines))
    print(f"{'task':12} {'check':>8} {'engine':>8} {'beyond':>8}  ms, median of {chosen.runs + 1}")
    for task, found in seen.items():
        whole, engines = (1000 * statistics.median(values) for values in zip(*found, strict=True))
        beyond = 1000 * statistics.median(one - other for one, other in found)
        print(f"{task:12} {whole:8.0f} {engines:8.0f} {beyond:8.0f}")


if __name__ == "__main__":
    main()
