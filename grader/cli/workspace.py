"""What a student does with a workspace: ``dockbook status``, ``reset`` and ``submit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.boot import find_course
from grader.cli.lab import workspace_option

if TYPE_CHECKING:
    from grader.lab.running import RunningLab
    from grader.lab.status import ChapterStatus


def _place(workspace: Path | None) -> Path:
    from grader.lab.workspace import default_workspace

    return (workspace or default_workspace()).expanduser().absolute()


@click.command()
@workspace_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(workspace: Path | None, as_json: bool) -> None:
    """Show how the chapters in your workspace stand: in work or not, checks passed, submitted or not.

    Needs no engine: what is passed is what your saved notebooks show. It is not the grade.
    """
    from dataclasses import asdict

    from grader.lab.running import running_lab_over
    from grader.lab.status import workspace_status

    place = _place(workspace)
    found = workspace_status(place, find_course())
    lab = running_lab_over(place)
    if as_json:
        about = {"address": lab.address, "engine": lab.engine.id if lab.engine else None} if lab else None
        rows = [asdict(one) for one in found]
        click.echo(json.dumps({"workspace": str(place), "lab": about, "chapters": rows}, indent=2))
        return
    _table(place, found)
    for line in _remarks(found):
        click.echo(line)
    click.echo(_lab_line(lab))


def _table(place: Path, found: list[ChapterStatus]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.lab.workspace import student_of

    student = student_of(place)
    title = f"{place}" + (f", {student}" if student else "")
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("chapter", "notebook", "checks passed", "submitted", "kept"):
        table.add_column(name, overflow="fold")
    for one in found:
        passed = f"{one.passed} of {one.tasks}" if one.tasks else "-"
        sent = one.submitted.replace("T", " ").replace("Z", " UTC") or "-"
        cells = (one.chapter, one.state, passed, sent + (", changed since" if one.changed else ""))
        table.add_row(*(Text(cell) for cell in (*cells, str(len(one.kept) or "-"))))
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(table)


def _remarks(found: list[ChapterStatus]) -> list[str]:
    from grader.expect.words import visible

    lines = []
    for one in found:
        if one.state == "damaged":
            step = "`dockbook lab` keeps it aside and gives a clean one."
            lines.append(f"{one.chapter} is damaged: {one.trouble}. Next: {step}")
        lines += [f"{one.chapter}: beside your notebook: {visible(name)}" for name in one.beside]
        lines += [f"{one.chapter}: kept: kept/{visible(name)}" for name in one.kept]
    return lines


def _lab_line(lab: RunningLab | None) -> str:
    if lab is None:
        return "No lab is running here. It starts with: dockbook lab"
    engine = f"engine {lab.engine.id} ({lab.engine.boot})" if lab.engine else "your own Docker"
    return f"A lab is running here, with {engine}: {lab.address}"


@click.command()
@workspace_option
@click.argument("chapter")
def reset(workspace: Path | None, chapter: str) -> None:
    """Start CHAPTER over: keep a dated copy of your folder and get a clean one.

    The copy lies in your workspace's folder `kept`. Nothing is deleted, and no engine is touched.
    """
    from grader.lab.reset import reset as reset_
    from grader.lab.running import running_lab_over

    place = _place(workspace)
    done = reset_(place, find_course().chapter(chapter))
    if done.kept:
        click.echo(f"kept:  {done.kept}")
    if done.leads_to:
        click.echo(f"It was a link to {done.leads_to}; what is there was not touched.")
    click.echo(f"clean: {done.notebook}")
    lab = running_lab_over(place)
    if lab is None:
        return
    click.echo(
        "A lab is running here. In JupyterLab, close the chapter's tab, shut its kernel down "
        "(Kernel > Shut Down Kernel) and open it again. What was not saved there is not in the copy."
    )
    fresh = " A lab that you start anew has a fresh engine." if lab.engine else ""
    click.echo(
        "Containers that you made are still on its engine: the chapter's cells remove their own with "
        f"forget() when you run them.{fresh}"
    )


@click.command()
@workspace_option
@click.option("--as", "student", metavar="ID", help="Your id as the course knows it; kept in the workspace.")
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
    from grader.lab.running import running_lab_over
    from grader.lab.submit import submit as submit_
    from grader.lab.workspace import chapter_in, require_workspace

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
