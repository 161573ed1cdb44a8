"""What these tests share: a local Debian to build from, a session's limits, one that runs, a way to it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker import DockerClient
from docker.models.containers import Container

from grader.course import Course
from grader.engine.build.engine_image import ensure_image
from tests.engine.dockerd import Dockerd

ROOT = Path(__file__).parents[2]
COURSE = Course.read(ROOT / "course")
BASE = "dockbook-test-base:binder"
IMAGE = "dockbook-test-session"
TOKEN = "letmein"
WORKSPACE = "/home/jovyan/dockbook"
LAB = ("jupyter-lab", "--ip=0.0.0.0", "--port=8888", f"--IdentityProvider.token={TOKEN}")

KEPT_BYTES = 6 << 30
"""Of the builder's cache, from one run to the next."""

NO_RIGHTS: dict[str, Any] = {
    "user": "1000",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
LIMITS: dict[str, Any] = {
    **NO_RIGHTS,
    "mem_limit": "2g",
    "memswap_limit": "2g",
    "nano_cpus": 2_000_000_000,
    # Nothing of the world is needed once the image is there.
    "network_mode": "none",
}

WAIT = """
import glob, http.client, json, os, socket, subprocess, sys, time

def answers(path, request):
    try:
        with socket.socket(socket.AF_UNIX) if path else socket.create_connection(("127.0.0.1", 8888)) as one:
            one.settimeout(60)
            if path:
                one.connect(path)
            one.sendall(request)
            return b" 200 " in one.recv(64)
    except OSError:
        return False

def wait(what, path):
    until = time.time() + 300
    while time.time() < until:
        if answers(path() if path else "", what):
            return time.time()
        time.sleep(0.05)
    sys.exit("no answer to " + repr(what))

def engine():
    return (glob.glob("/tmp/dockbook-*/*/docker.sock") or ["/nowhere"])[0]

head = b" HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n"
if sys.argv[1] == "lab":
    print(wait(b"GET /api" + head, None))
else:
    ping = wait(b"GET /_ping" + head, engine)
    env = {**os.environ, "DOCKER_HOST": "unix://" + engine()}
    docker = glob.glob("/srv/dockbook/engine/*/bin/docker")[0]
    said = subprocess.run([docker, "run", "--rm", "busybox", "echo", "hi"], env=env, capture_output=True)
    assert said.stdout == b"hi\\n", said
    print(ping, time.time())
"""

RELAY = """
import asyncio, socket, sys

async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one side has gone: so goes the other
    finally:
        writer.close()

async def carry(reader, writer):
    while True:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", 8888)
            break
        except OSError:
            await asyncio.sleep(0.1)  # nobody listens yet: a hub shows a page that waits
    await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

async def main():
    server = await asyncio.start_server(carry, sock=socket.socket(fileno=int(sys.argv[1])))
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def import_base(client: DockerClient) -> None:
    """A Debian without Docker Hub. It trusts whom this machine trusts: a proxy may stand before PyPI."""
    try:
        client.images.get(BASE)
        return
    except docker.errors.ImageNotFound:
        pass
    trusted = "/usr/local/share/ca-certificates"
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        archive = Path(folder, "base.tar")
        hook = f'mkdir -p "$1{trusted}"; cp {trusted}/*.crt "$1{trusted}/" || true'
        make = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", "--skip=output/dev"]
        subprocess.run(
            [*make, f"--customize-hook={hook}", "trixie", str(archive)], check=True, capture_output=True
        )
        repository, tag = BASE.split(":")
        with archive.open("rb") as data:
            client.api.import_image_from_data(
                data,
                repository=repository,
                tag=tag,
                changes=["ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt"],
            )


def proxies() -> dict[str, str]:
    """How this machine gets to the network: a build needs to know."""
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}


def docker_command(dockerd: Dockerd) -> dict[str, str]:
    """An environment for this dockerd with the engine image's `docker`: Debian 12 has no buildx."""
    engine = ensure_image()
    config = dockerd.socket.parent / "client"
    config.mkdir(exist_ok=True)
    (config / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(engine.cli_plugins)]}))
    return {
        **os.environ,
        "DOCKER_HOST": f"unix://{dockerd.socket}",
        "DOCKER_CONFIG": str(config),
        "PATH": f"{engine.bin}{os.pathsep}{os.environ['PATH']}",
    }


