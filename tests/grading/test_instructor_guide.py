"""course/INSTRUCTOR.md is true: its commands are typed as they stand, in order, in a copy of the course."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from grader import paths
from grader.cli import cli
from grader.course import Chapter, Course, Limits
from grader.grading.demo import half, solve
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.judge.recognise import strip_hidden_tests
from grader.grading.release import leaks
from grader.test_cell import read_test
from grader.workspace.folder import prepare
from grader.workspace.submit import submit
from tests.grading.tiny import REPOSITORY

GUIDE = REPOSITORY / "course" / "INSTRUCTOR.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
BLOCK_S = 280
STOPPED_BY = {
    "dockbook formgrader\n": signal.SIGINT,
    # Jupyter's own Ctrl-C asks at the terminal whether it is meant.
    "dockbook engine run -- jupyter lab": signal.SIGTERM,
}
"""Commands that serve until they are ended, and how."""

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Done:
    code: int
    said: str


class Walk:
    """A person who types the guide's blocks, one after the other, in one terminal."""

    def __init__(self, folder: Path) -> None:
        self.home, self.clone = folder / "home", folder / "clone"
        self.state, self.cwd = folder / "state", folder / "cwd"
        (self.home / "Downloads").mkdir(parents=True)
        self.clone.mkdir()
        self.state.touch()
        self.cwd.write_text(str(self.clone))
        source = REPOSITORY / "course"
        (self.clone / "course").mkdir()
        for name in ("chapters.toml", "nbgrader_config.py", "nbval.cfg"):
            shutil.copy(source / name, self.clone / "course")
        skip = shutil.ignore_patterns(".*", "kernel-ipc-*", "__pycache__")
        shutil.copytree(source / "source", self.clone / "course" / "source", ignore=skip)
        # Stands for the environment that ./dockbook makes.
        activate = self.clone / ".venv" / "bin" / "activate"
        activate.parent.mkdir(parents=True)
        activate.write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\nexport PATH\n')
        # As root, Jupyter wants to be told; and no test opens a window.
        settings = folder / "jupyter" / "jupyter_server_config.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps({"ServerApp": {"allow_root": True, "open_browser": False}}))
        dropped = ("DOCKBOOK_", "DOCKER_", "DISPLAY", "WAYLAND_DISPLAY")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.env |= {
            "HOME": str(self.home),
            "DOCKBOOK_CACHE": str(paths.cache_folder()),
            "JUPYTER_CONFIG_DIR": str(settings.parent),
            "PYTHONPATH": str(REPOSITORY),
        }
        self.done: list[Done] = []

    @property
    def term(self) -> Course:
        """The folder that the guide has made."""
        return Course.read(self.home / "docker-term")

    @property
    def chapter(self) -> Chapter:
        return self.term.chapter("ch01")

    def reach(self, start: str, visit: Callable[[str], None] | None = None) -> Done:
        """Type everything up to the block that begins so; what that one said. ``visit``: see ``_serve``."""
        (index,) = [number for number, block in enumerate(BLOCKS) if block.startswith(start)]
        while len(self.done) <= index:
            block = BLOCKS[len(self.done)]
            assert all(done.code == 0 for done in self.done), "an earlier block failed: see its test"
            if "submissions.zip" in block:
                submit_notebook(self)
            self.done.append(self._type(block, visit))
        return self.done[index]

    def _type(self, block: str, visit: Callable[[str], None] | None) -> Done:
        script = self.home / "block.sh"
        script.write_text(
            f'set -e\n. "{self.state}"\ncd "$(cat "{self.cwd}")"\n'
            f'{block}\nexport -p > "{self.state}"\npwd > "{self.cwd}"\n'
        )
        how = next((how for start, how in STOPPED_BY.items() if block.startswith(start)), None)
        if how is not None:
            return self._serve(script, how, visit or (lambda _: None))
        done = subprocess.run(
            ["sh", script], env=self.env, capture_output=True, text=True, timeout=BLOCK_S, check=False
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def _serve(self, script: Path, how: signal.Signals, visit: Callable[[str], None]) -> Done:
        """Start it, wait for the address that it prints, look at it (``visit``), end it."""
        log = self.home / "served.log"
        with log.open("wb") as output:
            shell = subprocess.Popen(
                ["sh", script], env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            deadline = time.monotonic() + 120
            while not (
                found := re.search(r"http://(?:127\.0\.0\.1|localhost):\S+token=\w+", log.read_text())
            ):
                assert shell.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            visit(found.group())
        finally:
            for child in psutil.Process(shell.pid).children() if shell.poll() is None else ():
                child.send_signal(how)
            code = shell.wait(60)
        return Done(code, log.read_text())


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, engine_image: None) -> Walk:
    return Walk(tmp_path_factory.mktemp("guide"))


def submit_notebook(walk: Walk) -> None:
    """What students send: ann everything, bob half of it and as if he were ann, cleo by mail and nothing."""
    chapter, downloads = walk.chapter, walk.home / "Downloads"
    work = {"ann": ("ann", {task.id for task in chapter.tasks}), "bob": ("ann", half(chapter))}
    with zipfile.ZipFile(walk.term.root / f"{chapter.id}.zip") as handed_out:
        released = handed_out.read(f"{chapter.id}/{chapter.notebook.name}")
    with zipfile.ZipFile(downloads / "submissions.zip", "w") as platform:
        for student, (name, tasks) in work.items():
            workspace = walk.home / student
            prepare(workspace, student=name, course=walk.term)
            solved = solve(nbformat.reads(released.decode(), as_version=4), chapter, tasks)
            nbformat.write(solved, workspace / chapter.id / chapter.notebook.name)
            zipped = submit(workspace, chapter).zip
            platform.write(zipped, f"{student}_4711_{zipped.name}")
    (downloads / "cleo.ipynb").write_bytes(released)


def scores(walk: Walk) -> dict[str, float]:
    """Automatic points in the gradebook."""
    books = Books(walk.term)
    return {
        student: sum(points or 0 for points in books.scores(walk.chapter, student).values())
        for student in books.students(walk.chapter)
    }


def wanted(walk: Walk) -> dict[str, float]:
    first = half(walk.chapter)
    some = sum(task.points for task in walk.chapter.tasks if task.id in first)
    return {"ann": walk.chapter.max_score, "bob": some, "cleo": 0}


# -- the blocks, in their order: each run types those until the class is graded, the others are slow


def test_a_folder_for_the_term(walk):
    done = walk.reach(". .venv")
    assert done.code == 0, done.said
    root = walk.term.root
    names = {path.name for path in root.iterdir()}
    assert names == {"chapters.toml", "nbgrader_config.py", "nbval.cfg", "source"}
    assert root.stat().st_mode & 0o777 == 0o700
    assert walk.chapter.written


def test_release(walk):
    done = walk.reach("dockbook release")
    assert done.code == 0, done.said
    assert list(leaks(walk.chapter, walk.term.root / "release" / walk.chapter.id)) == []
    with zipfile.ZipFile(walk.term.root / f"{walk.chapter.id}.zip") as archive:
        assert f"{walk.chapter.id}/{walk.chapter.notebook.name}" in archive.namelist()


def test_collect_from_a_platforms_zip(walk):
    done = walk.reach("cat >> nbgrader_config.py")
    assert done.code == 0, done.said
    assert Books(walk.term).students(walk.chapter) == ["ann", "bob"]
    name = Path(walk.chapter.id, walk.chapter.notebook.name)
    for student in ("ann", "bob"):
        collected = walk.term.root / "submitted" / student / name
        assert collected.read_bytes() == (walk.home / student / name).read_bytes()


def test_collect_by_hand(walk):
    done = walk.reach('mkdir -p "submitted')
    assert done.code == 0, done.said
    assert Books(walk.term).students(walk.chapter) == ["ann", "bob", "cleo"]


def test_grade(walk):
    done = walk.reach('dockbook grade "$CHAPTER"\n')
    assert done.code == 0, done.said
    assert scores(walk) == wanted(walk)
    assert "3 of 3 done" in done.said
    assert all(re.search(rf"│ {student} ", done.said) for student in wanted(walk))
    assert "✔" in done.said and "✘" in done.said


@pytest.mark.slow
def test_regrade(walk):
    walk.reach('dockbook grade "$CHAPTER"\n')
    before = Journal(walk.term, walk.chapter).path.read_text()
    done = walk.reach('dockbook grade "$CHAPTER" --again')
    assert done.code == 0, done.said
    lines = Journal(walk.term, walk.chapter).path.read_text().removeprefix(before).splitlines()
    again = [entry["again"] for entry in map(json.loads, lines) if "again" in entry]
    # Whoever is judged first is written first.
    assert (again[0], sorted(again[1:])) == ("ann", ["ann", "bob"]), "first ann alone, then both"
    found = json.loads((walk.term.root / "grades.json").read_text())
    assert {one["student"]: one["score"] for one in found["students"]} | {"cleo": 0} == wanted(walk)
    assert scores(walk) == wanted(walk)


@pytest.mark.slow
def test_grade_by_hand_and_comment(walk):
    walk.reach('dockbook grade "$CHAPTER" --again')
    chapter = walk.chapter
    task = chapter.tasks[-1]

    def visit(address: str) -> None:
        """What the page's boxes send."""
        with Books(walk.term).open() as gradebook:
            grade = gradebook.find_grade(task.test_id, chapter.id, chapter.id, "bob").id
            comment = gradebook.find_comment(task.solution_id, chapter.id, chapter.id, "bob").id
        put(address, f"api/grade/{grade}", {"manual_score": 1.5, "extra_credit": None})
        put(address, f"api/comment/{comment}", {"manual_comment": "Half of it, and *well* told."})

    done = walk.reach("dockbook formgrader\n", visit)
    assert done.code == 0, done.said
    with Books(walk.term).open() as gradebook:
        assert gradebook.find_grade(task.test_id, chapter.id, chapter.id, "bob").manual_score == 1.5


@pytest.mark.slow
def test_hand_back_report_export(walk):
    done = walk.reach("nbgrader generate_feedback")
    assert done.code == 0, done.said
    root, chapter = walk.term.root, walk.chapter
    for student in wanted(walk):
        assert f"feedback/{student}/{chapter.id}/{chapter.id}.html" in done.said
    page = (root / "feedback" / "bob" / chapter.id / f"{chapter.id}.html").read_text()
    total = wanted(walk)["bob"] + 1.5
    assert "<em>well</em>" in page and f">{total:g} of {chapter.max_score:g}</span> points" in page
    assert "bob" in (root / "reports" / f"{chapter.id}.html").read_text()
    assert {row["student"] for row in read_csv(root / f"{chapter.id}.csv")} == set(wanted(walk))
    assert json.loads((root / f"{chapter.id}.json").read_text())["format"] == "dockbook-report"
    exported = {row["student_id"]: float(row["score"]) for row in read_csv(root / "grades.csv")}
    assert exported == {**wanted(walk), "bob": total}


@pytest.mark.slow
def test_back_up(walk):
    done = walk.reach("mkdir -p backup")
    assert done.code == 0, done.said
    (path,) = (walk.term.root / "backup").iterdir()
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
    assert {"gradebook.db", f"submitted/ann/{walk.chapter.id}/{walk.chapter.notebook.name}"} <= names


@pytest.mark.slow
def test_a_chapter_of_ones_own(walk):
    done = walk.reach("mkdir source/ex01-exam")
    assert done.code == 0, done.said
    exam = walk.term.chapter("ex01")
    assert exam.written
    assert (exam.limits.cell_s, exam.limits.total_s, exam.limits.memory_mb) == (30, 300, 512)
    assert walk.chapter.limits == Limits()


@pytest.mark.slow
def test_a_jupyterlab_with_an_engine(walk):
    walk.reach("mkdir source/ex01-exam")

    def visit(address: str) -> None:
        assert get(address, "api/contents")["content"][0]["name"] == "ex01-exam.ipynb"

    done = walk.reach("dockbook engine run", visit)
    assert done.code == 0, done.said


@pytest.mark.slow
def test_an_exam_is_tried_and_released(walk):
    done = walk.reach("dockbook store")
    assert done.code == 0, done.said
    exam = walk.term.chapter("ex01")
    assert any(cell.get("outputs") for cell in exam.source.cells)
    folder = walk.term.root / "release" / exam.id
    assert (folder / exam.notebook.name).is_file()
    assert list(leaks(exam, folder)) == []


# -- the words


def test_each_block_has_its_test():
    source = Path(__file__).read_text(encoding="utf-8")
    starts = [ast.literal_eval(text) for text in re.findall(r"walk\.reach\((\"[^\"]*\"|'[^']*')", source)]
    for block in BLOCKS:
        assert any(block.startswith(start) for start in starts), block


def test_commands_in_the_text_exist():
    commands = re.findall(r"(?:^|`|`\./)dockbook ([a-z]+)", TEXT, re.MULTILINE)
    assert commands
    assert set(commands) <= set(cli.commands)


def test_limits_in_the_text_are_all_there_are():
    (part,) = re.findall(r"^## Limits\n(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+|processes)`", part)) == {
        field.name for field in fields(Limits)
    }


