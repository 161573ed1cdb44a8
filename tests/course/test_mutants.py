"""The checks are sharp: of good solutions with one thing changed they let pass only what is listed as such.

Each run tries one mutant of each kind; all of them, a few minutes for a chapter, come with ``--all``.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from grader.course import Chapter
from tests.course.mutants import (
    LET_PASS,
    MUTANTS,
    Listed,
    Mutant,
    Ran,
    Result,
    equivalents,
    faults,
    let_pass,
    main,
    mutants,
    real,
    run,
    share,
    table,
)
from tests.course.operators import Cell, edits
from tests.course.test_cases import ROOT, TASKS, chapters

SHARP = 0.95
"""At least this part of the mutants is caught."""

MANY = 400
"""And there are at least so many."""


@cache
def every() -> dict[str, Mutant]:
    """All that can be made, by id."""
    return {mutant.id: mutant for chapter in chapters() for mutant in mutants(chapter)}


TAKES_LONG = ("fitter", "member", "leaver", "greeting", "named", "dialog", "memoir", "polite", "whisperer")
"""Tasks that install packages, build, or wait for a program's end: their mutants are for the slow tests."""


def a_few() -> list[Mutant]:
    """One mutant of each kind, from one chapter after the other."""
    known, courses = let_pass(), chapters()
    ready = [
        m for chapter in courses for m in real(chapter) if m.task.id not in TAKES_LONG and m.id not in known
    ]
    chosen = []
    for number, kind in enumerate(sorted({mutant.kind for mutant in ready})):
        turn = courses[number % len(courses) :] + courses[: number % len(courses)]
        order = [chapter.id for chapter in turn]
        of_kind = [mutant for mutant in ready if mutant.kind == kind]
        chosen.append(min(of_kind, key=lambda mutant: order.index(mutant.chapter.id)))
    return chosen


def every_second_slow(few: list[Mutant]) -> list[ParameterSet]:
    """The ordinary run has ten minutes: of two kinds, one."""
    return [
        pytest.param(mutant, id=mutant.id, marks=[pytest.mark.slow] if number % 2 else [])
        for number, mutant in enumerate(few)
    ]


@pytest.mark.usefixtures("engine_image")
@pytest.mark.parametrize("mutant", every_second_slow(a_few()))
def test_one_of_each_kind_is_caught(mutant: Mutant) -> None:
    one = run(mutant)
    assert one.result in ("caught", "crashes"), f"{one.result}: {one.words}\n{mutant.diff}"


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("engine_image")
@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.id)
def test_a_chapters_checks_are_sharp(chapter: Chapter, capsys: pytest.CaptureFixture[str]) -> None:
    ran = [run(mutant) for mutant in real(chapter)]
    found = table(ran)
    kept = ROOT / "build" / f"mutants-{chapter.id}.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(found + "\n", encoding="utf-8")
    with capsys.disabled():
        print(f"\n{found}")
    assert not faults(ran), "\n\n".join(faults(ran))
    assert share(ran) >= SHARP, found
    assert share(ran, crashes=False) >= SHARP, found


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.usefixtures("engine_image")
@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.id)
def test_what_is_said_to_change_nothing_passes(chapter: Chapter) -> None:
    """An excluded mutant that a check does catch: the check is too strict, or the exclusion is wrong."""
    same = [mutant for mutant in mutants(chapter) if mutant.id in equivalents()]
    wrong = [one for one in map(run, same) if one.result != "passed"]
    assert not wrong, "\n\n".join(f"{one.mutant.id}: {one.words}\n{one.mutant.diff}" for one in wrong)


# No engine is needed for what follows.


def test_there_are_many_and_several_for_each_task() -> None:
    counts = Counter(mutant.task.id for chapter in chapters() for mutant in real(chapter))
    assert sum(counts.values()) >= MANY
    assert {task.id for _, task in TASKS} == set(counts)
    assert min(counts.values()) >= 3, counts.most_common()[-3:]


@pytest.mark.parametrize("path", [MUTANTS, LET_PASS], ids=lambda path: path.name)
def test_the_lists_name_mutants_as_they_are(path: Path) -> None:
    known: dict[str, Listed] = equivalents() if path == MUTANTS else let_pass()
    for entry in known.values():
        assert entry.id in every(), f"{path.name}: there is no mutant {entry.id} any more"
        assert every()[entry.id].change == entry.change, f"{path.name}: {entry.id} is another mutant by now"
        assert len(entry.reason.split()) >= 5, f"{path.name}: {entry.id} needs its reason argued"


