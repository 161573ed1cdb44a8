"""Runs mmdebstrap, which makes Debian root file systems, so that nothing of it stays behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TextIO

from grader import variables
from grader.engine.system import ids
from grader.engine.system.scratch import scratch_folder
from grader.environment import tools
from grader.errors import ImageError

LOOK_S = 0.1
"""How often its log is looked at for what is new."""
EXPIRED = re.compile(r"Release file for (\S+) is expired \(invalid since (?:(\d+d \d+h)[^)]*|([^)]+))\)")
"""What apt says of such a mirror: apt-secure(8), Valid-Until."""
END_S = 60
"""How long to wait after telling it to end; a slow disk takes a while to remove its folder."""
SOON_S = 1
"""If cleaning up takes longer, this is reported."""

PHASES = (
    ("running apt-get update", 0.00, "fetching package lists"),
    ("downloading packages", 0.03, "fetching the first packages"),
    ("extracting archives", 0.05, "unpacking the first packages"),
    ("installing essential packages", 0.13, "installing"),
    ("installing remaining packages", 0.24, "fetching packages"),
    ("running --customize-hook", 0.68, "finishing"),
    ("cleaning package lists", 0.76, "tidying up"),
    ("creating tarball", 0.77, "packing"),
    ("removing tempdir", 0.90, "tidying up"),
    ("success", 1.00, "done"),
)
"""How mmdebstrap's own lines begin, the share of its time that is over by then (measured on an engine's root
file system, as part of a build that unpacks what is packed), and what to say."""
_COUNT = re.compile(r"\d+ upgraded, (\d+) newly installed")
_WORK = re.compile(r"(Get:|Unpacking |Setting up )(?:\d+ \S+ \S+ \S+ )?([^ :]+)")
_SAYS = {"Get:": "fetching", "Unpacking ": "unpacking", "Setting up ": "setting up"}
_INSTALLS = ("installing essential packages", "installing remaining packages")


class Reader:
    """Reads the verbose log of one run: how far it is, what it does, and its error if it has one."""

    def __init__(self) -> None:
        self.error = self.last = ""
        """The first line that begins with ``E: ``, and the last line of all."""
        self.fraction, self.text = 0.0, PHASES[0][2]
        self._phase, self._packages, self._done = 0, 0, 0

    def read(self, line: str) -> bool:
        """Take a line in; whether there is something new to tell."""
        self.last = line or self.last
        if line.startswith("E: "):
            self.error = self.error or line  # those that follow only say that something failed
        if line.startswith("I: "):
            return self._begins(line[3:])
        if found := _COUNT.match(line):
            self._packages = int(found[1])
        if found := _WORK.match(line):
            return self._works(_SAYS[found[1]], found[2])
        return False

    def _begins(self, words: str) -> bool:
        for number, (start, share, text) in enumerate(PHASES):
            if words.startswith(start) and number > self._phase:
                self._phase, self._done = number, 0
                self.fraction, self.text = share, text
                return True
        return False

    def _works(self, what: str, package: str) -> bool:
        start = PHASES[self._phase][0]
        if start not in _INSTALLS or not self._packages:
            return False
        self._done += 1
        # Each is fetched, unpacked and set up; the first ones are fetched before.
        steps = self._packages * (2 if start == _INSTALLS[0] else 3)
        share, end = PHASES[self._phase][1], PHASES[self._phase + 1][1]
        self.fraction = share + (end - share) * min(1.0, self._done / steps)
        self.text = f"{what} {package}"
        return True


def mmdebstrap(
    options: Sequence[str],
    log_file: Path,
    tell: Callable[[float, str], None],
    *,
    output: IO[bytes] | None = None,
    stop: threading.Event | None = None,
    aside: bool = False,
) -> None:
    """One run of mmdebstrap; ``tell`` gets the share of it that is done and what is being done.

    ``output``: where the root file system goes when the options' target is ``-``. ``aside``: others wait for
    what runs in parallel, so it uses only the processor time that is left over.

    It unpacks in a folder of ``/tmp``, as root with /proc and /sys mounted in it, and clears that away only
    if its own child lives long enough. So what ends this function (Ctrl-C, SIGTERM, a terminal that closes,
    ``stop`` from another thread) interrupts it and waits for it. Should this process be killed, it writes on
    into its log, where a pipe without a reader would end the child, and clears up when the root file system
    is done. Raises CalledProcessError, InterruptedError after ``stop``.
    """
    mode = "root" if os.geteuid() == 0 else "unshare"
    if mode == "unshare" and ids.building_ids().get("fake"):
        # What is only unpacked has no program that a chroot could run.
        mode = "chrootless" if "--variant=extract" in options else "fakechroot"
    argv = ["mmdebstrap", "--verbose", f"--mode={mode}"]
    if os.environ.get(variables.ALLOW_EXPIRED_RELEASE):
        argv.append('--aptopt=Acquire::Check-Valid-Until "false"')
    argv += options
    env = tools() | {"TMPDIR": str(scratch_folder())}
    reader = Reader()
    aside_of = ("nice", "-n", "10") if aside else ()
    with log_file.open("ab") as log, log_file.open(errors="replace") as said:
        said.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            # A shell lets what it starts in the background ignore SIGINT, and all that this starts in turn.
            ["setpriv", "--pdeathsig=TERM", *aside_of, "env", "--default-signal=INT", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output or log,
            stderr=log,
            env=env,
            process_group=0,
        )
        with _ended(process, stop or threading.Event()):
            for line in _lines(said, process):
                if stop and stop.is_set():
                    raise InterruptedError
                if line is not None and reader.read(line):
                    tell(reader.fraction, reader.text)
    if process.returncode:
        if expired := EXPIRED.search(reader.error):
            suite, since = options[-2], expired[2] or expired[3]
            raise ImageError(
                f"The mirror's list of packages for Debian {suite} expired {since} ago: {expired[1]}.",
                next_step="use a mirror that is kept up to date, or use this one anyway: "
                f"`dockbook engine build --suite {suite} --allow-expired-release`.",
            )
        raise subprocess.CalledProcessError(process.returncode, argv, stderr=reader.error or reader.last)


def _lines(said: TextIO, process: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """What is written to ``said``, line by line, until the process has ended and all is read.

    None now and then, so that the caller can leave while nothing is written.
    """
    rest = ""
    ended = False
    while not ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
        ended = process.returncode is not None  # first: what it wrote before its end is read after it
        *lines, rest = (rest + said.read()).split("\n")
        yield from (line.strip() for line in lines)
        yield None
    if rest:
        yield rest.strip()


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes], stop: threading.Event) -> Iterator[None]:
    """Interrupts the process and its children when the block is left early, and waits for their end.

    ``stop`` is set first: whatever runs in parallel cleans up at the same time.

    By SIGINT, as Ctrl-C does: Perl waits for the program that it runs and then cleans up after itself. By
    SIGTERM it ends at once, and the mounts stay.
    """
    try:
        yield
    finally:
        if process.poll() is None:
            stop.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            _wait(process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SOON_S)
        return
    print(f"dockbook: interrupted; waiting for mmdebstrap to clean up (at most {END_S} s)", file=sys.stderr)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S - (time.monotonic() - began))
