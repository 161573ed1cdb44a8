"""``dockbook book``: the chapters as pages to read."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.engine_options import find_course
from grader.cli.instructor import course_option


@click.command()
@course_option
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pages go (default: `book` here). An existing book is replaced, other files never.",
)
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
def book(course_path: Path | None, output: Path | None, show: bool) -> int:
    """Make the reading edition: the chapters as pages that open from a disk, on a phone, without a network.

    Stored outputs and figures are in it; solutions, hidden tests and what their cells printed are not. A
    chapter that cannot be made into a page is left out, and the exit code is 1.
    """
    from grader.grading.html_export import make_book

    left_out: list[str] = []
    first = make_book(find_course(course_path), (output or Path("book")).absolute(), left_out.append)
    for line in left_out:
        click.echo(f"left out: {line}", err=True)
    click.echo(f"{first}")
    if show:
        import webbrowser

        webbrowser.open(first.as_uri())
    return 1 if left_out else 0
