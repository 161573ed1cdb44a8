"""Why a container does not run: what the engine and its log say, explained, with what to try.

The engine's own words for a start that fails differ between runtimes (runc, crun) and releases, so they are
matched by their few common parts; what none of them matches is shown unchanged.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, replace
from typing import Literal

from grader.expect.shell import late_option, options_after_image, runs_in_background, script_of
from grader.expect.words import quote, visible
from grader.state import Container, FileThere, Log

Kind = Literal[
    "running",
    "paused",
    "restarting",
    "not started",
    "no such program",
    "option after the image",
    "not executable",
    "wrong format",
    "port taken",
    "no such network",
    "no such user",
    "no such group",
    "no interpreter",
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
    "left behind",
    "being removed",
]
TAIL_LINES = 5
SHELLS = ("sh", "bash", "ash", "dash", "cat", "python", "python3")
"""Programs that read their input to its end when they are given nothing to do."""

_MOST_WORDS = 4000
"""Characters of the engine's words that are looked at: a program's name may be of any length."""
_QUOTED = r'exec: "(?P<what>(?:[^"\\]|\\.)*)": '  # as runc writes it
_START_FAILURES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("port taken", re.compile(r"Bind for (?P<what>\S+) failed: port is already allocated")),
    ("port taken", re.compile(r"(?P<what>\S{1,60}:\d{1,5}): bind: address already in use")),
    ("port taken", re.compile(r"failed to bind host port (?:for )?(?P<what>\S+?):? ")),
    ("no such network", re.compile(r"network (?P<what>\S+) not found")),
    ("no such group", re.compile(r"unable to find group (?P<what>[^:\s]+)")),
    ("no such user", re.compile(r"unable to find user (?P<what>[^:\s]+)")),
    ("wrong format", re.compile(r"[Ee]xec format error")),
    ("no such program", re.compile(r"executable file `(?P<what>.*)` not found", re.DOTALL)),
    ("no such program", re.compile(_QUOTED + r"executable file not found", re.DOTALL)),
    ("no such program", re.compile(_QUOTED + r"(?:stat .+?: )?no such file or directory", re.DOTALL)),
    ("not executable", re.compile(r"the path `(?P<what>.*)` (?:exists but|is not a regular)", re.DOTALL)),
    ("not executable", re.compile(_QUOTED + r"(?:permission denied|is a directory)", re.DOTALL)),
    ("no such path", re.compile(r"source path does not exist: (?P<what>/\S*[^\s:])")),
)
# What is written into the log when the kernel refuses the program: by crun as JSON, by runc, by `--init`.
_REFUSED = re.compile(
    r'(?:\{"msg":"exec container process |exec /|standard_init_linux\.go:\d+: exec user process caused|'
    r"\[FATAL (?P<init>tini) \(\d+\)\] exec ).*"
    r"(?P<why>xec format error|o such file or directory|ermission denied)"
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


def explain(box: Container, log: Log | None = None, program: FileThere | None = None) -> Why:
    """Why ``box`` is in the state that it is in.

    ``log``: what it printed, where it is known. ``program``: the file that it executes, if that was read.
    """
    box = replace(box, name=visible(box.name, 80))  # it is in many sentences
    tail = _tail(log)
    refused = _runtime_said(box, tail)
    kind, what, hint = _not_over(box) or _did_not_start(box) or refused or _ended(box, tail)
    if kind in ("no interpreter", "wrong format") and program is not None:
        what, hint = _script(box, program) or (what, hint)
    return Why(box.name, kind, what, hint, () if refused else tail)


def _script(box: Container, program: FileThere) -> tuple[str, str] | None:
    """What is wrong with the first line of a script that cannot be executed; None if that is not a script."""
    head = f"{_head(box)}: {visible(box.argv[0] if box.argv else '', 100)}"
    first = program.text.partition("\n")[0]
    if first.startswith("\ufeff"):
        return (
            f"{head} begins with a byte order mark, before its `#!`.",
            f"Save it as UTF-8 without one. {_AGAIN}",
        )
    if not first.startswith("#!"):
        return None
    if first.endswith("\r"):
        what = (
            f"{head} has the line ends of Windows, so it asks for a program called {first[2:].strip(' ')!r}."
        )
        return what, f"Write it with the line ends of Unix (`sed -i 's/\\r$//' FILE`). {_AGAIN}"
    wanted = visible(first[2:].split()[0] if first[2:].split() else "", 100)
    what = f"{head} asks in its first line for {wanted!r}, which is not in the image or cannot run there."
    return what, f"Name one that is, such as `#!/bin/sh`. {_AGAIN}"


_AGAIN = "Then build the image again, remove the container and run it again."


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


def _did_not_start(box: Container) -> _Said | None:
    """A start that failed, or none at all. The engine keeps the error of the last start that failed."""
    if not box.error:
        if box.status != "created":
            return None
        what = (
            "It was created but never started: `docker create` creates a container, `docker start` runs it."
        )
        return "not started", what, f"`docker start {box.name}`"
    words = box.error[:_MOST_WORDS]
    for kind, pattern in _START_FAILURES:
        found = pattern.search(words)
        if found is not None:
            named = (found.groupdict().get("what") or "").replace('\\"', '"')
            return _failed_start(box, kind, visible(named, 100))
    said = words.rpartition("OCI runtime create failed: ")[2].removesuffix(": unknown").rstrip(".")
    return "engine error", f"{_head(box)}: the engine says {quote(said, 300)}.", ""


def _runtime_said(box: Container, tail: tuple[str, ...]) -> _Said | None:
    """Some runtimes note a program that the kernel refuses in the container's log, as its only line."""
    found = _REFUSED.match(tail[0]) if len(tail) == 1 and box.exit_code else None
    if found is None:
        return None
    if found["why"].startswith("xec"):
        return _failed_start(box, "wrong format", "")
    program = visible(box.argv[0], 100) if box.argv else ""
    if found["why"].startswith("ermission"):
        return _failed_start(box, "not executable", program)
    if found["init"]:
        return _failed_start(box, "no such program", program)
    return _failed_start(box, "no interpreter", "")