def test_the_test_cell_in_the_text_is_one():
    (cell,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert read_test(cell, "the guide").task == "greeter"
    assert strip_hidden_tests(cell).splitlines() == cell.splitlines()[:2]


@pytest.mark.parametrize("page", ["README.md", "course/INSTRUCTOR.md"])
def test_links_and_folders_in_the_pages_exist(page):
    path = REPOSITORY / page
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target
    for folder in re.findall(r"`((?:tests|grader|course)/[\w/.-]*)`", text):
        assert "STUDENT" in folder or (REPOSITORY / folder).exists(), folder


def test_the_readme_leads_here():
    assert "(course/INSTRUCTOR.md)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


# -- asking a server


@contextmanager
def asked(address: str, path: str, data: dict[str, Any] | None = None) -> Iterator[Any]:
    base, _, token = address.partition("?token=")
    url = f"{base.rstrip('/').removesuffix('/lab')}/{path}"
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    body = json.dumps(data).encode() if data is not None else None
    method = "GET" if data is None else "PUT"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(
        urllib.request.Request(url, data=body, headers=headers, method=method), timeout=60
    ) as answer:
        yield json.loads(answer.read())


def get(address: str, path: str) -> Any:
    with asked(address, path) as answer:
        return answer


def put(address: str, path: str, data: dict[str, Any]) -> None:
    with asked(address, path, data) as answer:
        assert answer["id"] == path.rpartition("/")[2]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
