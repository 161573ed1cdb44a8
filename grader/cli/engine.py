"""``dockbook engine``: build its image, run a command against a fresh one, see what runs."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from grader import variables
from grader.cli.engine_options import backend_option, ensure_image, open_chosen, suite_option
from grader.cli.lab import workspace_option
from grader.engine.base import GRADING_BACKENDS
from grader.errors import EngineUnavailable, UsageError

_GRACE_S = 10.0
_LOOK_S = 0.5


@click.group()
def engine() -> None:
    """The private Docker Engine: build its image, run a command on a fresh one, list what runs."""


@engine.command()
@suite_option
@click.option(
    "--backend",
    type=click.Choice(GRADING_BACKENDS),
    default="sandbox",
    show_default=True,
    help="The backend to build for; vm: also the virtual machine and its snapshot.",
)
@click.option("--rebuild", is_flag=True, help="Build it again even if it exists and is undamaged.")
@click.option("--slim", is_flag=True, help="With --backend vm: keep only what the virtual machine needs.")
@click.option(
    "--allow-expired-release",
    is_flag=True,
    help="Accept a mirror whose package lists have expired; their signatures are still checked.",
)
def build(suite: str, backend: str, rebuild: bool, slim: bool, allow_expired_release: bool) -> None:
    """Build the engine image into the cache, once; --backend vm: and the virtual machine made of it."""
    if allow_expired_release:
        os.environ[variables.ALLOW_EXPIRED_RELEASE] = "1"
    if slim and backend != "vm":
        raise UsageError("--slim removes what a sandbox needs to start.", next_step="add --backend vm.")
    image = ensure_image(suite, rebuild=rebuild, backend=backend)
    if slim:
        from grader.engine.build.vm import slim as make_slim

        make_slim(image)
    click.echo(f"engine image {image.key} ({image.suite}): {image.path}")


@engine.command()
def prune() -> None:
    """Remove engine images and virtual machines of earlier versions from the cache."""
    from grader.engine.build.prune import prune as remove_stale

    removed = remove_stale()
    for path in removed:
        click.echo(f"removed {path}")
    if not removed:
        click.echo("There is nothing from earlier versions to remove.")


@engine.command()
@suite_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def images(suite: str, as_json: bool) -> None:
    """List the course's images that every engine starts with."""
    found = ensure_image(suite).course_images
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        click.echo(f"{one.name:<{width}}  {one.size / 1e6:8.1f} MB  {one.description} ({one.source})")


@engine.command()
@click.option(
    "--replace",
    is_flag=True,
    help="Also take names that other images of yours have now; those images lose them.",
)
def load(replace: bool) -> None:
    """Put the course's images on your own Docker Engine, for `dockbook lab --backend host`.

    An image of yours that has one of these names keeps it, unless you use --replace.
    """
    from grader.engine.build import docker_archive as course_images
    from grader.engine.host import HostEngine

    with HostEngine().start() as own:
        image = ensure_image()
        click.echo(f"Your Docker Engine at {own.docker_host}:")
        wanted = course_images.compare(own, image)
        says = {
            "missing": "not there yet",
            "same": "the course's, already there",
            "other": "another image of yours, {there}, "
            + ("loses the name" if replace else "stays (--replace takes the course's)"),
        }
        width = max(len(one.name) for one in wanted)
        for one in wanted:
            there = one.there.removeprefix("sha256:")[:12]
            click.echo(f"{one.name:<{width}}  {says[one.state].format(there=there)}")
        chosen = [one.name for one in wanted if one.state == "missing" or (replace and one.state == "other")]
        if chosen:
            click.echo(f"Loading {', '.join(chosen)} ...")
            course_images.load(own, image, chosen)
        click.echo("Done." if chosen else "Nothing to load.")


@engine.command()
@workspace_option
@click.option("--yes", is_flag=True, help="Do not ask before removing your containers and images.")
@click.option("--all", "every", is_flag=True, help="Also clean the engines of other workspaces not in use.")
def reset(workspace: Path | None, yes: bool, every: bool) -> int:
    """Clean your workspace's engine: remove your containers, images, networks and volumes.

    A running lab continues with a clean engine. The files of an engine belong to other user ids:
    `rm -rf` fails on them; this command does not. Exit code 1 if you answered no.
    """
    from grader.cli.confirm_reset import clean_after_asking
    from grader.engine.persistent_state import all_kept
    from grader.workspace.folder import default_workspace
    from grader.workspace.running_lab import running_lab_over

    places = [(workspace or default_workspace()).expanduser().absolute()]
    if every:
        places += [one.workspace for one in all_kept() if one.workspace != places[0] and not one.in_use()]
    done = True
    for place in places:
        if len(places) > 1:
            click.echo(f"{place}:")
        done = clean_after_asking(place, running_lab_over(place), yes=yes) and done
    return 0 if done else 1