_NEVER = "It never ran"


def _head(box: Container) -> str:
    again = box.error and box.started_at is not None and box.status != "created"
    return "It did not start again" if again else _NEVER


def _once_it_is_free(name: str, again: str, *, ran: bool) -> str:
    """What to do about a port that was taken. A container that has run may hold data."""
    if ran:
        return (
            f"`docker ps` shows who has it now. Once it is free, `docker start {name}`. "
            f"Or {again} with another host port."
        )
    # https://github.com/moby/moby/issues/51758
    return (
        f"`docker ps` shows who has it now. Once it is free, {again}. (From Engine 29.1 on, `docker start` "
        "would start it without a network.) Another host port helps, too."
    )


def _failed_start(box: Container, kind: Kind, what: str) -> _Said:
    name, image, head = box.name, quote(box.image), _head(box)
    again = f"remove the container (`docker rm {name}`) and run it again"
    match kind:
        case "port taken":
            return (
                kind,
                f"{head}: {what} on the host was already in use, by another container or program.",
                _once_it_is_free(name, again, ran=head != _NEVER),
            )
        case "no such network":
            # After it has run, the engine knows the network by its id.
            what = next((visible(one.network, 80) for one in box.networks if one.network_id == what), what)
            hint = f"Create it (`docker network create NAME`), then {again}."
            return kind, f"{head}: its network {what!r} is gone.", hint
        case "no such user":
            return (
                kind,
                f"{head}: the image {image} knows no user {what!r}.",
                f"Correct `--user`: {again}.",
            )
        case "no such group":
            return (
                kind,
                f"{head}: the image {image} knows no group {what!r}.",
                f"Correct `--user` or `--group-add`: {again}.",
            )
        case "no interpreter":
            said = f"{head}: its program needs an interpreter (`#!`) or a library that is not in the image."
            return kind, said, "See the first line of the script: is that program in the image?"
        case "wrong format":
            said = f"{head}: its program is for another kind of processor, or a script without `#!`."
            return kind, said, "A script begins with a line like `#!/bin/sh`; an image must fit the machine."
        case "not executable":
            said = f"{head}: {what} is there but is not a program: a folder, or a file without permission."
            return kind, said, f"For a file of your own, `chmod +x` it in the image; else {again}."
        case "no such path":
            return kind, f"{head}: {what} is not there.", f"Look for a typing mistake: {again}."
    if what.startswith("-"):
        late = late_option(box.cmd) or what
        said = f"{head}: {what!r} came after the image, and so it was taken for the program."
        hint = (
            f"Options for Docker belong before the image: {again}, with `{visible(late, 80)}` before {image}."
        )
        return "option after the image", said, hint
    if " " in what:
        said = f"{head}: the whole line {what!r} was taken for the name of one program."
        return kind, said, f"Drop the quotes around the command: {again}."
    if box.entrypoint and box.entrypoint[0] == what:
        said = f"{head}: the image's entry point {what!r} is not in the image."
        return (
            kind,
            said,
            "See the ENTRYPOINT line of its Dockerfile: is the file copied there, by that name?",
        )
    return (
        kind,
        f"{head}: no program {what!r} is in the image {image}.",
        (f"Look for a typing mistake, or an image that has it; then {again}."),
    )


