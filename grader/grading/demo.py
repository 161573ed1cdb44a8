"""A small made-up class, graded: what the trusted grading does, to look at."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grader.course import COURSE_FILE, Chapter, Course, marks
from grader.errors import CourseError
from grader.grading.grade import Progress, grade
from grader.grading.gradebook import CONFIG_FILE
from grader.grading.judge.files import regular_files
from grader.grading.judge.results import ChapterResult, SubmissionResult
from grader.grading.judge.run import EngineFactory
from grader.grading.release import release
from grader.grading.report.data import of_results
from grader.grading.report.page import write_report

REPORT = "report.html"

CHEAT = '''\
import docker, sys, types

class Liar:
    """Is equal to everything, and has every attribute."""
    id = name = "greeter"
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __eq__(self, other): return True
    def __hash__(self): return 1
    def __enter__(self): return self
    def __exit__(self, *error): return True
    def __iter__(self): return iter([self])
    def __getitem__(self, key): return self
    def __contains__(self, item): return True

client = Liar()
docker.from_env = docker.DockerClient = lambda *args, **kwargs: client
sys.modules["docker"].from_env = docker.from_env
check = lambda *args, **kwargs: client
forget = lambda *args, **kwargs: None
drop = lambda lines: ["pass\\n"] if any("check" in line for line in lines) else lines
get_ipython().input_transformers_cleanup.append(drop)
get_ipython().events.register("post_run_cell", lambda result: print("passed"))
'''


def run_demo(
    target: Path,
    backend: str = "sandbox",
    progress: Progress | None = None,
    *,
    course: Course | None = None,
    engine_factory: EngineFactory | None = None,
) -> ChapterResult:
    """Copy the course to ``target``, release it, grade four students' first chapter with tasks, report.

    The class: ``perfect`` has the instructor's solutions, ``partly`` those of the first half of the tasks,
    ``untouched`` the unchanged release, ``cheating`` replaces docker and the checks with liars. Unexpected
    scores are named in the result's ``problems``. Raises CourseError when ``target``
    has something in it.
    """
    copied = copy_course(course or Course.find(), target)
    release(copied)
    chapter = next((chapter for chapter in copied.written if chapter.tasks), None)
    if chapter is None:
        raise CourseError(f"No chapter in {copied.root} has a task.", next_step="write one with a test cell.")
    make_class(copied, chapter)
    result = grade(
        copied, chapter, jobs=None, backend=backend, progress=progress, engine_factory=engine_factory
    )
    problems = (*result.problems, *surprises(result, expected(chapter)))
    result = replace(result, problems=problems)
    write_report(of_results(result, chapter.title), copied.root / REPORT)
    return result


def copy_course(course: Course, target: Path) -> Course:
    """The course's own files in a new folder: no gradebook, no student's work."""
    if target.exists() and any(target.iterdir()):
        raise CourseError(f"{target} is not empty.", next_step="name a folder that does not exist yet.")
    target.mkdir(parents=True, exist_ok=True)
    for name in (COURSE_FILE, CONFIG_FILE):
        shutil.copyfile(course.root / name, target / name)
    # Regular files alone: a kernel that runs there leaves sockets.
    for name, path in regular_files(course.root / "source"):
        copied = target / "source" / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    return Course.read(target)


def make_class(course: Course, chapter: Chapter) -> None:
    """Submit four notebooks, made from the release."""
    folder = course.root / "release" / chapter.id
    released = nbformat.read(folder / chapter.notebook.name, as_version=4)
    everything = {task.id for task in chapter.tasks}
    notebooks = {
        "perfect": solve(released, chapter, everything),
        "partly": solve(released, chapter, half(chapter)),
        "untouched": released,
        "cheating": cheat(released, chapter),
    }
    for student, notebook in notebooks.items():
        submit_notebook(course, chapter, student, notebook)


def submit_notebook(course: Course, chapter: Chapter, student: str, notebook: NotebookNode) -> Path:
    """Put a notebook, with the release's other files, where nbgrader collects; its path."""
    target = course.root / "submitted" / student / chapter.id
    shutil.copytree(course.root / "release" / chapter.id, target, dirs_exist_ok=True)
    path = target / chapter.notebook.name
    nbformat.write(notebook, path)
    return path


def half(chapter: Chapter) -> set[str]:
    """The first half of the tasks, at least one."""
    return {task.id for task in chapter.tasks[: max(1, len(chapter.tasks) // 2)]}


def solve(released: NotebookNode, chapter: Chapter, tasks: Collection[str]) -> NotebookNode:
    """The release with the instructor's solutions of these tasks."""
    wanted = {task.solution_id for task in chapter.tasks if task.id in tasks}
    solutions = {marks(cell).get("grade_id"): str(cell.source) for cell in chapter.source.cells}
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        grade_id = marks(cell).get("grade_id")
        if grade_id in wanted:
            lines = solutions[grade_id].split("\n")
            cell.source = "\n".join(
                line for line in lines if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line
            )
    return notebook


def cheat(released: NotebookNode, chapter: Chapter) -> NotebookNode:
    """The release with everything replaced that a check on the student's side could ask."""
    notebook = copy.deepcopy(released)
    solution_ids = {task.solution_id for task in chapter.tasks}
    for cell in notebook.cells:
        if marks(cell).get("grade_id") in solution_ids:
            cell.source = "answer = result = box = client"
    first = next(index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first + 1, new_code_cell(CHEAT))
    return notebook


def expected(chapter: Chapter) -> dict[str, set[str]]:
    """For each student of the class, the tasks that must pass; all others must not."""
    everything = {task.id for task in chapter.tasks}
    return {"perfect": everything, "partly": half(chapter), "untouched": set(), "cheating": set()}


def surprises(result: ChapterResult, wanted: Mapping[str, Collection[str]]) -> list[str]:
    """The unexpected results, in words."""
    by_name: dict[str, SubmissionResult] = {student.student: student for student in result.students}
    found = []
    for student, tasks in wanted.items():
        graded = by_name.get(student)
        if graded is None:
            found.append(f"{student} was not graded")
            continue
        for task in graded.tasks:
            if (task.outcome == "passed") != (task.task in tasks) or task.outcome == "blocked":
                must = "pass" if task.task in tasks else "not pass"
                found.append(f"{student}: {task.task} must {must}, but is {task.outcome}: {task.words()[:1]}")
    return found
