"""Where the command ``dockbook`` begins: what must be right before anything of the package is imported.

A module of its own, under a name that no other package has: ``PYTHONPATH`` may hold another ``grader.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Run one command in a tidy environment; its exit code."""
    _open_standard_streams()
    _import_from_here()
    from grader import environment

    if environment.concerns_python(os.environ):
        environment.adopt()
        # Python reads these variables only when it starts.
        os.execv(sys.executable, [sys.executable, *sys.argv])
    for line in environment.adopt():
        print(f"dockbook: {line}", file=sys.stderr)
    from grader.cli import main as run

    return run()


def _import_from_here() -> None:
    """Only Python's own modules, this environment's and this package: nothing from ``PYTHONPATH``.

    The folder of this package is kept, since ``PYTHONPATH`` may name it, too.
    """
    given = [Path(path).absolute() for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    foreign = [path for path in given if path.resolve() != Path(__file__).resolve().parent]
    sys.path[:] = [path for path in sys.path if Path(path).absolute() not in foreign]


def _open_standard_streams() -> None:
    """With a closed one (``<&-``), the next file opened would take its number and become a program's
    input."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
