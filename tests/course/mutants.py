"""How sharp the checks are: good solutions with one thing changed, and how many of them the checks let pass.

``python -m tests.course.mutants [chNN ...]`` runs them on real engines, prints a table by chapter
and by kind of change, and shows each one that passed with its difference. A chapter takes a few minutes.
"""

from __future__ import annotations

import difflib
import re
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

from grader.course import Chapter, Task, marks
from grader.engine.choose import open_engine
from tests.course.operators import Cell, edits
from tests.course.test_cases import CASES, COURSE, chapters, prepared, solution, try_cell

MUTANTS = CASES / "mutants.toml"
LET_PASS = CASES / "let_pass.toml"
_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"

Result = Literal["caught", "crashes", "passed", "blocked"]


@dataclass(frozen=True)
class Mutant:
    """One good solution with one change. ``id``: chapter, task, kind and number: ``ch03/polite/name-1``."""

    id: str
    chapter: Chapter
    task: Task
    kind: str
    source: str
    good: str

    @property
    def change(self) -> str:
        """The lines that differ, as they are now; what was left out stands behind "without"."""
        lines = list(difflib.ndiff(self.good.splitlines(), self.source.splitlines()))
        new = [line[2:].strip() for line in lines if line.startswith("+ ")]
        old = [line[2:].strip() for line in lines if line.startswith("- ")]
        return " / ".join(new) if new and new != ["pass"] else f"without: {' / '.join(old)}"

    @property
    def diff(self) -> str:
        """The change as ``diff -u`` has it, without context."""
        lines = difflib.unified_diff(self.good.splitlines(), self.source.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


@dataclass(frozen=True)
class Listed:
    """An entry of a list of mutants: which, its change as it was when it was written, and why."""

    id: str
    change: str
    reason: str


@dataclass(frozen=True)
class Ran:
    """What a mutant came to, and the check's words."""

    mutant: Mutant
    result: Result
    words: str


# Making them


def mutants(chapter: Chapter) -> list[Mutant]:
    """All mutants of a chapter, those that change nothing that is asked included: see ``equivalents``."""
    return [mutant for task in chapter.tasks for mutant in _of_task(chapter, task)]


def _of_task(chapter: Chapter, task: Task) -> Iterator[Mutant]:
    short = chapter.id.split("-")[0]
    good = solution(chapter, task.id)
    numbers: Counter[str] = Counter()
    seen = {good}
    found = edits(_cell(chapter, task, good))
    made = [(edit.kind, good[: edit.at] + edit.new + good[edit.until :]) for edit in found]
    for kind, source in [*made, *_by_hand(f"{short}/{task.id}", good)]:
        if source not in seen:
            seen.add(source)
            numbers[kind] += 1
            name = f"{short}/{task.id}/{kind.replace(' ', '-')}-{numbers[kind]}"
            yield Mutant(name, chapter, task, kind, source, good)


def _cell(chapter: Chapter, task: Task, good: str) -> Cell:
    """The good solution and which of its lines are the student's."""
    for cell in chapter.source.cells:
        if marks(cell).get("grade_id") == task.solution_id:
            lines = str(cell.source).splitlines()
            first, end = lines.index(_BEGIN), lines.index(_END)
            scene = "\n".join([*prepared(chapter, task), good])
            return Cell(good, first, end - 2, task.answers, *_names(scene))
    raise AssertionError(f"{chapter.id} has no cell {task.solution_id}")


def _names(scene: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of containers and of networks in a task's cells."""
    # forget("a", "b", image="c", network=["d"]): the first ones are containers.
    boxes = re.findall(r"forget\(([^)=]*)", scene) + re.findall(r'containers\.get\(("[a-z-]+")', scene)
    networks = re.findall(r'network(?:=|s\.get\()(\[[^]]*\]|"[^"]*")', scene)
    return _quoted(boxes), _quoted(networks)


def _quoted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r'"([a-z-]+)"', " ".join(texts))))


def _by_hand(task: str, good: str) -> Iterator[tuple[str, str]]:
    """The few changes that no operator makes: ``old`` becomes ``new`` in the good solution."""
    for entry in tomllib.loads(MUTANTS.read_text(encoding="utf-8")).get("mutant", []):
        if entry["task"] == task:
            assert entry["old"] in good, f"{MUTANTS.name}: {task} has no {entry['old']!r}"
            yield entry["kind"], good.replace(entry["old"], entry["new"], 1)


# What is known of them


def equivalents() -> dict[str, Listed]:
    """Mutants that leave what is asked as it was, each with its reason: they are no mutants."""
    return _listed(MUTANTS, "equivalent")


def let_pass() -> dict[str, Listed]:
    """Mutants that a check lets pass on purpose, each with its reason."""
    return _listed(LET_PASS, "let_pass")


