"""What comes of each task when a chapter's source notebook runs from top to bottom, solutions and all.

As a program it runs in the place of a lab's kernels, beside an engine, and writes what it found as JSON:
``python -m tests.course.outcomes RESULT FOLDER NOTEBOOK``. The notebook's file is only read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from grader.course import Chapter

ROOT = Path(__file__).parents[2]
CELL_S, CHAPTER_S = 120, 280
ASK = """\
import json
print(json.dumps({task: [found.status, found.reason or "; ".join(map(str, found.findings))]
                  for task, found in check.__self__.outcomes.items()}))
"""


@dataclass(frozen=True)
class Told:
    """Of one run: status and reason of each task, by its name; what cells raised, by their ids."""

    outcomes: dict[str, list[str]]
    raised: dict[str, str]

    @property
    def passed(self) -> set[str]:
        return {task for task, (status, _) in self.outcomes.items() if status == "passed"}


def collect(notebook: Path, folder: Path) -> Told:
    """Run a notebook here, with ``folder`` as its own, and ask its checker in the end."""
    source: Any = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        source,
        timeout=CELL_S,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    raised: dict[str, str] = {}
    source.cells.append(nbformat.v4.new_code_cell(ASK, id="outcomes"))
    with client.setup_kernel():
        for number, cell in enumerate(source.cells):
            client.execute_cell(cell, number)
            for output in cell.get("outputs", ()):
                if output.output_type == "error":
                    raised[cell.id] = f"{output.ename}: {output.evalue}"
    assert "outcomes" not in raised, raised
    return Told(json.loads(source.cells[-1].outputs[0].text), raised)


def run_beside(
    beside: Sequence[str], environment: Mapping[str, str], chapter: Chapter, workspace: Path
) -> Told:
    """The same in a process beside an engine, in a student's folder of this chapter."""
    folder = workspace / chapter.id
    folder.mkdir(parents=True)
    result = workspace / f"{chapter.id}.json"
    command = [sys.executable, "-m", "tests.course.outcomes", str(result), str(folder), str(chapter.notebook)]
    env = dict(environment) | {"JUPYTER_PREFER_ENV_PATH": "1", "DOCKBOOK_WORKSPACE": str(workspace)}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), env.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [*beside, *command],
        env=env,
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=CHAPTER_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Told(**json.loads(result.read_text()))


def unexpected_errors(chapter: Chapter, told: Told) -> dict[str, str]:
    """What cells raised that are not meant to, and those that are meant to and did not."""
    meant = {cell.id for cell in chapter.source.cells if "raises-exception" in cell.metadata.get("tags", ())}
    wrong = {name: error for name, error in told.raised.items() if name not in meant}
    return wrong | dict.fromkeys(meant - set(told.raised), "raised nothing")


def main(result: str, folder: str, notebook: str) -> None:
    """One notebook; what came of it goes to the file ``result``."""
    Path(result).write_text(json.dumps(asdict(collect(Path(notebook), Path(folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
