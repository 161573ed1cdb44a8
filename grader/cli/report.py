"""`dockbook report`: how a class did, for the browser, a spreadsheet or a program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.engine_options import find_course
from grader.cli.instructor import course_option
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.course import Course
    from grader.grading.report.data import ClassReport

STDOUT = "-"


@click.command()
@click.argument("chapter")
@course_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(("html", "json", "csv")),
    default="html",
    show_default=True,
    help="A page for the browser, data for a program, or a row for each student and task.",
)
@click.option(
    "--output",
    metavar="FILE",
    help="Where to write; - is stdout (default: reports/CHAPTER.html in the course, stdout for data).",
)
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
def report(chapter: str, course_path: Path | None, kind: str, output: str | None, show: bool) -> int:
    """Report on the class of CHAPTER: scores, tasks, what was not understood, what is blocked.

    Grades nothing, needs no engine, and works while a grading is running. Exit code 3 if a verdict or the
    journal could not be read; the rest is still reported.
    """
    from grader.grading.report.gather import gather

    if show and (kind != "html" or output == STDOUT):
        raise UsageError("--open needs the page in a file.", next_step="drop --format and `--output -`.")
    course = find_course(course_path, writes=True)
    found = gather(course, course.chapter(chapter))
    if kind == "html" and output != STDOUT:
        _page(course, found, Path(output) if output else None, show)
    else:
        _text(_rendered(found, kind), output)
    damaged = found.of("damaged")
    for line in (*found.problems, *(f"{row.student}: {row.problem}" for row in damaged)):
        _say(line)
    return 3 if damaged or found.problems else 0


def _page(course: Course, found: ClassReport, path: Path | None, show: bool) -> None:
    from grader.grading.report.page import default_path, write_report

    path = (path or default_path(course, found.chapter)).absolute()
    try:
        write_report(found, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    click.echo(f"{len(found.graded)} of {found.handed_in} graded so far: {path}")
    if show:
        import webbrowser

        webbrowser.open(path.as_uri())


def _rendered(found: ClassReport, kind: str) -> str:
    from grader.grading.report import export
    from grader.grading.report.page import render_page

    return {"html": render_page, "json": export.as_json, "csv": export.as_csv}[kind](found)


def _text(text: str, output: str | None) -> None:
    from grader.grading.report.export import write_out

    # Bytes: a csv's line ends and characters are the same wherever it goes.
    data = text.encode("utf-8", "replace")
    if output in (None, STDOUT):
        click.echo(data, nl=False)
        return
    path = Path(str(output))
    try:
        write_out(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}.", next_step="name a file with --output.")


def _say(line: str) -> None:
    from grader.expect.words import visible

    print("dockbook:", visible(line, 500), file=sys.stderr)
