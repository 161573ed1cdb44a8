"""What a student does with a workspace: ``dockbook status``, ``reset`` and ``submit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.engine_options import find_course
from grader.cli.lab import workspace_option

if TYPE_CHECKING:
    from grader.engine.persistent_state import PersistentState
    from grader.workspace.running_lab import RunningLab
    from grader.workspace.status import ChapterStatus


def _place(workspace: Path | None) -> Path:
    from grader.workspace.folder import default_workspace

    return (workspace or default_workspace()).expanduser().absolute()


@click.command()
@workspace_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(workspace: Path | None, as_json: bool) -> None:
    """Show your progress in each chapter: started or not, checks passed, submitted or not.

    Needs no engine: it counts the passed checks in your saved notebooks. This is not your grade.
    """
    from dataclasses import asdict

    from grader.engine.persistent_state import PersistentState
    from grader.workspace.running_lab import running_lab_over
    from grader.workspace.status import workspace_status

    place = _place(workspace)
    found = workspace_status(place, find_course())
    lab = running_lab_over(place)
    state = PersistentState(place)
    if as_json:
        about = {"address": lab.address, "engine": lab.engine.id if lab.engine else None} if lab else None
        rows = [asdict(one) for one in found]
        engine = {"folder": str(state.place), "bytes": state.size()} if state.place.is_dir() else None
        said = {"workspace": str(place), "lab": about, "saved_engine": engine, "chapters": rows}
        click.echo(json.dumps(said, indent=2))
        return
    _table(place, found)
    for line in _remarks(found):
        click.echo(line)
    click.echo(_lab_line(lab))
    if line := _state_line(state):
        click.echo(line)


def _table(place: Path, found: list[ChapterStatus]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.workspace.record import student_of

    student = student_of(place)
    title = f"{place}" + (f", {student}" if student else "")
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("chapter", "notebook", "checks passed", "submitted", "kept"):
        table.add_column(name, overflow="fold")
    for one in found:
        passed = f"{one.passed} of {one.tasks}" if one.tasks else "-"
        sent = one.submitted.replace("T", " ").replace("Z", " UTC") or "-"
        cells = (one.chapter, one.state, passed, sent + (", changed since" if one.changed else ""))
        table.add_row(*(Text(cell) for cell in (*cells, str(len(one.kept_copies) or "-"))))
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(table)


def _remarks(found: list[ChapterStatus]) -> list[str]:
    from grader.expect.words import visible

    lines = []
    for one in found:
        if one.state == "damaged":
            step = "`dockbook lab` sets it aside and gives you a clean one."
            lines.append(f"{one.chapter} is damaged: {one.problem}. Next: {step}")
        lines += [f"{one.chapter}: next to your notebook: {visible(name)}" for name in one.other_notebooks]
        lines += [f"{one.chapter}: kept: kept/{visible(name)}" for name in one.kept_copies]
    return lines


def _lab_line(lab: RunningLab | None) -> str:
    if lab is None:
        return "No lab is running here. It starts with: dockbook lab"
    engine = f"engine {lab.engine.id} ({lab.engine.backend})" if lab.engine else "your own Docker"
    return f"A lab is running here, with {engine}: {lab.address}"


def _state_line(state: PersistentState) -> str:
    """The saved engine state, as `du` counts it."""
    if not state.exists() and not state.aside():
        return ""
    aside = "".join(f" Moved aside, as no engine could start from it: {path}." for path in state.aside())
    return (
        f"Saved engine state: {state.size() / 1e6:.1f} MB on disk.{aside} `dockbook engine reset` deletes it."
    )


@click.command()
@workspace_option
@click.option("--yes", is_flag=True, help="Do not ask before removing your containers and images.")
@click.option("--keep-engine", is_flag=True, help="Only the chapter: leave the engine unchanged.")
@click.argument("chapter")
def reset(workspace: Path | None, chapter: str, yes: bool, keep_engine: bool) -> None:
    """Start CHAPTER over: keep a dated copy of your folder, get a clean one, and a clean engine.

    The copy goes to your workspace's folder `kept`. The containers, images, networks and volumes that you
    made on the course's engine are removed, after asking you; your own Docker is never touched.
    """
    from grader.cli.confirm_reset import clean_after_asking
    from grader.workspace.reset import reset as reset_
    from grader.workspace.running_lab import running_lab_over

    place = _place(workspace)
    done = reset_(place, find_course().chapter(chapter))
    if done.kept:
        click.echo(f"kept:  {done.kept}")
    if done.leads_to:
        click.echo(f"It was a link to {done.leads_to}; nothing there was changed.")
    click.echo(f"clean: {done.notebook}")
    lab = running_lab_over(place)
    if not keep_engine:
        clean_after_asking(place, lab, yes=yes)
    if lab is None:
        return
    click.echo(
        "A lab is running here. In JupyterLab, close the chapter's tab, shut its kernel down "
        "(Kernel > Shut Down Kernel) and open it again. What was not saved there is not in the copy."
    )
    if lab.engine is None:
        click.echo(
            "Containers that you made are still on your own Docker: the chapter's cells remove theirs with "
            "forget() when you run them."
        )


@click.command()
@workspace_option
@click.option("--as", "student", metavar="ID", help="Your student id in the course; kept in the workspace.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the zip and its receipt go (default: submissions in your workspace).",
)
@click.argument("chapter")
def submit(workspace: Path | None, student: str | None, output: Path | None, chapter: str) -> None:
    """Pack your work on CHAPTER into a zip to hand in, with a receipt.

    Takes what is saved; links are not followed. The receipt says which checks pass in your notebook: that is
    not the grade.
    """
    from grader.workspace.folder import chapter_in, require_workspace
    from grader.workspace.running_lab import running_lab_over
    from grader.workspace.submit import submit as submit_

    place = require_workspace(_place(workspace))
    target = output.expanduser().absolute() if output else None
    done = submit_(place, chapter_in(place, find_course(), chapter), student=student, output=target)
    click.echo(done.receipt.as_text())
    click.echo(f"receipt:      {done.receipt_file}")
    click.echo(f"hand in this: {done.zip}")
    for line in done.warnings:
        click.echo(f"dockbook: {line}", err=True)
    if running_lab_over(place):
        click.echo("dockbook: a lab is running: what JupyterLab has not saved is not in the zip", err=True)
