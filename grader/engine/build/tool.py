"""The programs that an image is made with: run in the default language, and what they said is kept.

A failure names the program that failed, not what it was started through, and says its own words, as text.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.engine.system import ids
from grader.environment import tools

CLOSING = ("exiting with failure status", "exiting now", "error is not recoverable", "failed to run")
"""What a last line says that only repeats that there was an error: tar(1), mmdebstrap(1)."""
UMASK = 0o022


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, data: Path | bytes = b"") -> str:
    """Run one to its end; its output. ``data``: its input, or the file that this is.

    Raises CalledProcessError, with its words as text.
    """
    return _run(argv, argv, env, data)


def run_as_root(own: ids.Ids, folder: Path, argv: Sequence[str], data: Path | bytes = b"") -> str:
    """Run one in ``folder`` as root over the range's files. Raises CalledProcessError, as ``run``."""
    return _run(ids.command(own, str(folder), list(argv)), argv, None, data)


def _run(
    command: Sequence[str], argv: Sequence[str], env: Mapping[str, str] | None, data: Path | bytes
) -> str:
    with tempfile.TemporaryFile() as given:
        if isinstance(data, bytes):
            given.write(data)
            given.seek(0)
        with data.open("rb") if isinstance(data, Path) else given as source:
            done = subprocess.run(
                list(command),
                stdin=source,
                env=dict(env) if env is not None else tools(),
                capture_output=True,
                check=False,
            )
    out, said = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, list(argv), output=out, stderr=said)
    return out


def failure(error: subprocess.CalledProcessError) -> str:
    """Which program failed and what it said, in one line: "`tar`: ./bin: Cannot change ownership"."""
    lines = [line.strip() for line in all_said(error).splitlines() if line.strip()]
    telling = [line for line in lines if not any(words in line.lower() for words in CLOSING)] or lines
    program = Path(error.cmd[0]).name
    why = telling[-1].removeprefix(f"{program}: ") if telling else f"exit code {error.returncode}"
    return f"`{program}`: {why}"


def all_said(error: subprocess.CalledProcessError) -> str:
    """All that the program wrote: to its standard error, else to its output."""
    said = error.stderr or error.stdout or ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


@contextmanager
def modes_for_all() -> Iterator[None]:
    """Files made in this block can be read by all users, whatever the umask.

    The users inside an engine are others than the one who builds its image. The cache's folder is closed.
    """
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)
