"""The steps of a container's start that cost an emulated processor most, done by a process that runs already.

dockerd has itself executed once more in each container's start, as an OCI hook that only hands a path over:
a second of work. And a short program's output is lost unless dockerd reads before it starts. The engine's
OCI runtime in the machine is ``WRAPPER``: it says what it is about to do and stops itself until all is
ready. Runs in the relay's process, in a thread of its own; standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import threading
import time
from typing import NamedTuple

FIFO = "/run/dockbook-vm/runtime"
CRUN = "/usr/bin/crun"
WRAPPER = f"""\
#!/bin/busybox sh
# The OCI runtime of the engine: crun, and before and after it what vm_runtime.py does.
# The program of this crun is read-only, so it need not execute a copy of itself.
export _LIBCONTAINER_CLONED_BINARY=1
for id; do :; done
case " $* " in
  *" create "*)
    echo "create $$ $*" >{FIFO}
    kill -STOP $$
    {CRUN} "$@" || {{ code=$?; . /etc/dockbook/runtime-failed.sh; }}
    echo "created $$ $*" >{FIFO}
    kill -STOP $$
    exit 0 ;;
  *" start $id "*)
    echo "start $$ $*" >{FIFO}
    kill -STOP $$ ;;
  *" exec "*)
    {CRUN} "$@" || {{ code=$?; . /etc/dockbook/runtime-failed.sh; }}
    exit 0 ;;
esac
exec {CRUN} "$@"
"""
HOOK = "libnetwork-setkey"
READS_S = 3
"""How long a start waits at most for dockerd to read the container's output."""
STEP_S = 0.005


class Waiting(NamedTuple):
    """A start that waits for dockerd: the wrapper's process, the pipes, until when."""

    pid: int
    pipes: set[str]
    deadline: float


class Runtime:
    """One thread; each line in the pipe is a request of a wrapper that has stopped or is about to."""

    def __init__(self) -> None:
        os.mkfifo(FIFO, 0o600)
        # Open for writing too: so it never reads as ended.
        self._fifo = os.open(FIFO, os.O_RDWR | os.O_CLOEXEC)
        self._hooks: dict[str, list[str]] = {}
        self._waiting: list[Waiting] = []

    def start(self) -> None:
        """Begin, in a thread that ends the whole process should it fail."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        rest = b""
        try:
            while True:
                if select.select([self._fifo], [], [], STEP_S if self._waiting else None)[0]:
                    *lines, rest = (rest + os.read(self._fifo, 65536)).split(b"\n")
                    for line in lines:
                        self._take(line.decode().split())
                self._let_start()
        except BaseException as error:  # noqa: BLE001 - containers would hang for ever without: end with a word
            os.write(2, f"runtime: {type(error).__name__}: {error}\n".encode())
            os._exit(1)

    def _take(self, words: list[str]) -> None:
        what, pid, container = words[0], int(words[1]), words[-1]
        try:
            if what == "create":
                self._hooks[container] = take_hook(f"{after(words, '--bundle')}/config.json")
            elif what == "created":
                hook = self._hooks.pop(container, [])
                if hook:
                    set_key(hook, int(read(after(words, "--pid-file"))))
            else:
                folder = f"/run/docker/containerd/{container}"
                pipes = {f"{folder}/{container}-{name}" for name in ("stdout", "stderr")}
                self._waiting.append(Waiting(pid, set(filter(is_pipe, pipes)), time.monotonic() + READS_S))
                return
        except (OSError, ValueError, LookupError) as error:
            os.write(2, f"runtime: {what} {container[:12]}: {type(error).__name__}: {error}\n".encode())
            go_on(pid, failed=True)
            return
        go_on(pid)

    def _let_start(self) -> None:
        """Let those start whose output is read, and those that waited long enough."""
        if not self._waiting:
            return
        read_now = read_by_dockerd()
        for one in list(self._waiting):
            if one.pipes <= read_now or time.monotonic() > one.deadline:
                self._waiting.remove(one)
                go_on(one.pid)


def after(words: list[str], option: str) -> str:
    """The value of a command line's option. Raises ValueError."""
    return words[words.index(option) + 1]


def read(path: str) -> str:
    """A small file's text."""
    with open(path) as handle:
        return handle.read()


def is_pipe(path: str) -> bool:
    """Whether a named pipe is there."""
    with contextlib.suppress(OSError):
        return stat.S_ISFIFO(os.stat(path).st_mode)
    return False


def take_hook(path: str) -> list[str]:
    """Take dockerd's hook out of a container's configuration; its command line, empty if there is none."""
    config = json.loads(read(path))
    hooks = (config.get("hooks") or {}).get("prestart") or []
    for hook in hooks:
        if hook.get("args", [""])[0] == HOOK:
            hooks.remove(hook)
            with open(path, "w") as handle:
                json.dump(config, handle)
            return [str(word) for word in hook["args"]]
    return []


def set_key(hook: list[str], pid: int) -> None:
    """What the hook does: tell dockerd's network where the container's namespace is. Raises OSError."""
    root, container, controller = hook[1].partition("=")[2], hook[2], hook[3]
    with socket.socket(socket.AF_UNIX) as handle:
        handle.settimeout(30)
        handle.connect(f"{root}/libnetwork/{controller[:12]}.sock")
        handle.sendall(json.dumps({"ContainerID": container, "Key": f"/proc/{pid}/ns/net"}).encode())
        answer = handle.recv(1024).decode(errors="replace")
    if not answer.startswith("success"):
        raise OSError(answer)


def read_by_dockerd() -> set[str]:
    """What dockerd has open for reading; O_PATH descriptors lead to files, too, without being that."""
    found = set()
    with contextlib.suppress(OSError, ValueError):
        folder = f"/proc/{int(read('/run/docker.pid'))}/fd"
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.lstat(f"{folder}/{name}").st_mode & stat.S_IRUSR:
                    found.add(os.readlink(f"{folder}/{name}"))
    return found


def go_on(pid: int, failed: bool = False) -> None:
    """Continue a wrapper, once it has stopped; one whose step failed ends with an error."""
    deadline = time.monotonic() + 5
    with contextlib.suppress(OSError):
        while read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] != "T":
            if time.monotonic() > deadline:
                return
            time.sleep(0.0005)
        if failed:
            os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
