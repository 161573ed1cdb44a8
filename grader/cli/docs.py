"""``dockbook docs``: the documentation as a site, in a clone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from grader.cli.run_tests import clone
from grader.errors import UsageError


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder of the site; build/docs in the clone unless it is given.",
)
def docs(output: Path | None) -> int:
    """Build the documentation: the pages of docs/, and a reference of every check.

    A warning is an error. Needs a clone and the `docs` extra: ./dockbook docs provides both.
    """
    root = clone()
    if importlib.util.find_spec("sphinx") is None:
        raise UsageError("Sphinx is not installed.", next_step="use ./dockbook docs, which installs it.")
    site = output or root / "build" / "docs"
    words = ["-W", "-n", "--keep-going", "-q", "-b", "html", str(root / "docs"), str(site)]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], check=False)
    if done.returncode == 0:
        click.echo(f"{site / 'index.html'}")
    return done.returncode
