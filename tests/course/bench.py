"""One engine and one kernel for many cases, each of which meets them as they were at first.

What a case made on the engine is removed, and the engine must then list what it listed when it had started;
what it did to the kernel is taken back, and the kernel must then look as it did before any case: its folders,
environment, processes and hooks, and what the libraries' names stand for. Whatever does not is thrown away
for a new one. Cases of tasks about the engine's own configuration always get an engine that just started.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import APIError

from grader.course import Chapter, Task
from grader.engine.base import Engine
from grader.engine.choose import open_engine
from grader.grading.judge.kernel import KernelSession
from grader.grading.judge.trusted import LOOK_S, originals
from grader.state import Snapshot

TIDY = r"""
def _tidy():
    import os, shutil
    work = "/home/student/work"
    os.chdir(work)
    for name in os.listdir(work):
        path = os.path.join(work, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
_tidy()
get_ipython().run_line_magic("reset", "-f")
"""
"""Takes away the files in a kernel's folder, to which a submission of no files brings none, and its names."""

FINGERPRINTS = r"""
def _fingerprints():
    import builtins, hashlib, os, socket, subprocess, sys, threading
    files = []
    for top in ("/home/student", "/tmp", "/var/tmp"):
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name not in (".ipython", "__pycache__")]
            files += [(folder, name) for name in folders]
            for name in names:
                seen = os.lstat(os.path.join(folder, name))
                files.append((folder, name, seen.st_mode, seen.st_size, seen.st_mtime_ns))
    found = [os.getcwd(), sorted(os.environ.items()), sys.path, len(sys.meta_path)]
    found += [sorted(name for name in os.listdir("/proc") if name.isdigit()), threading.active_count()]
    shell = get_ipython()
    hooks = [shell.input_transformers_cleanup, shell.input_transformers_post, shell.ast_transformers]
    hooks += [*shell.events.callbacks.values(), *shell.magics_manager.magics.values()]
    found += [sorted(map(str, one)) for one in hooks]
    libraries = ("docker", "grader", "requests", "urllib3", "json", "tarfile", "io", "time")
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in libraries or module in (builtins, os, socket, subprocess):
            for key, value in sorted(vars(module).items()):
                if key in ("_", "__builtins__", "input"):  # ipykernel binds them for each cell
                    continue
                if isinstance(value, (int, float, str, bytes, list, dict, set)):
                    continue
                found.append((name, key, id(value)))
                if isinstance(value, type) and value.__module__.partition(".")[0] in libraries:
                    held = sorted(vars(value).items())
                    found += [(name, key, each, id(one)) for each, one in held if callable(one)]
    return [hashlib.sha256(repr(one).encode()).hexdigest() for one in (files, found)]
print(*_fingerprints())
del _fingerprints
"""
"""Of what a case could leave: files; in its kernel, what a library's names stand for, not their values."""

LOAD_AGAIN = "__import__('grader').load_ipython_extension(get_ipython())"
"""``%load_ext`` does nothing the second time."""


@dataclass
class Kernel:
    """A kernel in which a chapter's first cell has run, and how it looked then."""

    session: KernelSession
    chapter: Chapter
    look: list[str]


@dataclass
class Bench:
    """``case()`` gives an engine and a session; ``engines`` and ``kernels`` count how many it took."""

    cases: int = 0
    engines: int = 0
    kernels: int = 0
    _engine: Engine | None = None
    _first: tuple[Snapshot, Any] | None = None
    _images: dict[str, str] = field(default_factory=dict)
    _kernel: Kernel | None = None
    _folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="bench-")
    )

    @contextlib.contextmanager
    def case(self, chapter: Chapter, task: Task) -> Iterator[tuple[Engine, KernelSession, dict[str, str]]]:
        """An engine as it started, a session as after the chapter's first cell, the course's images."""
        self.cases += 1
        if task.private:
            self._drop_engine()
        engine = self._ready_engine()
        session = self._ready_session(engine, chapter)
        try:
            yield engine, session, self._images
        except BaseException:
            self._drop_engine()
            raise
        files, kernel = self._kernel_as_before()
        if task.private or not files or not self._cleaned(engine):
            self._drop_engine()
        elif not kernel:
            self._drop_kernel()

    def close(self) -> None:
        """End what runs."""
        self._drop_engine()
        self._folder.cleanup()

    # -- the engine

    def _ready_engine(self) -> Engine:
        if self._engine is None:
            self._engine = open_engine("sandbox")
            self._first = _held(self._engine)
            self._images = originals(self._engine)
            self.engines += 1
        return self._engine

    def _cleaned(self, engine: Engine) -> bool:
        """Remove what is new; whether the engine lists what it listed at first."""
        assert self._first is not None
        first, _ = self._first
        with closing(engine.client()) as client, contextlib.suppress(APIError):
            _remove_new(client, first)
        return _held(engine) == self._first

    def _drop_engine(self) -> None:
        self._drop_kernel()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    # -- the kernel

    def _ready_session(self, engine: Engine, chapter: Chapter) -> KernelSession:
        if self._kernel is not None and self._kernel.chapter is not chapter:
            self._drop_kernel()
        if self._kernel is None:
            session = KernelSession(engine, Path(self._folder.name), chapter.limits)
            self.kernels += 1
            self._kernel = Kernel(session, chapter, [])
            # urllib3 chooses how to wait for a socket when it first has to: that is no case's doing.
            _run(session, chapter, f"{chapter.setup}\nclient.ping()\nclient.ping();")
            self._kernel.look = _look(session, chapter)
        return self._kernel.session

    def _kernel_as_before(self) -> tuple[bool, bool]:
        """Take back what cells did; whether the files, which another kernel would meet, and it are as new."""
        assert self._kernel is not None
        session, chapter = self._kernel.session, self._kernel.chapter
        try:
            for code in (TIDY, chapter.setup.replace("%load_ext grader", LOAD_AGAIN)):
                _run(session, chapter, code)
            now = _look(session, chapter)
        except AssertionError:
            return False, False
        files, kernel = (one == first for one, first in zip(now, self._kernel.look, strict=True))
        return files, kernel

    def _drop_kernel(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.session.close()


def _held(engine: Engine) -> tuple[Snapshot, Any]:
    """Everything that the engine lists, and the part of its configuration that a course can change."""
    with closing(engine.client(timeout=LOOK_S)) as client:
        info = client.info()
        kept = [info[name] for name in ("RegistryConfig", "Labels", "Swarm", "DefaultRuntime")]
        return Snapshot.read(client, LOOK_S), kept


def _remove_new(client: DockerClient, first: Snapshot) -> None:
    for box in client.api.containers(all=True):
        client.api.remove_container(box["Id"], force=True, v=True)
    networks = {network.id for network in first.networks}
    for network in client.api.networks():
        if network["Id"] not in networks:
            client.api.remove_network(network["Id"])
    for volume in client.api.volumes()["Volumes"] or ():
        client.api.remove_volume(volume["Name"], force=True)
    tags = {tag for image in first.images for tag in image.tags}
    ids = {image.id for image in first.images}
    new = False
    for image in client.api.images():
        names = set(image["RepoTags"] or ()) - tags
        new = new or bool(names) or image["Id"] not in ids
        for name in names - {"<none>:<none>"} if image["Id"] in ids else ():
            client.api.remove_image(name)
        if image["Id"] not in ids:
            with contextlib.suppress(APIError):  # gone with the one that was made from it
                client.api.remove_image(image["Id"], force=True)
    if new:
        client.api.prune_builds()


def _run(session: KernelSession, chapter: Chapter, code: str) -> str:
    run = session.run(code, chapter.limits.cell_s)
    assert run.ending == "ok", f"{chapter.id}: {run.ending} {run.outputs}"
    return "".join(str(output.get("text", "")) for output in run.outputs)


def _look(session: KernelSession, chapter: Chapter) -> list[str]:
    return _run(session, chapter, FINGERPRINTS).split()
