"""``dockbook doctor``: one screen about this machine."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a screen.")
def doctor(as_json: bool) -> int:
    """Say what works on this machine, what does not and why, with the next step for each problem.

    Exit code 0 if an engine can be started, else 3.
    """
    from grader.engine.doctor.examine import examine

    report = examine()
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        click.echo(report.as_text())
    return 0 if report.usable else 3
