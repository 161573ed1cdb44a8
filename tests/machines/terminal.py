"""A person at a terminal: what is typed into a login shell over ssh, and what is read there."""

from __future__ import annotations

import re
from pathlib import Path

from tests import terminal
from tests.machines.machine import Machine
from tests.machines.recipe import LOGIN

PROMPT = re.compile(rf"(?:{LOGIN}|root)@machine:[^\r\n ]*[$#] ")


class Terminal(terminal.Terminal):
    """An ssh session with a terminal; to be closed. ``log``: a file for all that is shown."""

    def __init__(self, machine: Machine, user: str = LOGIN, *, log: Path | None = None) -> None:
        super().__init__(machine.ssh(user, options=("-tt",)), PROMPT, log=log)
