"""This package as files: for processes that start with a bare Python, for a guest, for a student's kernel.

What a process may import follows from its folder, so what it is given is a list of folders, never of modules.
"""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of ``grader``."""
GUEST = ("__init__.py", "errors.py", "variables.py", "engine/__init__.py", "engine/system", "engine/inside")
"""What process 1 of a nested engine or of a virtual machine is made of."""
BAKE = (*GUEST, "engine/image", "engine/build/__init__.py", "engine/build/nested_bake.py")
"""What bakes the course's images in the container that becomes a nested engine's image."""
STUDENT = ("__init__.py", "errors.py", "files.py", "variables.py", "state", "expect", "notebook")
"""What of this package a student's kernel in an engine may import; nothing else of it is there."""


def bare_python(module: str, call: str, argument: str) -> list[str]:
    """Command line for a function of this package in a Python without site-packages: it starts in 20 ms.

    ``call`` gets ``argument`` as its only one.
    """
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); "
    code += f"from {module} import {call}; {call}(sys.argv[1])"
    return [sys.executable, "-I", "-S", "-c", code, argument]


def sources(parts: tuple[str, ...]) -> dict[str, Path]:
    """The Python files of these parts: each one's path, ``grader/...``, and where it is on this machine."""
    found: dict[str, Path] = {}
    for part in parts:
        place = PACKAGE / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found[f"grader/{path.relative_to(PACKAGE).as_posix()}"] = path
    return found
