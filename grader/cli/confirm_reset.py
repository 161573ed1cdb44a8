"""Says what will be removed from an engine, asks, and removes it: for ``reset`` and ``engine reset``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grader.engine.contents import Contents
    from grader.workspace.running_lab import RunningLab

_MOST_NAMES = 12


def clean_after_asking(place: Path, lab: RunningLab | None, *, yes: bool) -> bool:
    """Whether the workspace's engine is clean now. Asks unless ``yes``, or when there is nothing to lose."""
    from grader.workspace.clean_engine import clean_engine, engine_contents, is_clean

    if is_clean(place, lab):
        return True
    found = engine_contents(place, lab)
    if found:
        click.echo("These things are on your engine and would be removed:")
        for line in lines(found):
            click.echo(f"  {line}")
        if not yes and not _confirmed():
            click.echo("The engine is left unchanged.")
            return False
    clean_engine(place, lab)
    click.echo("clean: your engine; only the course's images are on it")
    return True


def lines(found: Contents) -> list[str]:
    """A line for each kind of thing. Names are the student's: shown, never run."""
    from dataclasses import asdict

    from grader.expect.words import visible

    said = []
    for kind, names in asdict(found).items():
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            said.append(f"{kind}: {', '.join(visible(name, 60) for name in names[:_MOST_NAMES])}{more}")
    return said


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        click.echo("This is not a terminal, so you cannot be asked. Next: add --yes.")
        return False
    return click.confirm("Remove them?", default=False)
