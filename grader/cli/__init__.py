"""The command line: parse, call, render, exit code. The only place that knows click.

Exit codes: 0 fine, 1 checks failed, 2 usage, 3 infrastructure, 130 interrupted, 143 terminated;
``engine run`` ends with its command's.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from grader import __version__
from grader.cli import (
    book,
    docs,
    doctor,
    engine,
    formgrader,
    gallery,
    instructor,
    lab,
    report,
    run_tests,
    session,
    workspace,
)
from grader.engine.system import programs
from grader.errors import DockbookError

if TYPE_CHECKING:
    from types import ModuleType


@click.group(context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dockbook")
def cli() -> None:
    """A Docker course in notebooks that grades itself on a real Docker Engine."""


for _command in (
    lab.lab,
    lab.check,
    workspace.status,
    workspace.reset,
    workspace.submit,
    doctor.doctor,
    engine.engine,
    instructor.release,
    instructor.grade,
    report.report,
    instructor.demo,
    instructor.store,
    book.book,
    formgrader.formgrader,
    gallery.gallery,
    session.session,
    run_tests.test,
    docs.docs,
):
    cli.add_command(_command)


def _tools_of_this_environment() -> None:
    """Put our environment's programs on the PATH, as if it were activated.

    nbgrader looks for `alembic` there, and a lab's terminal should find `dockbook`.
    """
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, path])


def _start_quickly() -> None:
    """Save every command a second: jsonschema, which nbformat loads, builds a grammar of addresses.

    It is an optional part of jsonschema, for a check (``iri``) that nothing here uses.
    """
    sys.modules.setdefault("rfc3987_syntax", cast("ModuleType", None))  # an import of it fails


def _terminate(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


def _say(error: DockbookError) -> None:
    # One line, whatever a daemon or a file put into it.
    print("dockbook:", " ".join(str(error).split()), file=sys.stderr)


_DISK_STEP = {
    errno.ENOSPC: "free some room (`df -h` shows which disk is full), then run the same command again.",
    errno.EDQUOT: "free some room within your quota, then run the same command again.",
    errno.EROFS: "set DOCKBOOK_CACHE, DOCKBOOK_STATE or TMPDIR to a folder that you can write in "
    "(`dockbook doctor` says what else is missing).",
    errno.EACCES: "give yourself permission to use it, or choose another place.",
}
"""What a disk may refuse in any write, and what its owner can do about it."""


def _of_the_disk(error: OSError) -> DockbookError | None:
    step = _DISK_STEP.get(error.errno or 0)
    if step is None:
        return None
    where = f": {error.filename}" if error.filename else ""
    return DockbookError(f"{error.strerror}{where}.", next_step=step)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Every error that we know is one line on stderr."""
    programs.extend_path()
    _tools_of_this_environment()
    _start_quickly()
    if threading.current_thread() is threading.main_thread():
        # A terminated command leaves through its context managers, so that engines are disposed of.
        signal.signal(signal.SIGTERM, _terminate)
        signal.signal(signal.SIGHUP, _terminate)
    try:
        result = cli.main(args=arguments, prog_name="dockbook", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("dockbook: interrupted", file=sys.stderr)
        return 130
    except DockbookError as error:
        _say(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader is gone (`| head`). Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 3
    except OSError as error:
        known = _of_the_disk(error)
        if known is None:
            raise
        _say(known)
        return known.exit_code
    return result if isinstance(result, int) else 0
