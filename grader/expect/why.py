"""Why a container does not run: what the engine and its log say, in words, with what to try.

The engine's own words for a start that fails differ between runtimes (runc, crun) and releases, so they are
matched by their few common parts; what is matched by none is shown as it is.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import Literal

from grader.expect.words import quote, visible
from grader.state import Container, Log

Kind = Literal[
    "running",
    "paused",
    "restarting",
    "not started",
    "no such program",
    "not executable",
    "wrong format",
    "port taken",
    "no such network",
    "no such user",
    "no such path",
    "engine error",
    "finished",
    "no input",
    "out of memory",
    "stopped",
    "killed",
    "interrupted",
    "crashed",
    "signal",
    "reported an error",
    "being removed",
]
TAIL_LINES = 5
SHELLS = ("sh", "bash", "ash", "dash", "cat", "python", "python3")
"""Programs that read their input to its end when they are given nothing to do."""

_START_FAILURES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("port taken", re.compile(r"Bind for (?P<what>\S+) failed: port is already allocated")),
    ("port taken", re.compile(r"(?P<what>\S+:\d+): bind: address already in use")),
    ("port taken", re.compile(r"failed to bind host port (?:for )?(?P<what>\S+?):? ")),
    ("no such network", re.compile(r"network (?P<what>\S+) not found")),
    ("no such user", re.compile(r"unable to find (?:user|group) (?P<what>[^:\s]+)")),
    ("wrong format", re.compile(r"[Ee]xec format error")),
    ("no such program", re.compile(r"executable file [`\"]?(?P<what>[^`\"]*?)[`\"]? not found")),
    ("no such program", re.compile(r"exec: \"(?P<what>[^\"]*)\": .*not found")),
    ("no such program", re.compile(r"exec: \"(?P<what>[^\"]*)\": .*no such file or directory")),
    ("not executable", re.compile(r"the path [`\"](?P<what>[^`\"]*)[`\"] (?:exists but|is not a regular)")),
    ("not executable", re.compile(r"exec: \"(?P<what>[^\"]*)\": (?:permission denied|is a directory)")),
    ("no such path", re.compile(r"(?:source path|path)s? .*?(?P<what>/\S+).* (?:does not exist|not found)")),
)


@dataclass(frozen=True)
class Why:
    """An explanation. ``what`` and ``hint`` are sentences; ``tail`` the last lines that it printed.

    All of it may quote the student's data: characters that do not print are written out, HTML is not escaped.
    """

    name: str
    kind: Kind
    what: str
    hint: str = ""
    tail: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.what}"]
        if self.hint:
            lines.append(f"Try: {self.hint}")
        if self.tail:
            lines += ["It printed last:", *(f"  {line}" for line in self.tail)]
        return "\n".join(lines)


def explain(box: Container, log: Log | None = None) -> Why:
    """Why ``box`` is in the state that it is in. ``log``: what it printed, where it is known."""
    tail = _tail(log)
    kind, what, hint = _not_over(box) or _never_ran(box) or _runtime_said(box, tail) or _ended(box)
    return Why(box.name, kind, what, hint, tail)


_Said = tuple[Kind, str, str]


def _not_over(box: Container) -> _Said | None:
    name = box.name
    match box.status:
        case "running" if box.pulse.restarts:
            what = f"It runs now, but it has ended before: the engine has restarted it {_times(box)}."
            return (
                "restarting",
                what,
                f"Read why it ends: `docker logs {name}`. `docker stop {name}` ends it.",
            )
        case "running":
            return "running", "It runs: it has not stopped.", f"`docker logs {name}` shows what it prints."
        case "paused":
            return "paused", "It is paused, not stopped: all its processes wait.", f"`docker unpause {name}`"
        case "removing":
            return "being removed", "The engine is removing it.", ""
        case "restarting":
            what = (
                f"Its command ends each time (last with exit code {box.exit_code}) and the restart policy "
                f"{quote(box.restart_policy)} starts it again, after longer and longer waits."
            )
            return (
                "restarting",
                what,
                f"Read why it ends: `docker logs {name}`. `docker stop {name}` ends it.",
            )
    return None


def _never_ran(box: Container) -> _Said | None:
    """A start that failed, or none at all."""
    if box.status != "created" and not (box.error and box.started_at is None):
        return None
    if not box.error:
        what = "It was made and never started: `create` makes a container, `start` runs it."
        return "not started", what, f"`docker start {box.name}`"
    for kind, pattern in _START_FAILURES:
        found = pattern.search(box.error)
        if found is not None:
            return _failed_start(box, kind, visible(found.groupdict().get("what") or "", 100))
    words = box.error.rpartition("OCI runtime create failed: ")[2].removesuffix(": unknown")
    return "engine error", f"The engine could not start it: {visible(words, 300)}.", ""


def _runtime_said(box: Container, tail: tuple[str, ...]) -> _Said | None:
    """crun notes a program that the kernel refuses in the container's log, and ends with 1."""
    for line in tail:
        if "exec container process" in line and "xec format error" in line:
            return _failed_start(box, "wrong format", "")
    return None


