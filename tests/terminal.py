"""A person at a terminal: what is typed into a login shell, and what is read there."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][AB0]?)")
Pattern = str | re.Pattern[str]
LOGIN_S = 120
ENTER_S = 120


class Terminal:
    """A command with a terminal, which shows ``prompt`` once one may type; to be closed.

    ``log``: a file for all that is shown.
    """

    def __init__(self, argv: Sequence[str], prompt: Pattern, *, log: Path | None = None) -> None:
        self._prompt = re.compile(prompt)
        self._shell = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            env=os.environ | {"TERM": "xterm"},
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 200),
            timeout=LOGIN_S,
        )
        self._log = log.open("a", encoding="utf-8") if log else None
        self._shell.logfile_read = self._log
        self._shell.expect(self._prompt)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def change_prompt(self, line: str, prompt: Pattern) -> None:
        """Type a line that gives the shell another prompt."""
        self._prompt = re.compile(prompt)
        self._shell.sendline(line)
        self._shell.expect(self._prompt)

    def enter(self, line: str, *, seconds: float = ENTER_S) -> str:
        """Type a line and read until the next prompt; what was shown in between."""
        self.begin(line)
        return self.finish(seconds=seconds)

    def begin(self, line: str) -> None:
        """Type a line, and read its echo alone."""
        self._shell.sendline(line)
        self._shell.expect_exact("\n", timeout=LOGIN_S)

    def finish(self, *, seconds: float) -> str:
        """What is shown until the prompt comes."""
        return self.until(self._prompt, seconds=seconds)

    def until(self, pattern: Pattern, *, seconds: float) -> str:
        """What is shown until the pattern comes, with it; a prompt is left out.

        Raises AssertionError with what was shown if it does not come, or the prompt comes first.
        """
        try:
            found = self._shell.expect([pattern, self._prompt], timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            shown = plain(self._shell.before or "")[-3000:]
            raise AssertionError(
                f"{pattern!r} was not shown within {seconds:.0f} s, but:\n{shown}"
            ) from error
        before = plain(self._shell.before)
        if pattern == self._prompt:
            return before
        assert found == 0, f"{pattern!r} was not shown, but:\n{before[-3000:]}"
        return before + plain(self._shell.after)

    def code(self) -> int:
        """How the last line ended."""
        return int(self.enter("echo $?").split()[-1])

    def interrupt(self, *, seconds: float) -> str:
        """Press Ctrl-C and read until the prompt; what was shown."""
        self._shell.sendintr()
        return self.finish(seconds=seconds)

    def close(self) -> None:
        """Hang up."""
        self._shell.close(force=True)
        if self._log:
            self._log.close()


def plain(text: str) -> str:
    """Without a terminal's escape sequences; lines end as in a file."""
    return ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
