"""``dockbook session``: what a container image for Binder or a JupyterHub starts with."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.engine_options import find_course
from grader.cli.lab import workspace_option
from grader.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--prepare", "only_prepare", is_flag=True, help="Only make the workspace, for building an image."
)
@workspace_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def session(only_prepare: bool, workspace: Path | None, command: tuple[str, ...]) -> int:
    """Run COMMAND, a JupyterLab that a hub starts, with an engine in a virtual machine behind it.

    For container images (see binder/). The engine starts at the same time as the command, is restarted if it
    dies, and ends with the command; the exit code is the command's.
    """
    from grader.lab.session import is_prepared, prepare_session, run_session
    from grader.workspace.folder import default_workspace

    if bool(command) == only_prepare:
        raise UsageError("Give either a COMMAND or --prepare.", next_step="dockbook session -- jupyter lab")
    course = find_course()
    place = (workspace or default_workspace()).expanduser().absolute()
    if only_prepare or not is_prepared(place):
        for line in prepare_session(place, course):
            click.echo(line, err=True)
    return 0 if only_prepare else run_session(command, place, course.root)
