"""What a picture costs a notebook: the time to show lists and single objects, beyond their plain text.

    python -m tests.bench.pictures [--containers 50] [--runs 20]

A fresh engine with so many containers; each thing is formatted ``runs`` times as IPython does it. Printed are
the medians: of the list that docker-py has already fetched, and of a card, which asks the engine once.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from IPython.core.formatters import DisplayFormatter

from grader.engine.choose import open_engine
from grader.notebook import pictures


def milliseconds(formatter: DisplayFormatter, thing: object, runs: int) -> float:
    """The median of formatting one thing."""
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        formatter.format(thing)
        spent.append(time.perf_counter() - began)
    return 1000 * statistics.median(spent)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table: with pictures, without, and the difference."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--runs", type=int, default=20)
    chosen = parser.parse_args(arguments)
    plain, drawn = DisplayFormatter(), DisplayFormatter()
    shell: Any = SimpleNamespace(display_formatter=drawn)
    pictures.register(shell)
    with open_engine("sandbox") as engine:
        client = engine.client(timeout=60)
        for number in range(chosen.containers):
            client.containers.create("busybox", ["sleep", "1000"], name=f"box-{number}")
        things: dict[str, object] = {
            f"list of {chosen.containers} containers": client.containers.list(all=True),
            "list of images": client.images.list(),
            "a container": client.containers.get("box-0"),
            "an image": client.images.get("busybox"),
            "a network": client.networks.list()[0],
        }
        print(f"{'thing':28} {'plain':>8} {'drawn':>8} {'more':>8}  ms, median of {chosen.runs}")
        for name, thing in things.items():
            before, after = (milliseconds(one, thing, chosen.runs) for one in (plain, drawn))
            print(f"{name:28} {before:8.1f} {after:8.1f} {after - before:8.1f}")


if __name__ == "__main__":
    main()