def _listed(path: Path, kind: str) -> dict[str, Listed]:
    """Entries of ``[[kind]]``: a reason, and the mutants that it holds for, with their changes."""
    found: dict[str, Listed] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get(kind, []):
        for name, change in entry["mutants"].items():
            assert name not in found, f"{path.name} lists {name} twice"
            found[name] = Listed(name, change, entry["reason"])
    return found


def real(chapter: Chapter) -> list[Mutant]:
    """The mutants of a chapter that change what is asked."""
    known = equivalents()
    return [mutant for mutant in mutants(chapter) if mutant.id not in known]


# Running them


def run(mutant: Mutant) -> Ran:
    """Try a mutant on an engine of its own, as grading would.

    "crashes": caught, but its cell ended with an error before it changed anything on the engine, which says
    little of the check. "blocked": nothing could be said, which is a fault of ours.
    """
    said = StringIO()
    scratch = tempfile.TemporaryDirectory(prefix="mutant-")
    with scratch as folder, open_engine("sandbox") as engine, redirect_stdout(said):
        tried = try_cell(engine, Path(folder), mutant.chapter, mutant.task, mutant.source)
    words = "\n".join(map(str, tried.outcome.findings)) or tried.outcome.reason
    result: Result
    if tried.outcome.status in ("passed", "blocked"):
        result = "passed" if tried.outcome.status == "passed" else "blocked"
    else:
        result = "crashes" if tried.run.ending == "error" and tried.idle else "caught"
    return Ran(mutant, result, words)


def table(ran: Sequence[Ran]) -> str:
    """Per chapter and per kind: mutants, caught, of them crashed, let pass on purpose, survived, blocked."""
    known = let_pass()
    by_chapter: dict[str, list[Ran]] = defaultdict(list)
    by_kind: dict[str, list[Ran]] = defaultdict(list)
    for one in ran:
        by_chapter[one.mutant.chapter.id].append(one)
        by_kind[one.mutant.kind].append(one)
    head = f"{'':<20}{'mutants':>8}{'caught':>8}{'crashes':>9}{'let pass':>10}{'survived':>10}{'blocked':>9}"
    head += f"{'caught':>9}{'no crashes':>12}"
    rows = [head]
    for title, groups in (("chapter", by_chapter), ("kind", by_kind)):
        rows.append(f"by {title}")
        rows += [_row(name, groups[name], known) for name in sorted(groups)]
    return "\n".join([*rows, _row("all", ran, known)])


def _row(name: str, ran: Sequence[Ran], known: dict[str, Listed]) -> str:
    count = Counter(one.result for one in ran)
    meant = sum(one.result == "passed" and one.mutant.id in known for one in ran)
    caught = count["caught"] + count["crashes"]
    row = f"  {name:<18}{len(ran):>8}{caught:>8}{count['crashes']:>9}{meant:>10}{count['passed'] - meant:>10}"
    shares = (_percent(share(ran)), _percent(share(ran, crashes=False)))
    return f"{row}{count['blocked']:>9}{shares[0]:>9}{shares[1]:>12}"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def share(ran: Iterable[Ran], *, crashes: bool = True) -> float:
    """The part of the mutants that was caught, from 0 to 1; without those that crashed, if so asked."""
    counted = [one for one in ran if crashes or one.result != "crashes"]
    return sum(one.result in ("caught", "crashes") for one in counted) / len(counted) if counted else 1.0


def faults(ran: Iterable[Ran]) -> list[str]:
    """What is not as it should be: passed and in no list, listed and caught by now, or not looked at."""
    known, found = let_pass(), []
    for one in ran:
        name, diff = one.mutant.id, one.mutant.diff
        if one.result == "blocked":
            found.append(f"{name} could not be looked at: {one.words}\n{diff}")
        elif one.result == "passed" and name not in known:
            found.append(f"{name} passes the check\n{diff}")
        elif one.result != "passed" and name in known:
            found.append(f"{name} is caught: its entry in {LET_PASS.name} is stale\n{diff}")
    return found


def main(arguments: Sequence[str], tell: Callable[[str], object] = print) -> int:
    """The command: tell the faults and what is let pass, then the table. 1 if there is a fault."""
    chosen = [COURSE.chapter(name) for name in arguments] or chapters()
    known, ran = let_pass(), []
    for mutant in [mutant for chapter in chosen for mutant in real(chapter)]:
        ran.append(one := run(mutant))
        for fault in faults([one]):
            tell(fault)
        if one.result == "passed" and mutant.id in known:
            tell(f"{mutant.id} is let pass: {known[mutant.id].reason}\n{mutant.diff}")
    tell(table(ran))
    return 1 if faults(ran) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
