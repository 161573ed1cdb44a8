"""The same submissions on plain nbgrader: the student's kernel executes the tests, hidden ones in it.

nbgrader runs inside a disposable engine, as its student: gradebook, source and submission lie in the working
folder there, docker-py asks that engine, and no plugin refuses anything. This Python and its libraries are
mounted read-only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import cast

import nbformat
from nbformat import NotebookNode

from grader.course import Course
from grader.engine.choose import open_engine
from grader.engine.sandbox import Sandbox
from tests.engine.kernels import Notebook
from tests.grading import tiny
from tests.grading.hostile.attack import Attack

RUN_S = 40
"""Seconds for one submission; an honest one takes about five."""
INSIDE = "/usr/local/lib/dockbook/stock"
SETUP = "import docker\nclient = docker.from_env()"
TESTS = {
    "test-greeter": """\
box = docker.from_env().containers.get("greeter")
### BEGIN HIDDEN TESTS
assert [box.attrs["Path"], *box.attrs["Args"]] == ["echo", "salve orbis"]
assert box.logs() == b"salve orbis\\n"
assert box.attrs["State"]["ExitCode"] == 0
### END HIDDEN TESTS""",
    "test-sum": """\
assert total is not None
### BEGIN HIDDEN TESTS
assert total == 42
### END HIDDEN TESTS""",
}
RUN = """\
import json, os, signal, subprocess
python = {inside!r} + "/bin/python3"
env = dict(os.environ) | {{"PYTHONHOME": {inside!r}, "PYTHONPATH": {inside!r} + "/site"}}
spec = os.path.expanduser("~/.local/share/jupyter/kernels/python3")
os.makedirs(spec, exist_ok=True)
with open(spec + "/kernel.json", "w") as file:
    launch = [python, "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]
    json.dump({{"argv": launch, "display_name": "Python 3", "language": "python"}}, file)
argv = [python, "-m", "nbgrader", "autograde", {chapter!r}, "--student", {student!r}]
with open("/tmp/log", "w") as log:
    run = subprocess.Popen(argv, cwd="/home/student/work", env=env, stdin=subprocess.DEVNULL, stdout=log,
                           stderr=log, start_new_session=True)
    try: status = str(run.wait({limit}))
    except subprocess.TimeoutExpired: status = "hung"
try: os.killpg(run.pid, signal.SIGKILL)
except OSError: pass
print(json.dumps(["status", status, open("/tmp/log").read()[-1500:]]))
"""
READ = """\
import json, sqlite3, sys
query = '''SELECT grade.auto_score, grade.manual_score, grade.extra_credit FROM grade
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
WHERE submitted_assignment.student_id = ?'''
with sqlite3.connect("/home/student/work/gradebook.db") as db:
    print(json.dumps(db.execute(query, [sys.argv[1]]).fetchall()))
"""


class _WithPython(Sandbox):
    """A sandbox that sees the Python of this process too, to read."""

    def _folders(self, *, copied: bool) -> dict[str, str]:
        folders = super()._folders(copied=copied)
        paths = sysconfig.get_paths()
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return folders | {
            "package/stock/bin/python3": str(Path(sys.executable).resolve()),
            f"package/stock/lib/{version}": str(Path(os.__file__).parent),
            "package/stock/site": paths["purelib"],
        }


def make_stock_course(root: Path) -> Course:
    """The tiny course as an instructor of stock nbgrader has it, released by nbgrader."""
    course = tiny.make_course(root)
    chapter = course.chapter("ch01")
    source = nbformat.read(chapter.notebook, as_version=4)
    source.cells[1].source = SETUP
    for grade_id, text in TESTS.items():
        tiny.cell(source, grade_id).source = text
    nbformat.write(source, chapter.notebook)
    (root / "nbgrader_config.py").unlink()
    (root / "chapters.toml").unlink()
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    argv = [sys.executable, "-m", "nbgrader", "generate_assignment", chapter.id, "--create"]
    done = subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return course


def half_right(course: Course, solved: Sequence[str]) -> NotebookNode:
    """The students' notebook with these tasks solved."""
    path = course.root / "release" / tiny.CHAPTER / f"{tiny.CHAPTER}.ipynb"
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    for task, text in (("greeter", tiny.SOLVE_GREETER), ("sum", tiny.SOLVE_SUM)):
        if task in solved:
            tiny.cell(notebook, task).source = "\n".join(text.splitlines()[1:-1])
    return notebook


