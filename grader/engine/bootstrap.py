"""Runs mmdebstrap, which makes Debian root file systems, so that nothing of it stays behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from grader.engine import ids, trial
from grader.environment import tools
from grader.errors import ImageError

LOOK_S = 0.1
"""How often its log is looked at for what is new."""
HOOK = "I: running --"
"""How a hook's line begins: a command of ours for the log, not for whoever waits."""
SCRATCH_BYTES = 1536 << 20
"""Room for the engine's root file system and the packages that it is made of, while it is unpacked."""
EXPIRED_VARIABLE = "DOCKBOOK_ALLOW_EXPIRED_RELEASE"
"""Set: a mirror that stands still may be used, though its lists are no longer valid."""
EXPIRED = re.compile(r"Release file for (\S+) is expired \(invalid since (?:(\d+d \d+h)[^)]*|([^)]+))\)")
"""What apt says of such a mirror: apt-secure(8), Valid-Until."""
END_S = 60
"""How long it is waited for when it is told to end; a slow disk takes a while to let go of its folder."""


def mmdebstrap(options: Sequence[str], log_file: Path, tell: Callable[[str], None]) -> None:
    """One run of mmdebstrap; ``tell`` gets its own words on how far it is. Raises CalledProcessError.

    It unpacks in a folder of ``/tmp``, as root with /proc and /sys mounted in it, and clears that away only
    if its own child lives long enough. So what ends this function (Ctrl-C, SIGTERM, a terminal that closes)
    interrupts it and waits for it. Should this process be killed, it writes on into its log, where a pipe
    without a reader would end the child, and clears up when the root file system is done.
    """
    mode = "root" if os.geteuid() == 0 else "unshare"
    if mode == "unshare" and ids.building_ids().get("fake"):
        # What is only unpacked has no program that a chroot could run.
        mode = "chrootless" if "--variant=extract" in options else "fakechroot"
    argv = ["mmdebstrap", f"--mode={mode}"]
    if os.environ.get(EXPIRED_VARIABLE):
        argv.append('--aptopt=Acquire::Check-Valid-Until "false"')
    argv += options
    env = tools() | {"TMPDIR": str(scratch_folder())}
    with log_file.open("ab") as log, log_file.open(errors="replace") as said:
        said.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            # A shell lets what it starts in the background ignore SIGINT, and all that this starts in turn.
            ["setpriv", "--pdeathsig=TERM", "env", "--default-signal=INT", *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            process_group=0,
        )
        error = last = ""
        with _ended(process):
            for line in _lines(said, process):
                last = line or last
                if line.startswith("E: "):
                    error = error or line  # those that follow only say that something failed
                if line.startswith("I: ") and not line.startswith(HOOK):
                    tell(line[3:])
    if process.returncode:
        if expired := EXPIRED.search(error):
            suite, since = options[-2], expired[2] or expired[3]
            raise ImageError(
                f"The mirror's list of packages for Debian {suite} expired {since} ago: {expired[1]}.",
                next_step="use a mirror that is kept up to date, or take this one as it is: "
                f"`dockbook engine build --suite {suite} --allow-expired-release`.",
            )
        raise subprocess.CalledProcessError(process.returncode, argv, stderr=error or last)


def scratch_folder(needed: int = SCRATCH_BYTES) -> Path:
    """Where a root file system is unpacked: TMPDIR, /tmp or /var/tmp. Raises ImageError where none will do.

    It takes room, and a user who is not the caller: mmdebstrap's own user enters its folder by its path.
    """
    own = ids.REAL if os.geteuid() == 0 else ids.building_ids()
    against = {}
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        folder = Path(place)
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            against[place] = error.strerror or str(error)
            continue
        if free < needed:
            against[place] = f"{free >> 20} MB free"
        elif trouble := trial.try_scratch(own, folder):
            against[place] = str(trouble)
        else:
            return folder
    found = "; ".join(f"{place}: {why}" for place, why in against.items())
    raise ImageError(
        f"There is no folder to unpack Debian in, for {needed >> 20} MB. {found}.",
        next_step="set TMPDIR to a folder on a local disk with that room, which other users may enter.",
    )


def _lines(said: TextIO, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """What is written to ``said``, line by line, until the process has ended and all is read."""
    rest = ""
    ended = False
    while not ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
        ended = process.returncode is not None  # first: what it wrote before its end is read after it
        *lines, rest = (rest + said.read()).split("\n")
        yield from (line.strip() for line in lines)
    if rest:
        yield rest.strip()


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Interrupts the process and its children when the block is left early, and waits for their end.

    By SIGINT, as Ctrl-C does: Perl waits for the program that it runs and goes on to its own clearing up. By
    SIGTERM it ends at once, and the mounts stay.
    """
    try:
        yield
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