def _ended(box: Container, tail: tuple[str, ...]) -> _Said:
    code, name = box.exit_code, box.name
    if box.oom_killed:
        what = "It used more memory than it is allowed, and the kernel killed one of its processes."
        return "out of memory", what, "Give it more (`--memory`), or let it use less."
    match code:
        case 0:
            return _finished(box)
        case 125 | 126 | 127:
            return _not_found_inside(box, tail)
        case 137:
            what = "It was killed (SIGKILL): `docker kill`, or `docker stop` when it did not end in time."
            hint = (
                f"`docker start {name}` runs it again. To end well on `docker stop` it must handle SIGTERM: "
                "remove it and run it again with `--init`, then stop it."
            )
            return "killed", what, hint
        case 143:
            what = "It was asked to end and did (SIGTERM), as `docker stop` does."
            return "stopped", what, f"`docker start {name}` runs it again."
        case 130:
            return "interrupted", "It was interrupted (SIGINT), as by Ctrl-C.", f"`docker start {name}`"
        case 139:
            return "crashed", "Its program crashed: a memory fault (SIGSEGV).", "Its log may say where."
        case 255:
            what = "The engine ended while it ran, as when a machine is switched off, or it exited with 255."
            return (
                "left behind",
                what,
                f"`docker start {name}`; with a restart policy it comes back by itself.",
            )
    if 128 < code < 128 + 65:
        return "signal", f"A signal ended it: {_signal(code - 128)} (exit code {code}).", ""
    what = f"Its program ended by itself and reported an error: exit code {code}."
    late = [word for word in options_after_image(box.cmd) if word.startswith("--")]
    if late:
        hint = (
            f"`{visible(late[0], 40)}` came after the image, and so it went to the program. Options for "
            f"Docker belong before the image: remove the container (`docker rm {name}`) and run it again."
        )
        return "option after the image", what, hint
    return "reported an error", what, f"Its log says more than the exit code: `docker logs {name}`."


def _finished(box: Container) -> _Said:
    program = box.argv[0].rpartition("/")[2] if box.argv else ""
    if program in SHELLS and len(box.argv) == 1 and not box.open_stdin:
        what = f"It ended: {program} had nothing to read, since no input was attached."
        hint = (
            "`docker run -it ...` gives it a terminal, and it waits for what you type; alone, it needs a "
            "command that keeps running. If the image should do more, its Dockerfile needs a CMD for that."
        )
        return "no input", what, hint
    again = f"remove the container (`docker rm {box.name}`) and run it again"
    if runs_in_background(box.argv):
        what = "Its shell sent the program to the background with `&`, had nothing more to do and ended."
        hint = f"Started again it would end again: {again} with that program in the foreground, without `&`."
        return "finished", what, hint
    what = (
        "Its command ended without an error (exit code 0). A container runs only as long as its command does."
    )
    hint = f"If stopped, `docker start {box.name}` runs it again. If it ended by itself, it would end again: "
    return "finished", what, f"{hint}{again} with a command that keeps running."


def _not_found_inside(box: Container, tail: tuple[str, ...]) -> _Said:
    """An exit code that shells use, too: the container ran."""
    code, script = box.exit_code, (script_of(box.argv) or "").strip()
    if code in (126, 127) and script.startswith("["):
        what = f"Its shell was given {script!r} as a line: in the exec form, single quotes do not quote."
        return (
            "no such program",
            visible(what, 300),
            f'It is JSON: `["a", "b"]`, with double quotes. {_AGAIN}',
        )
    if code == 127 and any("\\r" in line for line in tail):
        what = "Its shell did not find a command whose name ends in a carriage return: line ends of Windows."
        hint = f"Write the script with the line ends of Unix (`sed -i 's/\\r$//' FILE`). {_AGAIN}"
        return "no such program", what, hint
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
