"""Bombs among ten honest submissions: the honest ones keep their marks, as root and as an ordinary user.

Printed (``-s``): what the batch took, and what the same ten take alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from grader.course import Course
from grader.grading.demo import submit_notebook
from tests.grading import tiny
from tests.shared_tree import shared_python, shared_tree
from tests.users import User, ordinary_user

HONEST = 10
LIMITS = """\
[limits]
cell_s = 15
total_s = 60
output_bytes = 100000
memory_mb = 512
processes = 200
disk_mb = 256
"""
BOMBS = {
    "fork": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "memory": "full = []\nwhile True:\n    full.append(bytearray(10_000_000))",
    "disk": (
        "client.containers.run('busybox', ['sh', '-c', 'while true; do cat /bin/busybox >> /big; done'],"
        " detach=True).wait()"
    ),
    "log": "client.containers.run('busybox', ['yes', 'x' * 1000], detach=True).wait()",
    "output": "while True:\n    print('x' * 10_000)",
    "loop": "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        pass",
}
NAMED = {"fork": "processes", "memory": "memory", "disk": "disk", "log": "disk"}
"""What the notes of a submission must name; the others meet the limit of a cell's time or of its output."""

GRADE = """\
import json, sys
from pathlib import Path
from grader.course import Course
from grader.grading.grade import grade
only = sys.argv[2:] or None
result = grade(Course.read(Path(sys.argv[1])), "ch01", students=only)
for one in result.students:
    tasks = {task.task: task.score for task in one.tasks}
    print(json.dumps([one.student, tasks, one.seconds, one.blocked, list(one.notes)]))
assert not result.problems, result.problems
"""


@pytest.fixture
def handed_in(released_root: Path, engine_image: None) -> Iterator[Path]:
    """A course with ten honest submissions and the bombs, in a folder that every user can reach."""
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        root = Path(folder, "course")
        shutil.copytree(released_root, root)
        written = (root / "chapters.toml").read_text()
        (root / "chapters.toml").write_text(LIMITS + written[written.index("\n[[chapter]]") :])
        course = Course.read(root)
        chapter = course.chapter("ch01")
        released = nbformat.read(root / "release" / chapter.id / chapter.notebook.name, as_version=4)
        for number in range(HONEST):
            honest = tiny.solve(released, chapter, ["greeter", "sum"])
            submit_notebook(course, chapter, f"honest{number}", honest)
        for name, bomb in BOMBS.items():
            notebook = tiny.solve(released, chapter, ["greeter"])
            tested = next(i for i, cell in enumerate(notebook.cells) if cell.id == "test-greeter-cell")
            notebook.cells.insert(tested + 1, new_code_cell(bomb))
            submit_notebook(course, chapter, f"bomb-{name}", notebook)
        yield root


def graded(who: User | None, root: Path, *students: str) -> tuple[float, dict[str, list[Any]]]:
    """Grade in a process of this user's (None: ours); seconds, and what it said of each student."""
    argv = [shared_python() if who else sys.executable, "-c", GRADE, str(root), *students]
    began = time.monotonic()
    if who is None:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)
    else:
        ended = who.run(argv, env={"PYTHONPATH": shared_tree()}, timeout_s=240)
    taken = time.monotonic() - began
    assert ended.returncode == 0, ended.stderr
    return taken, {line[0]: line[1:] for line in map(json.loads, ended.stdout.splitlines())}


def own_by(user: User, root: Path) -> None:
    root.parent.chmod(0o755)
    for path in (root, *root.rglob("*")):
        os.chown(path, user.uid, user.gid)


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("kind", ["root", "ordinary user"])
def test_honest_scores_stay_as_they_are(handed_in: Path, kind: str) -> None:
    assert os.geteuid() == 0, "Start this test as root: it becomes the ordinary user itself."
    user = None
    if kind != "root":
        user = ordinary_user()
        user.ensure_image()
        own_by(user, handed_in)
    honest = [f"honest{number}" for number in range(HONEST)]
    among_s, found = graded(user, handed_in)
    for student in honest:
        scores, _, blocked, notes = found[student]
        assert (scores, blocked, notes) == ({"greeter": 3, "sum": 2}, False, []), (student, found[student])
    for name in BOMBS:
        scores, _, blocked, notes = found[f"bomb-{name}"]
        assert scores["greeter"] == 3 and scores["sum"] == 0 and not blocked, (name, found[f"bomb-{name}"])
        assert "limit reached" in " ".join(notes), (name, notes)
        assert NAMED.get(name, "") in " ".join(notes), (name, notes)
    shutil.rmtree(handed_in / ".dockbook" / "verdicts")
    alone_s, _ = graded(user, handed_in, *honest)
    together = sum(found[student][1] for student in honest)
    each = ", ".join(f"{name} {found[f'bomb-{name}'][1]:.1f}" for name in BOMBS)
    print(
        f"\n{kind}: {HONEST} honest, {len(BOMBS)} bombs {among_s:.1f} s; the {HONEST} alone {alone_s:.1f} s"
    )
    print(f"the honest ones' own seconds together {together:.1f}; the bombs' own: {each}")