def graded_alone(course: Course, target: Path, student: str, notebook: NotebookNode) -> Path:
    """A copy of the course with one submission, and classmates' to be reached; the submission's folder."""
    shutil.copytree(course.root, target)
    chapter = course.chapter("ch01")
    for name, handed_in in ((student, notebook), ("zoe", half_right(course, ["greeter", "sum"]))):
        folder = target / "submitted" / name / chapter.id
        shutil.copytree(course.root / "release" / chapter.id, folder)
        (folder / chapter.notebook.name).write_text(json.dumps(handed_in))
    return target / "submitted" / student / chapter.id


class Stock:
    """Sandboxes with nbgrader in them, some side by side; ``scores`` is thread-safe."""

    def __init__(self, course: Course, scratch: Path, side_by_side: int = 3) -> None:
        self._course, self._scratch = course, scratch
        self._idle: SimpleQueue[_WithPython | None] = SimpleQueue()
        for _ in range(side_by_side):
            self._idle.put(None)
        self._pool = ThreadPoolExecutor(side_by_side)

    def close(self) -> None:
        """End the sandboxes."""
        self._pool.shutdown()
        while not self._idle.empty():
            engine = self._idle.get()
            if engine is not None:
                engine.close()

    def scores(self, attacks: Sequence[Attack]) -> dict[Attack, tuple[str, str]]:
        """For each attack: points, "aborted" or "hung"; and what nbgrader said at last."""
        return dict(zip(attacks, self._pool.map(self.attacked, attacks), strict=True))

    def attacked(self, attack: Attack) -> tuple[str, str]:
        """One attack; "broken" when it could not be tried."""
        try:
            return self._attacked(attack)
        except Exception as error:  # noqa: BLE001 - one that breaks must not take the others' scores along
            return "broken", repr(error)

    def _attacked(self, attack: Attack) -> tuple[str, str]:
        notebook = half_right(self._course, [attack.honest])
        attack.arm(notebook)
        root = self._scratch / attack.student
        folder = graded_alone(self._course, root, attack.student, notebook)
        if attack.files is not None:
            attack.files(folder)
        return self.score(root, attack.student, fresh=attack.damages)

    def score(self, root: Path, student: str, *, fresh: bool = False) -> tuple[str, str]:
        """Grade one student's submission in a course folder. ``fresh``: the sandbox is not used again."""
        with self._sandbox(fresh) as engine:
            try:
                return _score(engine, root, student)
            finally:
                shutil.rmtree(root, ignore_errors=True)

    @contextmanager
    def _sandbox(self, fresh: bool) -> Iterator[_WithPython]:
        engine = self._idle.get()
        try:
            if engine is None:
                engine = _open()
            yield engine
            fresh |= not _clean(engine)
        except BaseException:
            fresh = True
            raise
        finally:
            if fresh and engine is not None:
                engine.close()
                engine = None
            self._idle.put(engine)


def _open() -> _WithPython:
    with open_engine("sandbox") as plain:
        image = cast("Sandbox", plain).image
    engine = _WithPython(image, plugin=False, memory_bytes=1536 << 20, processes=600, disk_bytes=1 << 30)
    return engine.start()


def _clean(engine: Sandbox) -> bool:
    """Remove what a submission left; whether the engine can be used again."""
    if not engine.alive():
        return False
    client = engine.client(timeout=20)
    for box in client.containers.list(all=True):
        box.remove(force=True, v=True)
    client.close()
    gone = "rm -rf /home/student/work /home/student/.[a-z]* /tmp/* /var/tmp/*"
    return engine.probe("", ["sh", "-c", gone], 20)[0] == 0


def _score(engine: Sandbox, root: Path, student: str) -> tuple[str, str]:
    run = RUN.format(inside=INSIDE, chapter=tiny.CHAPTER, student=student, limit=RUN_S)
    status, log = _ask(engine, run, root)
    if status == "0":
        code, said = engine.probe("", ["python3", "-I", "-c", READ, student], 10)
        if code == 0:
            # nbgrader's rule: a person's score goes before the automatic one.
            rows = json.loads(said)
            points = sum((m if m is not None else a or 0) + (extra or 0) for a, m, extra in rows)
            return (f"{points:g}" if rows else "no score"), log
        return "no score", said.decode(errors="replace")
    return ("hung" if status == "hung" else "aborted"), log


def _ask(engine: Sandbox, code: str, files: Path | None) -> tuple[object, str]:
    """What a fresh kernel says to a question in JSON; None when it does not live to say it."""
    with Notebook(engine.start_kernel(files)) as notebook:
        try:
            said = notebook.run(code, RUN_S + 20)
            _, value, log = json.loads(said.splitlines()[-1])
        except Exception as error:  # noqa: BLE001 - a kernel that is killed ends in many ways
            return None, repr(error)
        return value, str(log)
