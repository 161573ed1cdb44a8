"""``dockbook formgrader``: nbgrader's pages for grading by hand."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.engine_options import find_course
from grader.cli.instructor import course_option
from grader.errors import CourseError


@click.command()
@course_option
@click.option(
    "--no-browser", is_flag=True, help="Only print the address (the default where there is no display)."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 (default: a free one)."
)
def formgrader(course_path: Path | None, no_browser: bool, port: int) -> int:
    """Open nbgrader's formgrader: grade by hand, comment, see the scores.

    It answers on 127.0.0.1 alone and asks for a token. Its Autograde button takes the same trusted path as
    `dockbook grade`; for a whole class that command is the quicker one.
    """
    from grader.lab.jupyter import run_formgrader

    course = find_course(course_path, writes=True)
    if course.shipped:
        raise CourseError(
            f"{course.root} is the copy inside the installed package: it cannot be used for grading.",
            next_step="name your own course folder with --course.",
        )
    return run_formgrader(course.root, browser=not no_browser, port=port)
