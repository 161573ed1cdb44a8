"""``kill -9`` of a grading batch at random moments, then the same command: as if nothing had happened.

Real engines, real gradebook. The moments come from a seed that is printed; DOCKBOOK_SEED sets another.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest

from grader.course import Course
from grader.grading.demo import submit_notebook
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from tests.grading import tiny

STUDENTS = 12
State = dict[tuple[str, ...], object]
SEED = int(os.environ.get("DOCKBOOK_SEED", "20"))
GRADE = """
import sys
from pathlib import Path
from grader.course import Course
from grader.grading.grade import grade
result = grade(Course.read(Path(sys.argv[1])), "ch01", jobs=4)
print(*(f"{one.student}={one.score:g}" for one in result.students), *result.problems)
"""


@pytest.fixture
def places(monkeypatch):
    """Folders that no other engine of this machine uses; short, for the sockets' sake."""
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        for variable, name in {"XDG_RUNTIME_DIR": "run", "TMPDIR": "tmp"}.items():
            Path(folder, name).mkdir(mode=0o700)
            monkeypatch.setenv(variable, str(Path(folder, name)))
        yield Path(folder)


@pytest.fixture
def students(request):
    """How many there are in the class."""
    return getattr(request, "param", STUDENTS)


@pytest.fixture
def handed_in(course, students):
    """Submissions of a class: right, half right, untouched."""
    chapter = course.chapter("ch01")
    notebook = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    for number in range(students):
        tasks = (["greeter", "sum"], ["sum"], ["greeter"], [])[number % 4]
        submit_notebook(course, chapter, f"s{number:02}", tiny.solve(notebook, chapter, tasks))
    return course


def start(root: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(tiny.REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", GRADE, str(root)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def finish(root: Path) -> str:
    """The command to its end; what it printed."""
    process = start(root)
    said, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return said


def everything(root: Path) -> State:
    """Gradebook without surrogate ids and times, and all files that grading writes."""
    books = Books(Course.read(root))
    found: State = {}
    with books.open() as gradebook:
        for submission in gradebook.assignment_submissions(tiny.CHAPTER):
            for notebook in submission.notebooks:
                place = (submission.student.id, notebook.name)
                for grade in notebook.grades:
                    facts = (
                        grade.auto_score,
                        grade.manual_score,
                        grade.extra_credit,
                        grade.needs_manual_grade,
                    )
                    found["grade", *place, grade.name] = facts
                for comment in notebook.comments:
                    found["comment", *place, comment.name] = (comment.auto_comment, comment.manual_comment)
        for student in gradebook.students:
            found["student", student.id] = student.score
    for step in ("autograded", "feedback"):
        for path in sorted((root / step).rglob("*")):
            # nbgrader's own note of when a submission was graded is a time.
            if path.is_file() and path.name != "timestamp.txt":
                found["file", str(path.relative_to(root))] = path.read_bytes()
    return found


def left_behind(root: Path, places: Path) -> list[str]:
    """What should not be there when a batch is through. A killed grader's engines get a moment to end."""
    deadline = time.monotonic() + 20
    while list((places / "run").glob("dockbook/*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    odd = [*(places / "run").glob("dockbook/*"), *(places / "tmp").iterdir()]
    own = root / ".dockbook"
    odd += [path for path in own.rglob("*") if path.name.startswith(".new-")]
    odd += [path for path in own.iterdir() if path.name not in ("lock", "journal", "verdicts")]
    return sorted(map(str, odd))


def difference(one: State, other: State) -> list[object]:
    return sorted((key for key in one.keys() | other.keys() if one.get(key) != other.get(key)), key=str)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("kills", "students"),
    [pytest.param(1, 4, marks=pytest.mark.slow), pytest.param(20, STUDENTS, marks=pytest.mark.slow)],
    indirect=["students"],
)
def test_killed_at_random_moments_the_same_command_gives_the_same_gradebook(
    handed_in, tmp_path, places, kills, students
):
    whole = tmp_path / "whole"
    shutil.copytree(handed_in.root, whole)
    began = time.monotonic()
    said = finish(whole)
    duration = time.monotonic() - began
    expected = everything(whole)
    assert len([key for key in expected if key[0] == "grade"]) == 2 * students
    assert left_behind(whole, places) == []

    chance = random.Random(SEED)
    moments = sorted(chance.uniform(0.3, duration) for _ in range(kills))
    print(f"seed {SEED}; a whole batch takes {duration:.1f} s")
    for moment in moments:
        root = tmp_path / "killed"
        shutil.copytree(handed_in.root, root)
        process = start(root)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        through = sum(
            bool(Journal(Course.read(root), Course.read(root).chapter("ch01")).written(f"s{number:02}"))
            for number in range(students)
        )
        print(f"killed after {moment:.2f} s, with {through} of {students} through")
        assert finish(root) == said
        assert difference(everything(root), expected) == []
        assert left_behind(root, places) == []
        shutil.rmtree(root)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_again_and_again_it_gets_there(handed_in, tmp_path, places):
    """Each run is given a little more time than the last: what is done is never done again."""
    whole = tmp_path / "whole"
    shutil.copytree(handed_in.root, whole)
    said = finish(whole)
    seen = 0
    for attempt in range(30):
        process = start(handed_in.root)
        try:
            process.communicate(timeout=3 + attempt / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=20)
        else:
            break
        journal = Journal(handed_in, handed_in.chapter("ch01"))
        through = sum(bool(journal.written(f"s{number:02}")) for number in range(STUDENTS))
        assert through >= seen
        seen = through
    assert finish(handed_in.root) == said
    assert difference(everything(handed_in.root), everything(whole)) == []
    assert left_behind(handed_in.root, places) == []
