"""Every case for real: good solutions and their alternatives pass, wrong ones give their finding.

A case is the content of one task's solution cell: ``tests/cases/chNN/TASK/``. A chapter joins by having a
folder there. Each case has an engine as it started, a kernel inside that nobody has used, and the
instructor's test outside: either of them new, or as new (``tests.course.bench``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader import worked_answers
from grader.course import Chapter, Course, Task, marks
from grader.engine.base import Engine
from grader.expect.finding import Outcome
from grader.grading.judge.kernel import CellRun, KernelSession
from grader.grading.judge.trusted import LOOK_S, look, originals
from grader.state import Snapshot
from tests.course.bench import Bench

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
COURSE = Course.read(ROOT / "course")
HANDS = {"python": "good", "shell": "alt-cli"}
"""Cases that are not files of their own: the worked answers, by the hand that they are written in."""
EXPECTATION = re.compile(r"# (finding|outcome): (.+)")


@dataclass(frozen=True)
class Case:
    """One file, or a worked answer (``given``): ``good`` is the one in Python, ``alt-cli`` the other."""

    path: Path
    chapter: Chapter
    task: Task
    given: str = ""

    @property
    def name(self) -> str:
        return f"{self.path.parts[-3]}/{self.task.id}/{self.path.stem}"

    @property
    def source(self) -> str:
        return self.given or self.path.read_text(encoding="utf-8")

    @property
    def wrong(self) -> bool:
        return self.path.stem.startswith("wrong-")


def chapters() -> list[Chapter]:
    """The chapters that have cases."""
    return [COURSE.chapter(folder.name) for folder in sorted(CASES.iterdir()) if folder.is_dir()]


def cases_of(chapter: Chapter) -> list[Case]:
    folder = CASES / chapter.id.split("-")[0]
    paths = sorted(folder.glob("*/*.py"))
    found = [Case(path, chapter, chapter.task(path.parent.name)) for path in paths]
    for task, answers in worked_answers.read(chapter.folder / worked_answers.FILE).items():
        for hand, text in answers.items():
            path = folder / task / f"{HANDS[hand]}.py"
            found.append(Case(path, chapter, chapter.task(task), text + "\n"))
    return sorted(found, key=lambda case: case.name)


def solution(chapter: Chapter, task: str) -> str:
    """The worked answer in Python, which is the notebook's own."""
    return worked_answers.read(chapter.folder / worked_answers.FILE)[task]["python"] + "\n"


ALL = [case for chapter in chapters() for case in cases_of(chapter)]


def each_time(cases: list[Case]) -> list[Case]:
    """Of each task the one by the CLI, of every second a wrong one; nbval runs those in Python."""
    wrong = dict[str, Case]()
    for case in cases:
        if case.wrong:
            wrong.setdefault(case.task.id, case)
    return [case for case in cases if case.path.stem == "alt-cli"] + list(wrong.values())[::2]


TASKS = [(chapter, task) for chapter in COURSE.written for task in chapter.tasks]


@dataclass(frozen=True)
class Tried:
    """What trying a solution cell came to. ``idle``: it changed nothing that the engine lists."""

    outcome: Outcome
    run: CellRun
    idle: bool


def attempt(bench: Bench, chapter: Chapter, task: Task, source: str) -> Outcome:
    """The outcome of one solution cell, on an engine and in a kernel as they were at first."""
    with bench.case(chapter, task) as (engine, session, images):
        tried = in_order(session, engine, chapter, task, source, images)
        assert tried.run.ending in ("ok", "error"), f"the kernel: {tried.run.ending} {tried.run.outputs}"
        return tried.outcome


def try_cell(engine: Engine, folder: Path, chapter: Chapter, task: Task, source: str) -> Tried:
    """Run one solution cell and what comes before it by rights, then the trusted test, as grading does."""
    files = folder / "files"  # what a submission brings along: nothing
    files.mkdir()
    images = originals(engine)
    with closing(KernelSession(engine, files, chapter.limits)) as session:
        run_cell(session, chapter, chapter.setup, "the first cell")
        return in_order(session, engine, chapter, task, source, images)


def in_order(
    session: KernelSession, engine: Engine, chapter: Chapter, task: Task, source: str, images: dict[str, str]
) -> Tried:
    """A solution cell after good ones of the tasks that it builds on."""
    outcomes: dict[str, Outcome] = {}
    for earlier in task.after:
        good, before = solution(chapter, earlier), chapter.task(earlier)
        outcomes[earlier] = solve(session, engine, chapter, before, good, outcomes, images).outcome
        assert outcomes[earlier].status == "passed", f"{earlier}: {outcomes[earlier]}"
    return solve(session, engine, chapter, task, source, outcomes, images)


