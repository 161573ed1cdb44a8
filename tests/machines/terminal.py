"""A person at a terminal: what is typed into a login shell over ssh, and what is read there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pexpect

from tests.machines.machine import Machine
from tests.machines.recipe import LOGIN

PROMPT = re.compile(rf"(?:{LOGIN}|root)@machine:[^\r\n ]*[$#] ")
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][AB0]?)")
LOGIN_S = 120


class Terminal:
    """An ssh session with a terminal; to be closed. ``log``: a file for all that is shown."""

    def __init__(self, machine: Machine, user: str = LOGIN, *, log: Path | None = None) -> None:
        command, *arguments = machine.ssh(user, options=("-tt",))
        self._shell = pexpect.spawn(
            command,
            arguments,
            env=os.environ | {"TERM": "xterm"},
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 200),
            timeout=LOGIN_S,
        )
        self._log = log.open("a", encoding="utf-8") if log else None
        self._shell.logfile_read = self._log
        self._shell.expect(PROMPT)

    def enter(self, line: str, *, seconds: float = 120) -> str:
        """Type a line and read until the next prompt; what was shown in between."""
        self.begin(line)
        return self.until(PROMPT, seconds=seconds)

    def begin(self, line: str) -> None:
        """Type a line, and read its echo alone."""
        self._shell.sendline(line)
        self._shell.expect_exact("\n", timeout=LOGIN_S)

    def until(self, pattern: str | re.Pattern[str], *, seconds: float) -> str:
        """What is shown until the pattern comes, with it; a prompt is left out.

        Raises AssertionError with what was shown if it does not come.
        """
        try:
            self._shell.expect([pattern], timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            shown = plain(self._shell.before or "")[-3000:]
            raise AssertionError(
                f"{pattern!r} was not shown within {seconds:.0f} s, but:\n{shown}"
            ) from error
        return plain(self._shell.before + ("" if pattern is PROMPT else self._shell.after))

    def code(self) -> int:
        """How the last line ended."""
        return int(self.enter("echo $?").split()[-1])

    def interrupt(self, *, seconds: float) -> str:
        """Press Ctrl-C and read until the prompt; what was shown."""
        self._shell.sendintr()
        return self.until(PROMPT, seconds=seconds)

    def close(self) -> None:
        """Hang up."""
        self._shell.close(force=True)
        if self._log:
            self._log.close()


def plain(text: str) -> str:
    """Without a terminal's escape sequences; lines end as in a file."""
    return ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