def build(dockerd: Dockerd, tree: Path, base: str, command: list[str | Path]) -> None:
    """Run a command that builds ``binder/Dockerfile`` of a clone, on the machine's network.

    Raises AssertionError with what the build said last.
    """
    arguments = {"BASE": base, "NB_USER": "jovyan", "NB_UID": "1000", **proxies()}
    done = subprocess.run(
        [*command, *(f"--build-arg={name}={value}" for name, value in arguments.items()), tree],
        env=docker_command(dockerd),
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def tidy(client: DockerClient) -> None:
    """Remove what no test will use again: containers of a killed one, what builds of other days left."""
    client.containers.prune()
    client.images.prune({"dangling": True})
    client.api.prune_builds(keep_storage=KEPT_BYTES)


def clone(owner: int = 0) -> bytes:
    """An archive of what a clone has: the files that belong to the repository, as they are now."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = owner
        return info

    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        top = tarfile.TarInfo("dockbook")
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(owned(top))
        for name in filter(None, names.split("\0")):
            if Path(ROOT, name).exists():
                tar.add(ROOT / name, f"dockbook/{name}", recursive=False, filter=owned)
    return archive.getvalue()


class Meter(threading.Thread):
    """Looks once a second at what a container needs of memory, from when it runs until it is removed.

    ``peak``: the most of it, in bytes. Files that are cached do not count: the machine takes them back.
    """

    def __init__(self, container: Container) -> None:
        super().__init__(daemon=True)
        self.container = container
        self.peak = 0

    def run(self) -> None:
        samples: Any = self.container.stats(stream=True, decode=True)
        for sample in samples:
            memory = sample["memory_stats"]
            if "usage" not in memory:
                continue  # not yet, or no longer
            # Control groups of version 1 tell of a group with those below it as "total_".
            files = ("total_active_file", "total_inactive_file", "active_file", "inactive_file")
            found = [memory["stats"][name] for name in files if name in memory["stats"]]
            self.peak = max(self.peak, memory["usage"] - sum(found[:2]))


@dataclass
class Session:
    """A session that runs: its container, and how long it took to be of use (``seconds_until_ready``)."""

    container: Container
    times: dict[str, float] = field(default_factory=dict)
    meter: Meter | None = None

    def run(self, *argv: str, timeout_s: float = 900) -> str:
        """Run a command in it, as a terminal in JupyterLab does; what it said. It must succeed."""
        shell = 'eval "$(dockbook engine env)"; exec timeout "$0" "$@"'
        command = ["sh", "-c", shell, str(timeout_s), *argv]
        code, answer = self.container.exec_run(command, user="1000")
        said = bytes(answer).decode(errors="replace")  # type: ignore[arg-type] # no stream was asked for
        assert code == 0, f"{argv}: {code}: {said[-3000:]}"
        return said

    def python(self, code: str, *argv: str) -> str:
        """Run Python in it."""
        return self.run("python3", "-c", code, *argv, timeout_s=3000)

    def page(self, path: str) -> str:
        """A page of its JupyterLab, as a browser gets it."""
        code = (
            "import sys, urllib.request as u; r = u.Request('http://127.0.0.1:8888' + sys.argv[1], "
            "headers={'Authorization': 'token "
            + TOKEN
            + "'}); print(u.urlopen(r, timeout=60).read().decode())"
        )
        return self.python(code, path)

    def wait_for_lab(self, seconds: float = 120) -> None:
        """Until its JupyterLab answers."""
        until = time.monotonic() + seconds
        while True:
            try:
                self.page("/api")
                return
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)


def seconds_until_ready(container: Container, started: float) -> dict[str, float]:
    """From the start to JupyterLab, to the engine's first answer, to a container's first output."""
    assert container.client is not None
    api = container.client.api
    ids = {
        what: api.exec_create(container.id, ["python3", "-c", WAIT, what])["Id"] for what in ("lab", "engine")
    }
    streams = {what: api.exec_start(one, stream=True) for what, one in ids.items()}
    said = {what: b"".join(stream).decode() for what, stream in streams.items()}
    for what, one in ids.items():
        assert api.exec_inspect(one)["ExitCode"] == 0, f"{what}: {said[what]}"
    ping, output = map(float, said["engine"].split())
    times = {"JupyterLab": float(said["lab"]), "engine": ping, "first container": output}
    return {what: round(when - started, 1) for what, when in times.items()}


@contextmanager
def far_away(dockerd: Dockerd, container: Container) -> Iterator[str]:
    """The address of a container's JupyterLab for somebody elsewhere: port 8888 of it and nothing else.

    The container needs no network: who listens is out here, who asks on is in there.
    """
    container.reload()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = ["nsenter", f"--target={container.attrs['State']['Pid']}", "--net", "--"]
        python = [sys.executable, "-I", "-c", RELAY, str(listener.fileno())]
        with subprocess.Popen(
            [*dockerd.within(), *there, *python], pass_fds=[listener.fileno()], stdout=subprocess.PIPE
        ) as relay:
            try:
                assert relay.stdout and relay.stdout.readline() == b"ready\n"
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
            finally:
                relay.terminate()
