"""``dockbook book``: the chapters as pages to read."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.boot import find_course
from grader.cli.course import course_option


@click.command()
@course_option
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pages go (default: `book` here). A book that is there is replaced, nothing else.",
)
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
def book(course_path: Path | None, output: Path | None, show: bool) -> None:
    """Make the reading edition: the chapters as pages that open from a disk, on a phone, without a network.

    Stored outputs and figures are in it; solutions, hidden tests and what their cells printed are not.
    """
    from grader.grading.book import make_book

    first = make_book(find_course(course_path), (output or Path("book")).absolute())
    click.echo(f"{first}")
    if show:
        import webbrowser

        webbrowser.open(first.as_uri())
