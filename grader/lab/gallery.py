"""Every picture, table, ``why`` and ``%%trace`` on one page, drawn from real containers."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from grader.errors import DockbookError
from grader.notebook import pictures
from grader.notebook.as_cli import translator
from grader.notebook.trace import Tracer
from grader.notebook.why import explainer

_PATIENCE_S = 30.0
_SLEEP = ["sleep", "1000"]
_LONG = "a-name-as-long-as-they-come-" * 3
_STYLE = """\
:root{color-scheme:light dark;--jp-success-color1:#256f33;--jp-warn-color1:#8a5200;--jp-error-color1:#b32d2d;
--ground:#fff;--text:#1b2430;--quiet:#55606e;--line:#d5dbe3;--stripe:#f5f7fa}
@media (prefers-color-scheme:dark){:root{--jp-success-color1:#63c274;--jp-warn-color1:#e0a93d;
--jp-error-color1:#f09a9a;--ground:#111417;--text:#e8edf3;--quiet:#aab4c0;--line:#3a434e;--stripe:#1a1f25}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1000px;padding:16px;background:var(--ground);color:var(--text);
font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}
h1{font-size:1.6em}h2{margin:2em 0 0;border-bottom:1px solid var(--line)}
h3{margin:1.4em 0 .3em;font-size:1em;overflow-wrap:anywhere}
p.alt{margin:.2em 0;color:var(--quiet);font-size:.85em;overflow-wrap:anywhere}
table{border-collapse:collapse;font-size:.87em}th,td{padding:5px 10px;vertical-align:top}
th{border-bottom:1px solid var(--line)}
tr:nth-child(even){background:var(--stripe)}
pre{white-space:pre-wrap;overflow-wrap:anywhere}nav a{margin-right:1em;color:inherit}
"""
_ALT = re.compile(r'<img alt="([^"]*)"')


@dataclass(frozen=True)
class Exhibit:
    """One thing that a notebook shows, as its HTML."""

    section: str
    title: str
    html: str


def page(exhibits: list[Exhibit]) -> str:
    """A page that needs no other file; under each picture its text for readers who cannot see it."""
    sections = list(dict.fromkeys(one.section for one in exhibits))
    links = " ".join(f'<a href="#{name}">{escape(name)}</a>' for name in sections)
    body = []
    for name in sections:
        body.append(f'<section id="{escape(name)}"><h2>{escape(name)}</h2>')
        for one in exhibits:
            if one.section == name:
                alt = "".join(f'<p class="alt">{words}</p>' for words in _ALT.findall(one.html))
                body.append(f"<h3>{escape(one.title)}</h3>{one.html}{alt}")
        body.append("</section>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dockbook: gallery</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>What a notebook shows</h1><nav>{links}</nav>{''.join(body)}</main></body></html>\n"
    )


def hang(client: DockerClient, docker_host: str, environment: Mapping[str, str]) -> list[Exhibit]:
    """Make containers, images and networks in each state on a fresh engine; what a notebook shows of them.

    ``environment``: where the ``docker`` command is found. Raises DockbookError when a state is not reached.
    """
    stage = _Stage(client)
    stage.images()
    stage.networks()
    stage.containers()
    return [*_shown(client, stage), *_traced(client, docker_host, environment)]


class _Stage:
    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.names: list[str] = []
        """The containers of which cards and explanations are shown."""

    def images(self) -> None:
        api: Any = self.client.api
        lines = ["FROM busybox", "LABEL team=blue", "ENV GREETING=hello", "RUN echo $GREETING > /greeting"]
        _build(api, "gallery/small", [*lines, 'CMD ["cat", "/greeting"]'])
        many = [f"ENV LETTER_{number}={number}" for number in range(1, 15)]
        _build(api, "gallery/many", ["FROM busybox", "RUN head -c 3000000 /dev/zero > /big", *many])
        _build(api, "", ["FROM busybox", "RUN echo nameless > /greeting"])
        (self.untagged,) = self.client.images.list(filters={"dangling": True})

    def networks(self) -> None:
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.77.0.0/24")])
        self.client.networks.create("shop", ipam=pool)
        self.client.networks.create("vault", internal=True)
        self.client.networks.create("empty")
        self.client.networks.create("crowd")
        for number in range(10):
            self._made(f"guest-{number}", _SLEEP, network="crowd")
        self.client.volumes.create("store")

    def containers(self) -> None:
        self._run("never-started", _SLEEP, start=False)
        self._run("web", ["python", "app.py"], "training/webapp", network="shop", ports={"5000/tcp": 8080})
        self._run("safe", _SLEEP, network="vault")
        ports = {f"{port}/tcp": port for port in range(9000, 9008)}
        self._run(_LONG, ["sh", "-c", "sleep 1000; echo 'words without an end' " * 5], ports=ports)
        for name in ("shop", "vault", "crowd"):
            self.client.networks.get(name).connect(_LONG)
        self._run("paused", _SLEEP)
        with contextlib.suppress(APIError):  # not every kernel lets an engine without root do that
            self.client.containers.get("paused").pause()
        always = {"Name": "always"}
        self._run("restarting", ["sh", "-c", "echo no configuration; exit 4"], restart_policy=always)
        self.wait_for("restarting", "restarting")
        self._ends("finished", ["echo", "hello"])
        self._ends("failed", ["sh", "-c", "echo reading; echo 'no such table' >&2; exit 3"])
        self._ends("not-found-inside", ["sh", "-c", "cowsay hi"])
        self._ends("crashed", ["sh", "-c", "kill -SEGV $$"], init=True)
        self._ends("no-input", ["sh"])
        self._run("killed", _SLEEP).kill()
        self._run("stopped", ["sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.1; done"])
        time.sleep(0.5)  # until its trap is set
        self.client.containers.get("stopped").stop()
        self._run("no-such-program", ["cowsay", "hi"], init=False)
        self._run("one-word", ["echo hello world"], init=False)
        self._run("not-executable", ["/etc/passwd"], init=False)
        self._run("no-such-user", _SLEEP, user="nobody-here")
        self._run("port-taken", _SLEEP, ports={"80/tcp": 8080})
        gone = self.client.networks.create("gone")
        self._run("network-gone", _SLEEP, network="gone", start=False)
        gone.remove()
        self._start("network-gone")
        script = self._run("wrong-format", ["/script"], start=False, init=False)
        script.put_archive("/", _archive("script", b"echo hello\n"))
        self._start("wrong-format")
        self.wait_for("wrong-format", "exited", "created")

    def _run(
        self, name: str, command: list[str], image: str = "busybox", *, start: bool = True, **options: Any
    ) -> Any:
        self.names.append(name)
        return self._made(name, command, image, start=start, **options)

    def _made(
        self, name: str, command: list[str], image: str = "busybox", *, start: bool = True, **options: Any
    ) -> Any:
        options.setdefault("init", True)
        box = self.client.containers.create(image, command, name=name, **options)
        if start:
            self._start(name)
        return box

    def _start(self, name: str) -> None:
        # Some of them are here because they do not start.
        with contextlib.suppress(APIError):
            self.client.containers.get(name).start()

    def _ends(self, name: str, command: list[str], *, init: bool = False) -> None:
        self._run(name, command, init=init)
        self.wait_for(name, "exited")

    def wait_for(self, name: str, *states: str) -> None:
        """Until the container has one of these states. Raises DockbookError."""
        deadline = time.monotonic() + _PATIENCE_S
        while (now := self.client.containers.get(name).status) not in states:
            if time.monotonic() > deadline:
                raise DockbookError(f"{name} is {now} after {_PATIENCE_S:g} s.", next_step="try again.")
            time.sleep(0.05)


def _build(api: Any, tag: str, lines: list[str]) -> None:
    text = "\n".join(lines).encode()
    for _ in api.build(
        fileobj=io.BytesIO(_archive("Dockerfile", text)), custom_context=True, tag=tag or None, rm=True
    ):
        pass


def _archive(name: str, data: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), 0o755
        archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def _shown(client: DockerClient, stage: _Stage) -> Iterator[Exhibit]:
    why, as_cli = explainer(lambda: client), translator(lambda: client)
    for name in stage.names:
        yield _exhibit("container", name, pictures.of_container, client.containers.get(name))
    for name in ("busybox", "gallery/small", "training/webapp", "gallery/many"):
        yield _exhibit("image", name, pictures.of_image, client.images.get(name))
    yield _exhibit("image", "without a tag", pictures.of_image, stage.untagged)
    for name in ("bridge", "shop", "vault", "empty", "crowd", "host", "none"):
        yield _exhibit("network", name, pictures.of_network, client.networks.list(names=[f"^{name}$"])[0])
    lists: dict[str, list[Any]] = {
        "containers": client.containers.list(all=True),
        "sparse containers": client.containers.list(all=True, sparse=True)[:4],
        "images": client.images.list(),
        "networks": client.networks.list(),
        "volumes": client.volumes.list(),
    }
    for title, things in lists.items():
        yield _exhibit("list", title, pictures.of_list, things)
    for name in stage.names:
        if name == "restarting":
            stage.wait_for(name, name)  # now and then it runs for a moment
        yield Exhibit("why", name, why(name)._repr_html_())
    for name in ("web", _LONG):
        yield Exhibit("as_cli", name, f"<pre>{escape(as_cli(name))}</pre>")


def _exhibit(section: str, title: str, draw: Callable[[Any], str | None], thing: Any) -> Exhibit:
    html = draw(thing)
    if html is None:
        raise DockbookError(f"There is no picture of the {section} {title}.")
    return Exhibit(section, title, html)


def _traced(client: DockerClient, docker_host: str, environment: Mapping[str, str]) -> Iterator[Exhibit]:
    tracer = Tracer(lambda: client)
    with _environment("DOCKER_HOST", docker_host):
        with tracer.listening() as heard:
            client.containers.run("busybox", ["echo", "hi"], remove=True)
        yield Exhibit("trace", "docker-py: run", heard._repr_html_())
        with tracer.listening() as heard:
            for words in (["run", "--rm", "busybox", "echo", "hi"], ["rm", "-f", "absent"]):
                env = {**environment, "DOCKER_HOST": os.environ["DOCKER_HOST"]}
                subprocess.run(["docker", *words], env=env, capture_output=True, check=False, timeout=60)
        yield Exhibit("trace", "the docker command: run, then rm of what is not there", heard._repr_html_())
        with tracer.listening() as heard, contextlib.suppress(NotFound):
            client.containers.get("absent")
        yield Exhibit("trace", "docker-py: not found", heard._repr_html_())


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
