"""``python -m tests.machines.start NAME``: a machine to try things on, until Ctrl-C or its end."""

from __future__ import annotations

import shlex
import signal
import sys

from tests.machines.machine import started
from tests.machines.recipe import RECIPES


def main(names: list[str]) -> int:
    """Start the machine, print how to log in, wait."""
    if len(names) != 1 or names[0] not in RECIPES:
        sys.stderr.write(f"usage: python -m tests.machines.start {' | '.join(RECIPES)}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with started(names[0]) as machine:
            sys.stdout.write(f"login user: {shlex.join(machine.ssh())}\n")
            sys.stdout.write(f"root:       {shlex.join(machine.ssh('root'))}\n")
            sys.stdout.write("Ctrl-C stops the machine and forgets what was changed in it.\n")
            sys.stdout.flush()
            machine.wait_for_end()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