def solve(
    session: KernelSession,
    engine: Engine,
    chapter: Chapter,
    task: Task,
    source: str,
    outcomes: dict[str, Outcome],
    images: dict[str, str],
) -> Tried:
    for cell in prepared(chapter, task):
        run_cell(session, chapter, cell, "a cell tagged prepare")
    before = listed(engine)
    run = session.run(source, chapter.limits.cell_s)
    idle = listed(engine) == before
    outcome = look(task, engine, session.answers(task.answers), outcomes, images=images)
    # What the cell printed is the first thing to know when a case does not come to what it should.
    print(*(output.get("text") or output.get("evalue") or "" for output in run.outputs), outcome, sep="\n")
    return Tried(outcome, run, idle)


def listed(engine: Engine) -> Snapshot:
    """Everything the engine holds, in its present state."""
    with closing(engine.client(timeout=LOOK_S)) as client:
        return Snapshot.read(client, LOOK_S)


def run_cell(session: KernelSession, chapter: Chapter, source: str, what: str) -> None:
    run = session.run(source, chapter.limits.cell_s)
    assert run.ending == "ok", f"{chapter.id}: {what} did not run: {run.ending} {run.outputs}"


def prepared(chapter: Chapter, task: Task) -> list[str]:
    """The cells that set the scene for a task: tagged ``prepare``, between the test before and its cell."""
    cells: list[str] = []
    for cell in chapter.source.cells:
        found = marks(cell)
        if found.get("grade_id") == task.solution_id:
            return cells
        if found.get("grade"):
            cells = []
        elif "prepare" in cell.metadata.get("tags", ()):
            cells.append(cell.source)
    raise AssertionError(f"{chapter.id} has no cell {task.solution_id}")


@pytest.fixture(scope="module")
def bench(engine_image: None) -> Iterator[Bench]:
    """What the cases share; how often a case had to have another engine or kernel is printed."""
    bench = Bench()
    yield bench
    bench.close()
    print(f"{bench.engines} engines and {bench.kernels} kernels for {bench.cases} cases")


@pytest.mark.parametrize("case", each_time(ALL), ids=lambda case: case.name)
def test_case(case: Case, bench: Bench) -> None:
    """By the CLI and wrong, of each task; all of them are tried alone when slow tests are."""
    assert_as_told(case, attempt(bench, case.chapter, case.task, case.source))


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case_alone(case: Case, engine: Engine, tmp_path: Path) -> None:
    """Every case, with an engine and a kernel that nothing else has seen."""
    tried = try_cell(engine, tmp_path, case.chapter, case.task, case.source)
    assert tried.run.ending in ("ok", "error"), f"the kernel: {tried.run.ending} {tried.run.outputs}"
    assert_as_told(case, tried.outcome)


def assert_as_told(case: Case, outcome: Outcome) -> None:
    """A wrong case comes to what its first line says, any other one passes."""
    if not case.wrong:
        assert outcome.status == "passed", "\n".join(map(str, outcome.findings)) or outcome.reason
        return
    expected = EXPECTATION.match(case.source)
    assert expected, f"{case.path} must begin with `# finding: ...` or `# outcome: ...`"
    kind, text = expected.groups()
    if kind == "outcome":
        assert outcome.status == text.strip()
        return
    assert outcome.status == "failed", outcome
    findings = "\n".join(map(str, outcome.findings))
    assert text.strip() in findings, findings


FIRST = {chapter.tasks[0].id for chapter in COURSE.written if chapter.tasks}


@pytest.mark.parametrize(
    ("chapter", "task"),
    [pytest.param(*one, marks=() if one[1].id in FIRST else pytest.mark.slow) for one in TASKS],
    ids=lambda value: value.id,
)
def test_nothing_done_is_no_pass(chapter: Chapter, task: Task, bench: Bench) -> None:
    """What a release holds in place of the solution."""
    outcome = attempt(bench, chapter, task, "raise NotImplementedError()")
    assert outcome.status in ("failed", "not_reached"), outcome


# No engine is needed for what follows.


@pytest.mark.parametrize(("chapter", "task"), TASKS, ids=lambda value: value.id)
def test_every_task_has_its_cases(chapter: Chapter, task: Task) -> None:
    """One good, a CLI alternative, another alternative, and three wrong ones at least."""
    names = [case.path.stem for case in cases_of(chapter) if case.task == task]
    assert names.count("good") == 1
    assert any(name.startswith("alt-cli") for name in names), names
    assert len([name for name in names if name.startswith("alt-")]) >= 2, names
    assert len([name for name in names if name.startswith("wrong-")]) >= 3, names
    assert all(name == "good" or name.startswith(("alt-", "wrong-")) for name in names), names


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.path.stem == "good"], ids=lambda case: case.name
)
def test_good_is_what_the_notebook_shows(case: Case) -> None:
    for cell in case.chapter.source.cells:
        if marks(cell).get("grade_id") == case.task.solution_id:
            lines = [line for line in cell.source.splitlines() if "### " not in line]
            assert "\n".join(lines).strip() == case.source.strip()
            return
    pytest.fail(f"no cell {case.task.solution_id}")


@pytest.mark.parametrize("case", [case for case in ALL if case.wrong], ids=lambda case: case.name)
def test_a_wrong_case_says_what_it_must_give(case: Case) -> None:
    assert EXPECTATION.match(case.source), case.path
