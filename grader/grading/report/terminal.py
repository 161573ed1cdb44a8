"""A chapter's result in the terminal. The page for the browser is ``report_page``."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from grader.expect.words import visible
from grader.grading.judge.results import ChapterResult, Standing, SubmissionResult, TaskResult, number

MOST_NOTES = 10
"""Lines of notes below a table at most."""
_MARK = {
    "passed": "[green]✔[/]",
    "failed": "[red]✘[/]",
    "not_reached": "[yellow]–[/]",
    "blocked": "[magenta]?[/]",
}


def render_table(result: ChapterResult, console: Console) -> None:
    """Print one line per student, with the points that the gradebook holds; below it what is still open.

    That is whatever is blocked, could not be run at all, waits for a person, or went wrong.
    """
    by_hand = list(dict.fromkeys(cell for one in result.standings.values() for cell in one.by_hand))
    table = Table(title=escape_markup(result.chapter), title_justify="left")
    table.add_column("student")
    for task in result.students[0].tasks if result.students else ():
        table.add_column(_plain(task.task), justify="center")
    for cell in by_hand:
        table.add_column(f"{_plain(cell)}\n(by hand)", justify="center")
    table.add_column("score", justify="right")
    for student in result.students:
        standing = result.standings.get(student.student)
        marks = [f"{_MARK[task.outcome]} {_points(task, standing)}" for task in student.tasks]
        hand = [_hand(standing.by_hand.get(cell) if standing else None) for cell in by_hand]
        table.add_row(_plain(student.student), *marks, *hand, _score(student, standing))
    console.print(table)
    for student in result.students:
        for reason in dict.fromkeys(task.reason for task in student.tasks if task.outcome == "blocked"):
            console.print(f"[magenta]not graded:[/] {_plain(student.student)}: {_plain(reason)}")
        if student.unreadable:
            console.print(f"[red]nothing to run:[/] {_plain(student.student)}: {_plain(student.unreadable)}")
    _tell_notes(result, console)
    _tell_waiting(result, console)
    for problem in result.problems:
        console.print(f"[red]problem:[/] {_plain(problem)}")


def _points(task: TaskResult, standing: Standing | None) -> str:
    """As the gradebook has them; a verdict that it does not have is worth nothing yet."""
    points = standing.tasks.get(task.task) if standing and standing.entered else None
    return f"{_number(points)}/{number(task.max)}"


def _hand(cell: tuple[float | None, float] | None) -> str:
    if cell is None:
        return ""
    points, most = cell
    return f"[cyan]…[/] –/{number(most)}" if points is None else f"{number(points)}/{number(most)}"


def _number(points: float | None) -> str:
    return "–" if points is None else str(number(points))


def _score(student: SubmissionResult, standing: Standing | None) -> str:
    if standing is None or not standing.entered:
        return f"–/{number(standing.max_score if standing else student.max_score)} (not in the gradebook)"
    text = f"{number(standing.score)}/{number(standing.max_score)}"
    open_still = standing.waiting or None in standing.tasks.values()
    return f"{text} (not all graded)" if open_still else text


def _tell_notes(result: ChapterResult, console: Console) -> None:
    """What else there is to know, the same of several students in one line; all of it is in the report."""
    told: dict[str, list[str]] = {}
    for student in result.students:
        for note in student.remarks:
            told.setdefault(note, []).append(student.student)
    for note, students in list(told.items())[:MOST_NOTES]:
        more = f" and {len(students) - 3} more" if len(students) > 3 else ""
        console.print(f"note: {_plain(', '.join(students[:3]))}{more}: {_plain(note)}")
    if len(told) > MOST_NOTES:
        console.print(f"note: {len(told) - MOST_NOTES} more in the report")


def _tell_waiting(result: ChapterResult, console: Console) -> None:
    """How many of each cell wait for a person, and where they are graded."""
    waiting = Counter(cell for one in result.standings.values() for cell in one.waiting)
    if waiting:
        cells = ", ".join(f"{_plain(cell)} ({many})" for cell, many in waiting.items())
        console.print(f"[cyan]to grade by hand:[/] {cells}: dockbook formgrader")


def _plain(text: str) -> str:
    return escape_markup(visible(text, 500))
