"""How long a class takes: `dockbook grade` against stock `nbgrader autograde`, in turn, in one run.

    python -m tests.bench.throughput [--submissions 12] [--runs 3] [--chapter ch03-using-docker]

Stock grades on one engine that all submissions share and has no feedback to write; ours has an engine for
each and writes the feedback too. Takes root, for stock's engine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course import Chapter, Course
from grader.grading.gradebook import Books
from tests.bench.classes import best, make_class, term
from tests.bench.stock import stock

DOCKBOOK = str(Path(sys.executable).with_name("dockbook"))


@dataclass(frozen=True)
class Took:
    """One batch: wall seconds, the CPU seconds of all its processes (None: not known), wrong scores."""

    wall_s: float
    cpu_s: float | None
    wrong: Mapping[str, float | None]


def grade_ours(course: Course, chapter: Chapter) -> Took:
    """`dockbook grade` as an instructor runs it, everything anew."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    ended = subprocess.run(
        [DOCKBOOK, "grade", chapter.id, "--again", "--course", str(course.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    books = Books(course)
    scores = {name: _total(books.scores(chapter, name)) for name in books.students(chapter)}
    return Took(wall, cpu, wrong_scores(chapter, scores))


def _total(tasks: Mapping[str, float | None]) -> float | None:
    """A student's points; None when a task has none."""
    points = [score for score in tasks.values() if score is not None]
    return sum(points) if len(points) == len(tasks) else None


def wrong_scores(chapter: Chapter, scores: Mapping[str, float | None]) -> dict[str, float | None]:
    """The scores that are not those that were earned."""
    return {student: score for student, score in scores.items() if score != best(chapter, student)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each run and the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chapter", default="ch03-using-docker")
    chosen = parser.parse_args(arguments)
    cores = len(os.sched_getaffinity(0))
    print(f"{chosen.submissions} submissions of {chosen.chapter}, {cores} cores", flush=True)
    ratios = []
    with tempfile.TemporaryDirectory(prefix="dkb-bench-") as place:
        course, chapter = term(Path(place, "ours"), chosen.chapter)
        make_class(course, chapter, chosen.submissions)
        with stock(course, chapter, Path(place, "stock")) as other:
            (other.folder / "submitted").symlink_to(course.root / "submitted")
            for run in range(1, chosen.runs + 1):
                ours = grade_ours(course, chapter)
                other.engine.reset()
                seconds = other.nbgrader("autograde", chapter.id, "--force")
                theirs = Took(seconds, None, wrong_scores(chapter, other.scores(chapter)))
                ratios.append(theirs.wall_s / ours.wall_s)
                assert ours.cpu_s is not None
                print(
                    f"run {run}: stock {theirs.wall_s:.1f} s, ours {ours.wall_s:.1f} s, "
                    f"ratio {ratios[-1]:.2f}; ours has {ours.cpu_s:.1f} CPU s, so its floor on {cores} cores "
                    f"is {ours.cpu_s / cores:.1f} s"
                )
                print(
                    f"       scores that were not earned: stock {theirs.wrong or 'none'}, "
                    f"ours {ours.wrong or 'none'}",
                    flush=True,
                )
    print(f"ratio: median {statistics.median(ratios):.2f} of {[round(ratio, 2) for ratio in ratios]}")


if __name__ == "__main__":
    main()
