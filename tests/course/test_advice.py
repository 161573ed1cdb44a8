"""Advice that is followed works: what a finding (or ``why``) says is done, and the check then passes.

``tests/cases/chNN/advice.toml`` names a wrong case of a task and the steps that follow from the words: each
step's ``says`` must stand in the findings at that point, ``do`` is the cell that does it. ``asks = "web"``:
the words are those of ``why("web")``. ``again = true``: what prepares the task is run again first.
A few are tried each time; all of them come with ``--all``.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from _pytest.mark import ParameterSet

from grader.expect.finding import Outcome
from grader.grading.judge.kernel import KernelSession
from grader.grading.judge.trusted import look
from tests.course.bench import Bench
from tests.course.test_cases import ALL, CASES, TASKS, Case, in_order, prepared, run_cell

FEWEST = 60
EACH_TIME = ("dialog/still-open", "quitter/started-again", "ledger/no-alias", "slim/three", "salute/not-run")


@dataclass(frozen=True)
class Step:
    """What is said, and what is done because of it."""

    says: str
    do: str
    asks: str = ""
    again: bool = False


@dataclass(frozen=True)
class Advice:
    """One mistake and the steps that mend it, as it is told to."""

    case: Case
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        return f"{self.case.task.id}/{self.case.path.stem.removeprefix('wrong-')}"


def _read() -> list[Advice]:
    cases = {(case.path.parts[-3], case.task.id, case.path.stem): case for case in ALL}
    found = []
    for path in sorted(CASES.glob("*/advice.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["advice"]:
            task, _, mistake = entry["wrong"].partition("/")
            steps = tuple(Step(**step) for step in entry["step"])
            found.append(Advice(cases[path.parent.name, task, f"wrong-{mistake}"], steps))
    return found


EVERY = _read()


def _parameters() -> list[ParameterSet]:
    return [
        pytest.param(one, id=one.name, marks=() if one.name in EACH_TIME else pytest.mark.slow)
        for one in EVERY
    ]


@pytest.fixture(scope="module")
def bench(engine_image: None) -> Iterator[Bench]:
    """An engine and a kernel as new for each, whichever they are."""
    with closing(Bench()) as shared:
        yield shared


@pytest.mark.parametrize("advice", _parameters())
def test_advice_that_is_followed_works(advice: Advice, bench: Bench) -> None:
    chapter, task = advice.case.chapter, advice.case.task
    with bench.case(chapter, task) as (engine, session, images):
        outcome = in_order(session, engine, chapter, task, advice.case.source, images).outcome
        for step in advice.steps:
            told = _why(session, chapter.limits.cell_s, step.asks) if step.asks else _words(outcome)
            assert " ".join(step.says.split()) in told, told
            for cell in prepared(chapter, task) if step.again else ():
                run_cell(session, chapter, cell, "a cell tagged prepare")
            run = session.run(step.do, chapter.limits.cell_s)
            print(*(output.get("text") or output.get("evalue") or "" for output in run.outputs), sep="\n")
            assert run.ending == "ok", run.outputs
            # What it builds on passed; nothing of the advice is about that.
            outcomes = dict.fromkeys(task.after, Outcome.passed())
            outcome = look(task, engine, session.answers(task.answers), outcomes, images=images)
        assert outcome.status == "passed", _words(outcome)


def _words(outcome: Outcome) -> str:
    assert outcome.status == "failed", outcome
    return "\n".join(" ".join(finding.hint.split()) for finding in outcome.findings)


def _why(session: KernelSession, limit_s: float, name: str) -> str:
    """What ``why`` says of a container, its hint alone."""
    run = session.run(f"print(why({name!r}).why.hint)", limit_s)
    return " ".join("".join(output.get("text", "") for output in run.outputs).split())


# No engine is needed for what follows.


def test_there_is_advice_on_a_typical_mistake_of_each_task() -> None:
    assert len(EVERY) >= FEWEST
    assert not [name for name, times in Counter(one.name for one in EVERY).items() if times > 1]
    answers = {
        task.id for _, task in TASKS if not re.search(r"engine\.(container|network)\(", task.test_source)
    }
    without = {task.id for _, task in TASKS} - {one.case.task.id for one in EVERY}
    assert without <= answers, "tasks about the engine without an entry"
    assert set(EACH_TIME) <= {one.name for one in EVERY}
