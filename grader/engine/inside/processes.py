"""Starting programs in a sandbox and waiting for their end, for its process 1. Standard library only."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": "/run"}


class Processes:
    """``log``: a descriptor for what programs say; ``api``: the API's listening socket, for one of them."""

    log: int
    api: socket.socket

    def spawn(
        self,
        argv: list[str],
        env: dict[str, str] | None = None,
        api: bool = False,
        before: Callable[[], None] | None = None,
    ) -> int:
        """Fork and exec; output goes to the keeper's log.

        ``api``: hand the API's listening socket over. ``before``: what the new process does first.
        """
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            if before:
                before()
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(self.log, 1)
            os.dup2(self.log, 2)
            variables = dict(ENV if env is None else env)
            if api:
                # systemd's socket activation, sd_listen_fds(3): descriptor 3, and the pid it is meant for.
                os.dup2(self.api.fileno(), 3)
                os.set_inheritable(3, True)
                variables |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
            os.closerange(4 if api else 3, 1024)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execvpe(argv[0], argv, variables)
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def run(self, argv: list[str], limit_s: float = 20) -> None:
        """Run a command to its end. Raises RuntimeError for any exit code but 0, and after ``limit_s``."""
        status = self.exit_code(self.spawn(argv), time.monotonic() + limit_s)
        if status is None:
            raise RuntimeError(f"{argv[0]} took more than {limit_s:g} s")
        if status:
            raise RuntimeError(f"{argv[0]} ended with status {status}")

    @staticmethod
    def exit_code(pid: int, deadline: float) -> int | None:
        """A child's exit code; None for one that had to be killed at the deadline."""
        while True:
            # Before the clock: a process that ended in time did so, even if it is noticed late.
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return None
            time.sleep(0.001)

    @staticmethod
    def reaped(pid: int) -> bool:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
