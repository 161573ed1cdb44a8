"""A chapter's result in the terminal. The page for the browser is ``report_page``."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from grader.expect.words import visible
from grader.grading.results import ChapterResult, SubmissionResult, number

_MARK = {
    "passed": "[green]✔[/]",
    "failed": "[red]✘[/]",
    "not_reached": "[yellow]–[/]",
    "blocked": "[magenta]?[/]",
}


def render_table(result: ChapterResult, console: Console) -> None:
    """Print one line per student; below it, whatever is blocked or went wrong."""
    table = Table(title=escape_markup(result.chapter), title_justify="left")
    table.add_column("student")
    for task in result.students[0].tasks if result.students else ():
        table.add_column(escape_markup(task.task), justify="center")
    table.add_column("score", justify="right")
    for student in result.students:
        marks = [f"{_MARK[task.outcome]} {number(task.score)}/{number(task.max)}" for task in student.tasks]
        table.add_row(_plain(student.student), *marks, _score(student))
    console.print(table)
    for student in result.students:
        for reason in dict.fromkeys(task.reason for task in student.tasks if task.outcome == "blocked"):
            console.print(f"[magenta]not graded:[/] {_plain(student.student)}: {_plain(reason)}")
    for problem in result.problems:
        console.print(f"[red]problem:[/] {_plain(problem)}")


def _score(student: SubmissionResult) -> str:
    text = f"{number(student.score)}/{number(student.max_score)}"
    return f"{text} (not all graded)" if student.blocked else text


def _plain(text: str) -> str:
    return escape_markup(visible(text, 500))
