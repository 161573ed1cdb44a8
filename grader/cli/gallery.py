"""``dockbook gallery``: every picture that a notebook shows, on one page."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from grader.cli.engine_options import open_chosen
from grader.errors import UsageError


@click.command()
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to write gallery.html (default: a new temporary folder).",
)
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
def gallery(folder: Path | None, show: bool) -> None:
    """Draw every picture of the course on one page, from real containers on a separate engine.

    The page is self-contained: what containers, images, networks and lists look like in a notebook, what
    why() says and what %%trace shows.
    """
    from grader.lab.gallery import hang, page

    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="dockbook-gallery-"))
    path = folder.expanduser().absolute() / "gallery.html"
    # Checked before the engine starts: no one should wait half a minute to find out.
    _write(path, "")
    engine, _ = open_chosen("sandbox", label="gallery")
    with engine:
        exhibits = hang(engine.client(timeout=60), engine.docker_host, engine.env())
    _write(path, page(exhibits))
    click.echo(f"{len(exhibits)} pictures, tables and explanations: {path}")
    if show:
        import webbrowser

        webbrowser.open(path.as_uri())


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", next_step="name another folder with --output."
        ) from error
