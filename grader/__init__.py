"""Dockbook: a Docker course in notebooks that grades itself on a real Docker Engine.

Layers, each importing only those below it: ``cli``, ``lab`` and ``grading``, ``expect``, ``state``,
``engine``, ``errors``. ``%load_ext grader`` loads the student's side and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Set a notebook up: an engine, the checks, the pictures (``%load_ext grader``)."""
    from grader.notebook.extension import load

    load(shell)
