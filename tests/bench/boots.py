"""How long each boot takes to a ready engine, and a container on it from its creation to its end.

    python -m tests.bench.boots [--boots sandbox vm] [--engines 5] [--containers 10]

A container is busybox's ``true``: created, started and waited for over the Engine API, then removed, which is
not counted. The first of each engine is left out: it reads what the others find in memory. The boots take
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
from grader.engine.base import Boot, Engine
from tests.engine.boots import BOOTS, machine


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
    parser.add_argument("--boots", nargs="+", choices=BOOTS, default=["sandbox", "vm"])
    parser.add_argument("--engines", type=int, default=5, help="how many engines of each boot")
    parser.add_argument("--containers", type=int, default=10, help="how many containers on each engine")
    chosen = parser.parse_args(arguments)
    boots: list[Boot] = chosen.boots
    ready: dict[Boot, list[float]] = {boot: [] for boot in boots}
    taken: dict[Boot, list[float]] = {boot: [] for boot in boots}
    with ExitStack() as stack:
        for boot in boots:
            os.environ.update(stack.enter_context(machine(boot)).environment)
            open_chosen(boot)[0].close()  # its image is there, and in memory, from here on
        for _ in range(chosen.engines):
            for boot in boots:
                with open_chosen(boot)[0] as engine:
                    ready[boot].append(engine.ready_s)
                    taken[boot] += containers(engine, chosen.containers)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds: median (least to most)")
    for title, found in (("ready", ready), ("container", taken)):
        first = statistics.median(found[boots[0]])
        for boot in boots:
            middle = statistics.median(found[boot])
            print(
                f"{title:10}{boot:9}{middle:7.2f} ({min(found[boot]):.2f} to {max(found[boot]):.2f})"
                f"{middle / first:7.1f} times {boots[0]}"
            )


if __name__ == "__main__":
    main()