def test_no_mutant_is_in_both_lists() -> None:
    assert not set(equivalents()) & set(let_pass())


def test_a_mutant_is_a_cell_that_could_have_been_written() -> None:
    for mutant in every().values():
        lines = ["pass" if line.startswith("!") else line for line in mutant.source.splitlines()]
        ast.parse("\n".join(lines), mutant.id)
        assert mutant.source != mutant.good


def test_what_comes_before_the_students_lines_stays() -> None:
    for mutant in every().values():
        given = [line for line in mutant.good.splitlines() if line.startswith(("forget(", 'print("your'))]
        assert [line for line in given if line not in mutant.source.splitlines()] == [], mutant.id


SAMPLE = """forget("web")
box = client.containers.run("busybox", ["sh", "-c", "echo hi; sleep 9"], name="web", ports={"80/tcp": 8080})
box.stop(timeout=1)
right = True
!docker run -d --name db --network back busybox sleep 5"""


def test_the_operators_change_one_thing_each() -> None:
    sample = Cell(SAMPLE, 1, 4, ("right",), ("web", "db"))
    found = {(edit.kind, SAMPLE[: edit.at] + edit.new + SAMPLE[edit.until :]) for edit in edits(sample)}
    for kind, old, new in [
        ("name", 'name="web"', 'name="webs"'),
        ("running", "containers.run", "containers.create"),
        ("container port", '"80/tcp"', '"81/tcp"'),
        ("protocol", '"80/tcp"', '"80/udp"'),
        ("host port", "8080", "8081"),
        ("bind address", "8080", '("127.0.0.1", 8080)'),
        ("bind address", "8080", '[8080, ("0.0.0.0", 5999)]'),
        ("ports", ', ports={"80/tcp": 8080}', ""),
        ("command", "echo hi; ", ""),
        ("command", "echo hi", "echo hj"),
        ("command", "sleep 9", "sleep 10"),
        ("statement", "box.stop(timeout=1)", "pass"),
        ("answer", "True", "False"),
        ("network", " --network back", ""),
        ("name", "--name db", "--name dbs"),
        ("running", "docker run -d", "docker create"),
        ("image", "back busybox", "back debian:trixie"),
    ]:
        assert (kind, SAMPLE.replace(old, new, 1)) in found, (kind, new)
    assert any(kind == "impostor" and 'tag="busybox"' in source for kind, source in found)
    assert any(kind == "image" and 'containers.run("twin"' in source for kind, source in found)
    assert not any("timeout=2" in source for _, source in found), "how long a cell waits is no matter"


def made_up(result: Result, number: int = 1, kind: str = "name") -> Ran:
    chapter = chapters()[0]
    mutant = Mutant(f"ch01/none/{kind}-{number}", chapter, chapter.tasks[0], kind, "b = 2\n", "b = 1\n")
    return Ran(mutant, result, "words")


def test_the_share_with_and_without_crashes() -> None:
    ran = [made_up("caught"), made_up("crashes", 2), made_up("crashes", 3), made_up("passed", 4)]
    assert share(ran) == 0.75
    assert share(ran, crashes=False) == 0.5
    row = table(ran).splitlines()[-1].split()
    assert row == ["all", "4", "3", "2", "0", "1", "0", "75.0", "%", "50.0", "%"]


def test_what_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """One passed and is in no list; one is listed and was caught; one could not be looked at."""
    listed = {"ch01/none/name-2": Listed("ch01/none/name-2", "b = 2", "a reason of at least five words")}
    monkeypatch.setattr("tests.course.mutants.let_pass", lambda: listed)
    assert faults([made_up("caught"), made_up("crashes", 3), made_up("passed", 2)]) == []
    (survived,) = faults([made_up("passed")])
    assert "ch01/none/name-1" in survived
    assert "-b = 1\n+b = 2" in survived
    assert "stale" in faults([made_up("caught", 2)])[0]
    assert "words" in faults([made_up("blocked")])[0]


def test_the_command_shows_the_table_and_each_survivor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.course.mutants.real", lambda chapter: [made_up("passed").mutant])
    monkeypatch.setattr("tests.course.mutants.run", lambda mutant: made_up("passed"))
    said: list[str] = []
    assert main(["ch01"], said.append) == 1
    assert "ch01/none/name-1" in said[0]
    assert "+b = 2" in said[0]
    assert "by kind" in said[-1]
    monkeypatch.setattr("tests.course.mutants.run", lambda mutant: made_up("caught"))
    assert main(["ch01"], said.append) == 0
