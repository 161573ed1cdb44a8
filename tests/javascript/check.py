"""The lab's JavaScript: oxlint's rules, and its types by TypeScript's compiler.

    python -m tests.javascript.check

It needs nothing from the system: oxlint, Node.js and npm are wheels of the ``test`` extra. The compiler and
JupyterLab's declarations are npm packages, each with its hash in ``package-lock.json``; they are installed
into ``build/javascript`` when that file has changed, without their install scripts. That alone needs the
network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = ROOT / "grader/lab/server/labextensions/dockbook/static"
TOOLS = Path(sys.executable).parent
INSTALLED = ".dockbook-lock.json"
"""A copy of the lock file, written when all of it is installed."""


def main() -> int:
    """Run both tools; 1 if one found something."""
    folder = ROOT / "build" / "javascript"
    install(folder)
    return 1 if any([lint(SOURCE), types(SOURCE, folder)]) else 0


def install(folder: Path) -> None:
    """The packages of the lock file, in ``folder``. Raises SystemExit if npm cannot install them."""
    lock = HERE / "package-lock.json"
    done = folder / INSTALLED
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    npm = run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    if npm.returncode:
        sys.exit(
            f"npm could not install the packages of {lock} (above). Next: make sure that its registry, "
            "`npm config get registry`, can be reached from here, and run this again."
        )
    shutil.copy(lock, done)


def lint(source: Path) -> int:
    """oxlint's exit code for the files in ``source``; it prints what it finds."""
    return run(["oxlint", f"--config={HERE / '.oxlintrc.json'}", str(source)], ROOT).returncode


def types(source: Path, folder: Path) -> int:
    """The compiler's exit code for the files in ``source``, with the packages in ``folder``."""
    project = folder / "tsconfig.json"
    settings = {
        "extends": os.path.relpath(HERE / "tsconfig.json", folder),
        "compilerOptions": {"paths": {"*": ["./node_modules/*"]}},
        "include": [f"{source}/*"],
    }
    project.write_text(json.dumps(settings), encoding="utf-8")
    compiler = folder / "node_modules/typescript/bin/tsc"
    return run(["node", str(compiler), "--project", str(project)], ROOT).returncode


def run(argv: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run one of the environment's own programs; the system's Node.js is not used."""
    path = f"{TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    program = str(TOOLS / argv[0])
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} is missing. Next: pip install '.[test]', or run ./dockbook test, which does.")
    return subprocess.run([program, *argv[1:]], cwd=folder, env={**os.environ, "PATH": path}, check=False)


if __name__ == "__main__":
    sys.exit(main())