def _failed_start(box: Container, kind: Kind, what: str) -> _Said:
    name, image = box.name, quote(box.image)
    again = f"remove the container (`docker rm {name}`) and run it again"
    match kind:
        case "port taken":
            return (
                kind,
                f"It never ran: {what} of the host is taken, by another container or program.",
                f"`docker ps` shows who has it. End that one, or {again} with another host port.",
            )
        case "no such network":
            hint = f"Make it (`docker network create NAME`), then {again}."
            return kind, f"It never ran: its network {what!r} is gone.", hint
        case "no such user":
            return (
                kind,
                f"It never ran: the image {image} knows no user {what!r}.",
                f"Mend `--user`: {again}.",
            )
        case "wrong format":
            said = "It never ran: its program is for another kind of processor, or a script without `#!`."
            return kind, said, "A script begins with a line like `#!/bin/sh`; an image must fit the machine."
        case "not executable":
            said = (
                f"It never ran: {what} is there, but is no program: a folder, or a file without permission."
            )
            return kind, said, f"For a file of your own, `chmod +x` it in the image; else {again}."
        case "no such path":
            return kind, f"It never ran: {what} is not there.", f"Look for a typing mistake: {again}."
    if " " in what:
        said = f"It never ran: the whole line {what!r} was taken for the name of one program."
        return kind, said, f"Drop the quotes around the command: {again}."
    if box.entrypoint and box.entrypoint[0] == what:
        said = f"It never ran: the image's entry point {what!r} is not in the image."
        return (
            kind,
            said,
            "See the ENTRYPOINT line of its Dockerfile: is the file copied there, by that name?",
        )
    return (
        kind,
        f"It never ran: no program {what!r} is in the image {image}.",
        (f"Look for a typing mistake, or an image that has it; then {again}."),
    )


def _ended(box: Container) -> _Said:
    code, name = box.exit_code, box.name
    if box.oom_killed:
        what = "It used more memory than it may, and the kernel killed a process of it."
        return "out of memory", what, "Give it more (`--memory`), or let it use less."
    match code:
        case 0:
            return _finished(box)
        case 125 | 126 | 127:
            return _not_found_inside(code)
        case 137:
            what = "It was killed (SIGKILL): `docker kill`, or `docker stop` when it did not end in time."
            hint = "A program that should end well on `docker stop` must heed SIGTERM; `--init` helps some."
            return "killed", what, hint
        case 143:
            what = "It was asked to end and did (SIGTERM), as `docker stop` does."
            return "stopped", what, f"`docker start {name}` runs it again."
        case 130:
            return "interrupted", "It was interrupted (SIGINT), as by Ctrl-C.", f"`docker start {name}`"
        case 139:
            return "crashed", "Its program crashed: a memory fault (SIGSEGV).", "Its log may say where."
    if 128 < code < 128 + 65:
        return "signal", f"A signal ended it: {_signal(code - 128)} (exit code {code}).", ""
    what = f"Its program ended by itself and reported an error: exit code {code}."
    return "reported an error", what, f"Its last words say more than the number: `docker logs {name}`."


def _finished(box: Container) -> _Said:
    program = box.argv[0].rpartition("/")[2] if box.argv else ""
    if program in SHELLS and len(box.argv) == 1 and not box.open_stdin:
        what = f"It came to its end: {program} had nothing to read, since no input was attached."
        return "no input", what, "`docker run -it ...` gives it a terminal, and it waits for what you type."
    what = (
        "Its command came to its end without an error (exit code 0). A container runs as long as that does."
    )
    return "finished", what, f"To keep it up, give it a command that lasts. Again: `docker start {box.name}`."


def _not_found_inside(code: int) -> _Said:
    """A code that shells give, too: the container ran."""
    if code == 126:
        what = "Its shell found the command, but may not execute it (exit code 126)."
        return "not executable", what, "Is it a folder, or a file without `chmod +x`?"
    if code == 127:
        what = "Its shell did not find a command (exit code 127)."
        return "no such program", what, "The log names it: look for a typing mistake, or install it."
    return "engine error", f"The engine could not run it (exit code {code}).", "Read its log."


def _times(box: Container) -> str:
    return "once" if box.pulse.restarts == 1 else f"{box.pulse.restarts} times"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"number {number}"


def _tail(log: Log | None) -> tuple[str, ...]:
    if log is None or not log.text.strip():
        return ()
    return tuple(visible(line, 160) for line in log.text.rstrip().split("\n")[-TAIL_LINES:])
