"""How long it takes from `./dockbook lab` to the first container's output, and what is downloaded for it.

    python -m tests.bench.first_contact [--cold] [--warm 3]

A lab without a browser; the first chapter's cells run over Jupyter's own API, in order, up to the first one
that runs a container, and the clock stops at its output. ``--cold``: a fresh clone, a new home folder and an
empty cache, as on a new machine but for its system packages. Then, and without ``--cold``, starts that find
everything made. Bytes are those that the machine's interfaces received, loopback left out, whoever asked for
them: on a busy machine they say little, and what pip finds on the machine itself is not among them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit

import nbformat
from tornado.websocket import websocket_connect

from grader.engine.system import ids
from grader.engine.system.ids import remove

ROOT = Path(__file__).parents[2]
CHAPTER = "ch01-overview"
RUNS_ONE = re.compile(r"docker run|containers\.run\(")
STEPS = {
    "dockbook: making the environment": "environment begun",
    "engine image:": "engine image begun",
    "Engine: ": "engine ready",
    "JupyterLab: ": "JupyterLab answers",
}
LIMIT_S = 1800


class Clock:
    """Seconds since the start and bytes received until then, by the name of what was reached."""

    def __init__(self) -> None:
        self._began, self._received = time.monotonic(), received()
        self.reached: dict[str, tuple[float, int]] = {}
        self.cpu_s = 0.0
        """Of all processes of the lab, from its start to its end."""

    def mark(self, name: str) -> None:
        """Reached now, unless it was before."""
        self.reached.setdefault(name, (time.monotonic() - self._began, received() - self._received))


def received() -> int:
    """Bytes that this machine's interfaces but loopback have received, proc_net(5)."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    found = (line.partition(":") for line in lines)
    return sum(int(rest.split()[0]) for name, _, rest in found if name.strip() != "lo")


def contact(tree: Path, workspace: Path, env: dict[str, str]) -> Clock:
    """One lab from its start to the first container's output, then its end."""
    clock, used = Clock(), cpu()
    lab = subprocess.Popen(
        [tree / "dockbook", "lab", "--no-browser", "--workspace", workspace],
        env=env,
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    addresses: Queue[str] = Queue()
    said: list[str] = []

    def read() -> None:
        assert lab.stdout is not None
        for line in lab.stdout:
            said.append(line)
            for start, name in STEPS.items():
                if line.startswith(start):
                    clock.mark(name)
            if line.startswith("JupyterLab: "):
                addresses.put(line.removeprefix("JupyterLab: ").strip())
        addresses.put("")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        address = addresses.get(timeout=LIMIT_S)
        assert address, "".join(said)
        cells = first_cells(workspace / CHAPTER / f"{CHAPTER}.ipynb")
        asyncio.run(asyncio.wait_for(work(address, cells, clock), 300))
    finally:
        lab.send_signal(signal.SIGINT)
        lab.wait(60)
        reader.join(10)
    clock.cpu_s = cpu() - used
    return clock


def cpu() -> float:
    """Seconds that processes below this one have used, once they have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_cells(notebook: Path) -> list[str]:
    """The code cells up to the first that runs a container."""
    sources: list[str] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code":
            sources.append(cell.source)
            if RUNS_ONE.search(cell.source):
                return sources
    raise AssertionError(f"{notebook} runs no container")


async def work(address: str, cells: Sequence[str], clock: Clock) -> None:
    """What JupyterLab does for a student: a session for the notebook, its kernel's channel, the cells."""
    parts = urlsplit(address)
    token = parts.query.removeprefix("token=")
    body = {
        "path": f"{CHAPTER}/{CHAPTER}.ipynb",
        "type": "notebook",
        "name": "",
        "kernel": {"name": "python3"},
    }
    request = urllib.request.Request(
        f"http://{parts.netloc}/api/sessions",
        json.dumps(body).encode(),
        {"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    session = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=120).read()))
    kernel = session["kernel"]["id"]
    channel = await websocket_connect(f"ws://{parts.netloc}/api/kernels/{kernel}/channels?token={token}")
    for number, source in enumerate(cells):
        await channel.write_message(json.dumps(execute_request(f"cell-{number}", source)))
        last = number == len(cells) - 1
        async for message in messages(channel, f"cell-{number}"):
            kind = message["msg_type"]
            clock.mark("kernel answers")
            assert kind != "error", message["content"]
            if last and kind in ("stream", "execute_result", "display_data"):
                clock.mark("first container's output")
                channel.close()
                return
            if kind == "status" and message["content"]["execution_state"] == "idle":
                break
    raise AssertionError("the cell that runs a container said nothing")


def execute_request(name: str, source: str) -> dict[str, object]:
    header = {
        "msg_id": name,
        "msg_type": "execute_request",
        "username": "",
        "session": "first",
        "version": "5.3",
    }
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}


async def messages(channel, name: str):
    """What the kernel publishes for this request."""
    while True:
        data = await channel.read_message()
        assert data is not None, "the kernel's channel closed"
        message = json.loads(data)
        if message["channel"] == "iopub" and message["parent_header"].get("msg_id") == name:
            yield message


@contextmanager
def places(*, cold: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    """A tree and an environment, with a workspace and a kept engine of their own; removed in the end."""
    with tempfile.TemporaryDirectory(prefix="dkb-first-") as folder:
        place = Path(folder)
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOCK", "VIRTUAL_ENV"))
        }
        env["DOCKBOOK_STATE"] = str(place / "state")
        tree = ROOT
        if cold:
            tree = place / "dockbook"
            subprocess.run(["git", "clone", "--quiet", ROOT, tree], check=True)
            (place / "home").mkdir()
            env |= {"HOME": str(place / "home"), "DOCKBOOK_CACHE": str(place / "cache")}
            for name in (
                "XDG_CACHE_HOME",
                "XDG_STATE_HOME",
                "XDG_DATA_HOME",
                "XDG_CONFIG_HOME",
                "PIP_CACHE_DIR",
            ):
                env.pop(name, None)
        try:
            yield tree, env
        finally:
            for name in ("state", "cache"):
                remove(place / name, ids.own_ids())


def table(title: str, clocks: Sequence[Clock]) -> None:
    """The steps in order: seconds from the start, from the step before, and megabytes received until then."""
    print(f"\n{title}, median of {len(clocks)}\n{'':28}{'at, s':>8}{'step, s':>9}{'MB':>8}")
    before = 0.0
    for name in sorted(clocks[0].reached, key=lambda one: clocks[0].reached[one]):
        at = statistics.median(clock.reached[name][0] for clock in clocks)
        size = statistics.median(clock.reached[name][1] for clock in clocks)
        print(f"{name:28}{at:8.2f}{at - before:9.2f}{size / 1e6:8.1f}")
        before = at
    print(f"{'CPU seconds, end included':28}{statistics.median(clock.cpu_s for clock in clocks):8.2f}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cold", action="store_true", help="first with a fresh clone and an empty cache")
    parser.add_argument("--warm", type=int, default=3, help="how often with everything made")
    chosen = parser.parse_args(arguments)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    with places(cold=chosen.cold) as (tree, env), tempfile.TemporaryDirectory(prefix="dkb-first-") as home:
        workspace = Path(home, "dockbook")
        first = contact(tree, workspace, env)
        table(f"{'Empty cache' if chosen.cold else 'New workspace'} ({load})", [first])
        if chosen.warm:
            table(f"Warm ({load})", [contact(tree, workspace, env) for _ in range(chosen.warm)])


if __name__ == "__main__":
    main()
