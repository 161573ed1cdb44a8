"""The instructor's commands: release, grade, demo, store."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from grader.cli.engine_options import backend_option, ensure_image, find_course, open_chosen
from grader.cli.progress import Report, progress, time_left
from grader.engine.base import GRADING_BACKENDS
from grader.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from grader.grading.grade import Event, Progress

_file = click.Path(dir_okay=False, path_type=Path)

course_option = click.option(
    "--course",
    "course_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="The course folder (default: $DOCKBOOK_COURSE, else `course` here or above).",
)

grading_backend_option = click.option(
    "--backend",
    type=click.Choice(GRADING_BACKENDS),
    default="sandbox",
    show_default=True,
    help="How to start the engines; only private ones can grade.",
)


@click.command()
@course_option
@click.argument("chapters", metavar="[CHAPTER]...", nargs=-1)
def release(course_path: Path | None, chapters: tuple[str, ...]) -> None:
    """Make the students' notebooks of these chapters (default: all that are written)."""
    from grader.grading.release import release as release_

    course = find_course(course_path, writes=True)
    for folder in release_(course, chapters):
        click.echo(folder)


@click.command()
@click.argument("chapter")
@course_option
@grading_backend_option
@click.option("--json", "json_file", type=_file, help="Write the results there as JSON.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Submissions graded side by side (default: four per core, fewer if memory is short).",
)
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student; repeatable.")
@click.option("--again", is_flag=True, help="Grade again what has already been graded.")
@click.option(
    "--task", "tasks", multiple=True, metavar="TASK", help="With --again: change only this task's outcome."
)
def grade(
    chapter: str,
    course_path: Path | None,
    backend: str,
    json_file: Path | None,
    jobs: int | None,
    students: tuple[str, ...],
    again: bool,
    tasks: tuple[str, ...],
) -> int:
    """Grade the submissions of CHAPTER: each runs in a disposable engine, the tests run outside it.

    Work that the same tests have already graded is not graded again: after an interruption, run the same
    command to continue. Exit code 3 if a submission could not be checked (blocked): it stays ungraded.
    """
    from grader.grading.grade import grade as grade_
    from grader.grading.report.terminal import render_table

    if tasks and not again:
        raise UsageError("--task can be used only with --again.", next_step="add --again.")
    course = find_course(course_path, writes=True)
    wanted = course.chapter(chapter).require()
    ensure_image(backend=backend)
    with progress(wanted.id) as report:
        results = grade_(
            course,
            wanted,
            students=students or None,
            again=again,
            tasks=tasks,
            jobs=jobs,
            backend=backend,
            progress=_told_by(report),
        )
    render_table(results, _console())
    if json_file:
        _write(json_file, json.dumps(results.as_dict(), indent=2) + "\n")
    where = f" --course {shlex.quote(str(course_path))}" if course_path else ""
    click.echo(f"For a page on how the class did: dockbook report {chapter}{where}")
    return 3 if results.blocked else 0


def _console() -> Console:
    """Stdout; wide when it is not a terminal, so that a log has full names."""
    from rich.console import Console as RichConsole

    return RichConsole() if sys.stdout.isatty() else RichConsole(width=160)


def _told_by(report: Report) -> Progress:
    """Progress of grading, shown: done, running, blocked, time left."""
    began = monotonic()

    def tell(event: Event) -> None:
        words = [f"{event.done} of {event.total} done", f"{event.running} running"]
        words += [f"{event.blocked} blocked"] if event.blocked else []
        text = ", ".join(words) + time_left(
            monotonic() - began, event.judged, event.total - event.kept - event.judged
        )
        report(event.done / max(event.total, 1), f"{text} ({event.student}: {event.stage})")

    return tell


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", next_step="name another file with --json."
        ) from error


@click.command()
@grading_backend_option
@click.option("--json", "json_file", type=_file, help="Write the results there as JSON.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the demo's course, gradebook and report (default: a new temporary one).",
)
def demo(backend: str, json_file: Path | None, keep: Path | None) -> int:
    """Release the chapters, grade a small made-up class, print the table and say where the report is.

    Exit code 1 if a score is not the expected one.
    """
    from grader.grading.demo import REPORT, run_demo
    from grader.grading.report.terminal import render_table

    ensure_image(backend=backend)
    target = (keep or Path(tempfile.mkdtemp(prefix="dockbook-demo-"))).absolute()
    with progress("demo") as report:
        results = run_demo(target, backend, _told_by(report), course=find_course())
    render_table(results, _console())
    click.echo(f"report: {target / REPORT}\ncourse and gradebook: {target}")
    if json_file:
        _write(json_file, json.dumps(results.as_dict(), indent=2) + "\n")
    if any(student.blocked for student in results.students):
        return 3
    return 1 if results.problems else 0


@click.command()
@course_option
@backend_option
@click.argument("chapters", metavar="[CHAPTER]...", nargs=-1)
def store(course_path: Path | None, backend: str, chapters: tuple[str, ...]) -> None:
    """Run the chapters' source notebooks on a fresh engine each and store their outputs (default: all)."""
    from grader.grading.store_outputs import store_outputs

    course = find_course(course_path, writes=True)
    chosen = [course.chapter(name).require() for name in chapters] or course.written
    for chapter in chosen:
        with open_chosen(backend)[0] as engine:
            joins = engine.network_prefix()
            # Without its network, what cells publish has to come to this one.
            with nullcontext() if joins else engine.forward(lambda line: click.echo(line, err=True)):
                store_outputs(chapter.notebook, engine.env(), joins)
        click.echo(chapter.notebook)
