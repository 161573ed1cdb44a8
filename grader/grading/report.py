"""A chapter's result for people: a table in the terminal, a page for the browser."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from grader.expect.words import visible
from grader.grading.results import ChapterResult, SubmissionResult, TaskResult, number

_MARK = {
    "passed": "[green]✔[/]",
    "failed": "[red]✘[/]",
    "not_reached": "[yellow]–[/]",
    "blocked": "[magenta]?[/]",
}
_WORD = {
    "passed": "passed",
    "failed": "failed",
    "not_reached": "not reached",
    "blocked": "could not be graded",
}

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.passed { color: #2e9e44 } .failed { color: #d84a4a }
.not_reached { color: #c77700 } .blocked { color: #a34ac7 }
details { margin: .6rem 0 } li { overflow-wrap: anywhere }
"""


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


def write_report(result: ChapterResult, path: Path) -> Path:
    """Write one self-contained page: scores, success per task, each student's findings. Returns ``path``."""
    tasks = [task.task for task in result.students[0].tasks] if result.students else []
    rows = "".join(_row(student) for student in result.students)
    head = "".join(f"<th>{escape(task)}</th>" for task in tasks)
    passed = "".join(f"<li>{escape(task)}: {_passed(result, task)}</li>" for task in tasks)
    title = f"{escape(result.chapter)}: {len(result.students)} submissions"
    problems = "".join(f"<li>{escape(visible(text, 500))}</li>" for text in result.problems)
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n<h1>{title}</h1>\n"
        f'<div class="wide"><table><tr><th>student</th>{head}<th>score</th></tr>{rows}</table></div>\n'
        f"<h2>Tasks</h2>\n<ul>{passed}</ul>\n"
        + (f"<h2>Problems</h2>\n<ul>{problems}</ul>\n" if problems else "")
        + "<h2>Students</h2>\n"
        + "\n".join(_details(student) for student in result.students)
        + "\n</html>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8", errors="replace")
    return path


def _row(student: SubmissionResult) -> str:
    cells = "".join(
        f'<td class="{task.outcome}">{_WORD[task.outcome]} {number(task.score)}/{number(task.max)}</td>'
        for task in student.tasks
    )
    name = escape(visible(student.student))
    return f'<tr><td>{name}</td>{cells}<td class="n">{escape(_score(student))}</td></tr>'


def _details(student: SubmissionResult) -> str:
    items = "".join(_item(task) for task in student.tasks)
    notes = "".join(f"<li>{escape(visible(note, 500))}</li>" for note in student.notes)
    summary = f"{escape(visible(student.student))}: {escape(_score(student))}"
    return f"<details><summary>{summary}</summary><ul>{items}{notes}</ul></details>"


def _item(task: TaskResult) -> str:
    words = "".join(f"<li>{escape(visible(line, 2000))}</li>" for line in task.words())
    inner = f"<ul>{words}</ul>" if words else ""
    word = f'<span class="{task.outcome}">{_WORD[task.outcome]}</span>'
    return f"<li><b>{escape(task.task)}</b> {word}{inner}</li>"


def _passed(result: ChapterResult, task: str) -> str:
    found = [entry.outcome for student in result.students for entry in student.tasks if entry.task == task]
    return f"{found.count('passed')} of {len(found)} passed"


def _score(student: SubmissionResult) -> str:
    text = f"{number(student.score)}/{number(student.max_score)}"
    return f"{text} (not all graded)" if student.blocked else text


def _plain(text: str) -> str:
    return escape_markup(visible(text, 500))
