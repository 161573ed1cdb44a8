"""Made-up classes: verdicts, journal and gradebook as a grading leaves them, without any engine."""

from __future__ import annotations

import random
from collections.abc import Sequence

import nbformat

from grader.course import Chapter, Course
from grader.expect.finding import Finding, Outcome
from grader.expect.student_values import StudentValues
from grader.grading.demo import submit_notebook
from grader.grading.gradebook import Books
from grader.grading.journal import Journal
from grader.grading.judge.reassemble import reassemble
from grader.grading.judge.results import SubmissionResult, TaskResult
from grader.grading.judge.submission import read_submission
from grader.grading.nbgrader_hooks import save_verdict
from grader.grading.verdicts import Verdicts

LIMIT = "limit reached: 60 s for one cell; cell {} was stopped"
TAMPERED = "tampered: test cell {!r} was changed; the instructor's was used"


def names(size: int) -> list[str]:
    """Students' ids, in order."""
    return [f"s{number:03}" for number in range(size)]


def verdicts_of(chapter: Chapter, students: Sequence[str], seed: int = 7) -> list[SubmissionResult]:
    """A verdict for each, the same for the same seed."""
    chance = random.Random(seed)
    return [verdict(chapter, student, chance) for student in students]


def verdict(chapter: Chapter, student: str, chance: random.Random) -> SubmissionResult:
    """A plausible verdict: abler students pass more, earlier tasks are easier."""
    able = chance.betavariate(4, 2)
    notes: list[str] = []
    tasks = []
    for at, task in enumerate(chapter.tasks):
        roll = chance.random()
        if roll < able * (1.1 - 0.08 * at):
            outcome = Outcome.passed()
        elif roll > 0.997:
            outcome = Outcome.blocked("The engine did not answer within 10 s.")
        elif at and chance.random() < 0.15:
            outcome = Outcome.not_reached(f"{chapter.tasks[at - 1].id} has not passed")
        else:
            outcome = Outcome.failed(*_findings(task.id, student, chance))
        tampered = chance.random() < 0.01
        notes += [TAMPERED.format(task.test_id)] if tampered else []
        tasks.append(TaskResult.of(task.id, task.points, outcome, *notes[-1:] if tampered else ()))
    if chance.random() < 0.03:
        notes.append(LIMIT.format(chance.randint(3, 40)))
    return SubmissionResult(student, tuple(tasks), tuple(notes), {}, 4 + chance.expovariate(0.3))


def _findings(task: str, student: str, chance: random.Random) -> list[Finding]:
    mine = StudentValues(student)
    kinds = [
        Finding(
            f"container {task}", "existence", "a container", "none", "Give it this name: `name=` in `run`."
        ),
        Finding(
            f"container {task}",
            "published port",
            f"5000/tcp on {mine.port(task)}",
            f"5000/tcp on {chance.choice((5000, 32768, 80))}",
            "The number before the colon is the machine's.",
        ),
        Finding(f"container {task}", "output", f"'{mine.word(task)}'", "''", "`docker logs` shows it."),
        Finding(
            f"container {task}",
            "exit code",
            "0",
            "127 (the command was not found in the image)",
            "Look at its log.",
        ),
        Finding("answer tag", "value", "", f"'{chance.choice(('latest', '1.0', 'none'))}'"),
    ]
    return chance.choices(kinds, weights=[8, 5, 3, 2, 1], k=1)


def record(
    course: Course, chapter: Chapter, results: Sequence[SubmissionResult], *, enter: bool = True
) -> None:
    """Hand in the release for each and keep these verdicts, as a grading that went through does.

    ``enter``: write them to the gradebook too.
    """
    books, journal, verdicts = Books(course), Journal(course, chapter), Verdicts(course, chapter)
    released = nbformat.read(course.root / "release" / chapter.id / chapter.notebook.name, as_version=4)
    for result in results:
        submit_notebook(course, chapter, result.student, released)
        folder = books.folder("submitted", result.student, chapter)
        submission = read_submission(folder, chapter, result.student)
        verdicts.save(submission, result)
        journal.note_judged(result.student, verdicts.key(submission))
    if not enter:
        return
    nothing = reassemble(None, chapter).notebook
    with books.open() as gradebook:
        for result in results:
            gradebook.update_or_create_student(result.student)
            gradebook.update_or_create_submission(chapter.id, result.student)
            save_verdict(gradebook, chapter, chapter.id, result.student, result, nothing)
