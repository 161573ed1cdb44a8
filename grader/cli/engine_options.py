"""Options that many commands share, and opening an engine with its image's progress on show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grader.cli.progress import progress
from grader.engine.base import BACKENDS
from grader.errors import NoCourse, UsageError

if TYPE_CHECKING:
    from grader.course import Course
    from grader.engine.base import Engine
    from grader.engine.choose import Choice
    from grader.engine.image.engine_image import EngineImage

F = TypeVar("F", bound=Callable[..., Any])

SUITES = ("trixie", "forky")


def backend_option(command: F) -> F:
    """``--backend``: how the engine is started."""
    return click.option(
        "--backend",
        type=click.Choice(("auto", *BACKENDS)),
        default="auto",
        show_default=True,
        help="How to start the engine; auto: DOCKER_HOST if it is set, else the first that works.",
    )(command)


def suite_option(command: F) -> F:
    """``--suite``: which Debian the engine image is made of."""
    return click.option(
        "--suite",
        type=click.Choice(SUITES),
        default=SUITES[0],
        show_default=True,
        help="The Debian suite of the engine image: stable, or testing with a newer engine.",
    )(command)


def find_course(path: Path | None = None, *, writes: bool = False) -> Course:
    """The course that ``Course.find`` finds, else the one in the clone that this command runs from.

    `./dockbook lab` means its own course, wherever it was typed. ``writes``: what changes a course's folder
    takes the one that it is in, or that it is given, and no other. Raises CourseError, also for a course that
    is here and faulty.
    """
    from grader.course import COURSE_FILE, Course

    try:
        return Course.find(path, shipped=not writes)
    except NoCourse:
        beside = Path(__file__).resolve().parents[2] / "course"
        if not writes and (beside / COURSE_FILE).is_file():
            return Course.read(beside)
        raise


def ensure_image(suite: str = SUITES[0], *, rebuild: bool = False, backend: str = "sandbox") -> EngineImage:
    """The engine image, built if it is missing; shows progress only when there is something to do.

    For ``vm``, also the virtual machine made from it. Raises ImageError, and UsageError for a backend
    that does not use this image.
    """
    from grader.engine.choose import backend as backend_of

    image = backend_of(backend).ensure(suite, progress, rebuild=rebuild)
    if image is None:
        raise UsageError(f"The {backend} backend has no engine image in the cache.")
    return image


def open_chosen(
    backend: str, *, suite: str = SUITES[0], label: str = "", keep_for: Path | None = None
) -> tuple[Engine, Choice]:
    """A running engine, and which backend was chosen and why. Raises EngineError if none can be started.

    ``label`` is how `dockbook engine status` names a private engine. ``keep_for``: a workspace whose
    engine continues from one session to the next.
    """
    from grader.engine.build import early
    from grader.engine.choose import backend as backend_of
    from grader.engine.choose import choose
    from grader.lab.supervisor import told_if_long

    choice = choose(backend)
    chosen = backend_of(choice.name)
    if not chosen.grades and (begun := early.started()):
        early.stop(begun)  # what the script began to build is not needed
    chosen.ensure(suite, progress)
    with told_if_long("starting the engine"):
        return chosen.open(suite=suite, label=label, keep_for=keep_for, tell=click.echo), choice
