"""The student's commands: ``dockbook lab`` and ``dockbook check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import variables
from grader.cli.engine_options import backend_option, find_course, open_chosen
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.course import Course
    from grader.engine.base import Engine

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=variables.WORKSPACE,
    show_envvar=True,
    help="Your copy of the course (default: dockbook-course in your home folder). Never overwritten.",
)


@click.command()
@click.option("--as", "student", metavar="ID", help="Your student id in the course; kept in the workspace.")
@backend_option
@workspace_option
@click.option(
    "--no-browser", is_flag=True, help="Only print the address (the default where there is no display)."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1 (default: a free one)."
)
@click.option(
    "--fresh", is_flag=True, help="Start with a clean engine, in memory: what you make on it is not kept."
)
def lab(
    student: str | None, backend: str, workspace: Path | None, no_browser: bool, port: int, fresh: bool
) -> int:
    """Open your copy of the course in JupyterLab, with an engine of its own.

    Containers, images, networks and volumes that you make are there again the next time.
    """
    from grader.lab.jupyter import run_lab
    from grader.workspace.folder import default_workspace, prepare

    place = (workspace or default_workspace()).expanduser().absolute()
    course = find_course()
    for line in prepare(place, student=student, course=course):
        click.echo(line)
    engine, choice = open_chosen(backend, label="lab", keep_for=None if fresh else place)
    if fresh and engine.private:
        engine.persistence_note = "Nothing on it is kept (--fresh)."
    _tell_of_images(engine, course)
    return run_lab(place, engine, choice.why, browser=not no_browser, port=port, course=course.root)


def _tell_of_images(engine: Engine, course: Course) -> None:
    """The course's images may be missing on the student's own Docker; says how to load them."""
    used = sorted({name for chapter in course.written for name in chapter.images})
    missing = engine.missing_images(used)
    if missing:
        click.echo(f"Missing on your Docker: {', '.join(missing)}. Next: dockbook engine load")


@click.command()
@workspace_option
@click.argument("chapter")
@click.argument("task", required=False)
def check(workspace: Path | None, chapter: str, task: str | None) -> int:
    """Check your work in CHAPTER (or only TASK) with the visible checks."""
    from grader.notebook.terminal_check import run_check
    from grader.workspace.folder import default_workspace, find_notebook

    place = (workspace or default_workspace()).expanduser().absolute()
    if not place.is_dir():
        raise UsageError(f"There is no workspace at {place}.", next_step="make one with `dockbook lab`.")
    return run_check(find_notebook(place, chapter), task)