@engine.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(as_json: bool) -> None:
    """List your running engines."""
    from datetime import UTC, datetime

    from grader.engine.running_engines import running

    rows = [
        {
            "id": one.id,
            "backend": one.backend,
            "docker_host": one.docker_host,
            "owner_pid": one.owner_pid,
            "started_at": datetime.fromtimestamp(one.started_at, UTC).isoformat(timespec="seconds"),
            "label": one.label,
        }
        for one in running()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("No engine is running. One starts with: dockbook lab, or dockbook engine run -- COMMAND")
    else:
        for row in rows:
            click.echo("{id}  {backend:<8}  {label:<8}  since {started_at}  {docker_host}".format(**row))


@engine.command()
def env() -> None:
    """Print shell lines that point a terminal at the running lab's engine: eval "$(dockbook engine env)"."""
    from grader.engine.running_engines import running

    labs = [one for one in running() if one.label.startswith("lab")]
    if not labs:
        raise EngineUnavailable(
            "No lab's engine is running.",
            next_step="start one with `dockbook lab`, or use `dockbook engine run -- bash`.",
        )
    newest = max(labs, key=lambda one: one.started_at)
    for line in shell_lines(newest.env()):
        click.echo(line)


def shell_lines(environment: Mapping[str, str]) -> list[str]:
    """What a POSIX shell evaluates to get this environment, without the variables that would override it."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    return [*lines, f"unset DOCKER_CONTEXT {' '.join(variables.DOCKER_TLS)} DOCKER_API_VERSION"]


@engine.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@backend_option
@suite_option
@click.option("--timings", is_flag=True, help="Print one JSON line on stderr: backend, ready_s, dispose_s.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(backend: str, suite: str, timings: bool, command: tuple[str, ...]) -> int:
    """Run COMMAND on this machine against a fresh engine; end with its exit code.

    COMMAND gets DOCKER_HOST and a `docker` on its PATH; published ports answer on 127.0.0.1. The rest of
    its environment is as in `dockbook lab`. The engine is removed afterwards.
    """
    from grader.lab.supervisor import tell

    opened, _ = open_chosen(backend, suite=suite)
    try:
        with opened.forward(tell):
            code = _run_forwarding(command, opened.env())
    finally:
        with _undisturbed():
            opened.close()
    if timings:
        record = {"backend": opened.backend, "ready_s": opened.ready_s, "dispose_s": opened.dispose_s}
        print(json.dumps(record), file=sys.stderr)
    return code


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait: disposing takes a moment, and is what they ask for anyway."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, signal.SIG_IGN) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _run_forwarding(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it in our process group; its exit code, as a shell gives it. Signals to us go to it."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []
    timers: list[threading.Timer] = []

    def pass_on(to: subprocess.Popen[bytes], signum: int) -> None:
        if not (signum == signal.SIGINT and _from_terminal()):
            to.send_signal(signum)
        if not timers and signum != signal.SIGINT:
            # SIGINT is a request that a shell or an editor may answer by going on; the others are not.
            timers.append(threading.Timer(_GRACE_S, to.kill))
            timers[0].daemon = True
            timers[0].start()

    def forward(signum: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(signum)  # it is being started
        else:
            pass_on(child, signum)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, forward) for one in signals]
    try:
        try:
            child = subprocess.Popen(command, env=dict(environment))
        except OSError as error:
            raise UsageError(
                f"cannot run {command[0]!r}: {error.strerror}.", next_step="check its name and your PATH."
            ) from error
        for signum in early:
            pass_on(child, signum)
        code = _wait(child)
    finally:
        for timer in timers:
            timer.cancel()
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
    return code if code >= 0 else 128 - code


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Its exit code, once it has ended.

    Python runs a handler between two steps of its own: a signal that comes just before a wait without an end
    is noticed only after it.
    """
    ended = os.pidfd_open(child.pid)
    try:
        while not select.select([ended], [], [], _LOOK_S)[0]:
            pass
    finally:
        os.close(ended)
    return child.wait()


def _from_terminal() -> bool:
    """Whether Ctrl-C reaches the command by itself: then it would get it twice."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
