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
STUDENT = (
    *("__init__.py", "errors.py", "files.py", "unix_socket.py", "variables.py", "worked_answers.py"),
    *("state", "expect", "notebook"),
)
"""What of this package a student's kernel in an engine may import; nothing else of it is there."""


def bare_python(module: str, call: str, argument: str) -> list[str]:
    """Command line for a function of this package in a Python without site-packages: it starts in 20 ms.

    ``call`` gets ``argument`` as its only one.
    """
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); "
    code += f"from {module} import {call}; {call}(sys.argv[1])"
    return [sys.executable, "-I", "-S", "-c", code, argument]


def file_text(name: str, **values: object) -> str:
    """A file of this package, such as ``engine/inside/files/vm-pause.sh``.

    In the file, ``values`` are their names between two ``@``. Modules read their files when they are
    imported: processes that have an engine's root for theirs no longer see this package.
    """
    found = (PACKAGE / name).read_text(encoding="utf-8")
    for key, value in values.items():
        found = found.replace(f"@{key}@", str(value))
    return found


def code(place: Path) -> list[Path]:
    """The modules below a folder, and the files that they read: those in folders named ``files``."""
    return sorted(
        path
        for path in place.rglob("*")
        if path.suffix == ".py" or (path.parent.name == "files" and path.is_file())
    )


def sources(parts: tuple[str, ...]) -> dict[str, Path]:
    """The files of these parts: each one's path, ``grader/...``, and where it is on this machine."""
    found: dict[str, Path] = {}
    for part in parts:
        place = PACKAGE / part
        for path in code(place) if place.is_dir() else [place]:
            found[f"grader/{path.relative_to(PACKAGE).as_posix()}"] = path
    return found
