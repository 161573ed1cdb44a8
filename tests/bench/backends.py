"""How long each backend takes to a ready engine, and a container on it from its creation to its end.

    python -m tests.bench.backends [--backends sandbox vm] [--engines 5] [--containers 10]

A container is busybox's ``true``: created, started and waited for over the Engine API, then removed, which is
not counted. The first of each engine is left out: it reads what the others find in memory. The backends take
turns, so that a load of the machine meets all of them; the ratio is that of the medians of this run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

from grader.cli.engine_options import open_chosen
from grader.engine.base import BackendName, Engine
from tests.engine.backends import BACKENDS, machine


def containers(engine: Engine, count: int) -> list[float]:
    """Seconds that each of ``count`` containers took."""
    taken = []
    with closing(engine.client(timeout=120)) as client:
        for number in range(count + 1):
            began = time.monotonic()
            container = client.containers.create("busybox", ["true"])
            container.start()
            code = container.wait()["StatusCode"]
            if number:
                taken.append(time.monotonic() - began)
            assert code == 0, code
            container.remove()
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=["sandbox", "vm"])
    parser.add_argument("--engines", type=int, default=5, help="how many engines of each backend")
    parser.add_argument("--containers", type=int, default=10, help="how many containers on each engine")
    chosen = parser.parse_args(arguments)
    backends: list[BackendName] = chosen.backends
    ready: dict[BackendName, list[float]] = {backend: [] for backend in backends}
    taken: dict[BackendName, list[float]] = {backend: [] for backend in backends}
    with ExitStack() as stack:
        for backend in backends:
            os.environ.update(stack.enter_context(machine(backend)).environment)
            open_chosen(backend)[0].close()  # its image is there, and in memory, from here on
        for _ in range(chosen.engines):
            for backend in backends:
                with open_chosen(backend)[0] as engine:
                    ready[backend].append(engine.ready_s)
                    taken[backend] += containers(engine, chosen.containers)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds: median (least to most)")
    for title, found in (("ready", ready), ("container", taken)):
        first = statistics.median(found[backends[0]])
        for backend in backends:
            middle = statistics.median(found[backend])
            print(
                f"{title:10}{backend:9}{middle:7.2f} ({min(found[backend]):.2f} to {max(found[backend]):.2f})"
                f"{middle / first:7.1f} times {backends[0]}"
            )


if __name__ == "__main__":
    main()
