"""Whether a submission costs the same in a class of 10 and in one of 200: time, CPU, the grader's memory.

    python -m tests.bench.growth [--sizes 10 200] [--chapter ch03-using-docker] [--runs 1]

Each size has a term's folder of its own. The CPU is that of engines and kernels, too; the memory is the
grader's own process. A small class takes longer for each: its last ones have the machine for themselves.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.bench.classes import make_class, term
from tests.bench.throughput import DOCKBOOK

EVERY_S = 0.5


def grade(folder: Path, chapter_id: str, size: int) -> tuple[float, float, float]:
    """Grade a new class: seconds and CPU seconds for each submission, the grader's largest memory in MB."""
    course, chapter = term(folder, chapter_id)
    make_class(course, chapter, size)
    largest = 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with subprocess.Popen(
        [DOCKBOOK, "grade", chapter.id, "--course", str(course.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as grading:
        process = psutil.Process(grading.pid)
        while grading.poll() is None:
            largest = max(largest, process.memory_info().rss)
            time.sleep(EVERY_S)
    assert grading.returncode == 0, grading.returncode
    taken = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken / size, cpu / size, largest / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each size, and the last beside the first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--chapter", default="ch03-using-docker")
    chosen = parser.parse_args(arguments)
    found = []
    for size in chosen.sizes:
        runs = []
        for _ in range(chosen.runs):
            with tempfile.TemporaryDirectory(prefix="dkb-bench-") as folder:
                runs.append(grade(Path(folder, "term"), chosen.chapter, size))
        seconds, cpu, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        found.append((seconds, cpu, memory))
        print(
            f"{size:4}: {seconds:.2f} s and {cpu:.2f} CPU s each, the grader up to {memory:.0f} MB",
            flush=True,
        )
    (first_s, first_cpu, first_mb), (last_s, last_cpu, last_mb) = found[0], found[-1]
    print(
        f"{chosen.sizes[-1]} beside {chosen.sizes[0]}: seconds each {last_s / first_s:.2f}, "
        f"CPU each {last_cpu / first_cpu:.2f}, memory {last_mb / first_mb:.2f}"
    )


if __name__ == "__main__":
    main()
