"""Builds the engine image: Debian packages in, a root file system, preloaded images and the hub out.

As an ordinary user, with mmdebstrap; everything is made in a temporary folder of the cache and renamed into
place at the end, so an interrupted build leaves no partial image and the next one starts from scratch.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from grader.engine.base import Engine
from grader.engine.build import early, tool
from grader.engine.build.bootstrap import mmdebstrap
from grader.engine.build.one_builder import Progress, Shares, one_builder
from grader.engine.image import course_images, hub, recipe
from grader.engine.image.engine_image import MANIFEST, CourseImage, EngineImage, find_image, location
from grader.engine.sandbox import Sandbox
from grader.engine.system import folder_trial, ids
from grader.engine.system.scratch import scratch_folder
from grader.environment import tools
from grader.errors import ImageError

NEEDED_BYTES = 4 << 30
ENGINE, DEBIAN, IMAGES, HUB = "engine", "course's Debian", "course's images", "course's hub"
SHARES = {ENGINE: 0.53, DEBIAN: 0.2, IMAGES: 0.2, HUB: 0.07}
"""Of the processors' time, measured on two cores."""
TOOLS = {"mmdebstrap": "mmdebstrap", "tar": "tar", "dpkg-deb": "dpkg"}
SENTINELS = ("rootfs/usr/sbin/dockerd", "rootfs/usr/bin/docker", "rootfs/usr/bin/crun", "hub/debian/Packages")


def ensure_image(
    suite: recipe.Suite = "trixie", progress: Progress | None = None, *, rebuild: bool = False
) -> EngineImage:
    """The engine image, built when it is missing, stale or damaged. One build at a time.

    ``progress`` is called with a fraction from 0 to 1 and what is being done. Raises ImageError.
    """
    tell = progress or (lambda _fraction, _text: None)
    image = location(suite)
    if not rebuild:
        try:
            return find_image(suite)
        except ImageError:
            pass
    image.path.parent.mkdir(parents=True, exist_ok=True)
    with early.awaited() as begun, one_builder(image.path, tell, ended=begun) as report:
        if not rebuild:
            try:
                found = find_image(suite)
            except ImageError:
                pass
            else:
                tell(1, "ready")  # made by the one that was waited for
                return found
        _Builder(image, report).build()
    return find_image(suite)


class _Builder:
    def __init__(self, image: EngineImage, tell: Progress) -> None:
        self.final = image
        self.folder = image.path.with_suffix(".new")
        self.image = EngineImage(self.folder, image.suite, image.key)
        self.tell = Shares(SHARES, tell)
        self.started = time.monotonic()
        self._built = 0
        try:
            self.ids = ids.building_ids()
        except ids.NoIds as error:
            raise ImageError(f"The engine image cannot be built: {error}.", next_step=error.fix) from error

    def build(self) -> None:
        """All steps, in a folder next to the final one."""
        self._check_tools()
        ids.remove(self.folder, self.ids)
        self.folder.mkdir()
        # Open so that the range's ids may write; closed to all others by the cache folder above.
        self.folder.chmod(0o777)
        try:
            self._root_file_systems()
            self._course_images()
            self._finish()
        except subprocess.CalledProcessError as error:
            log = self.folder.with_suffix(".log")
            with log.open("a") as handle:
                handle.write(f"{shlex.join(error.cmd)}\n{tool.all_said(error)}\n")
            raise ImageError(
                f"Building the engine image stopped at {tool.failure(error)}.",
                next_step=f"see {log}, then `dockbook engine build` again.",
            ) from error
        finally:
            ids.remove(self.folder, self.ids)

    def _check_tools(self) -> None:
        missing = sorted(package for tool, package in TOOLS.items() if shutil.which(tool) is None)
        if missing:
            raise ImageError(
                f"The engine image is made with {', '.join(missing)}, which this machine does not have.",
                next_step=f"sudo apt-get install {' '.join(missing)}",
            )
        free = shutil.disk_usage(self.folder.parent).free
        if free < NEEDED_BYTES:
            raise ImageError(
                f"{self.folder.parent} has {free >> 20} MB free; the build needs {NEEDED_BYTES >> 20} MB.",
                next_step="free some space, or set DOCKBOOK_CACHE to a folder on another disk.",
            )
        trouble = folder_trial.try_image(self.ids, self.folder.parent)
        if trouble:
            raise ImageError(
                f"{self.folder.parent} cannot hold the engine image: this folder {trouble}.",
                next_step="set DOCKBOOK_CACHE to a folder on a local disk.",
            )
        scratch_folder()

    # -- Debian

    def _root_file_systems(self) -> None:
        """The engine's and the course's Debian at the same time: each has the work of one core."""
        stop = threading.Event()

        def debian() -> None:
            try:
                self._debian_base(stop)
            except BaseException:
                stop.set()
                raise

        with ThreadPoolExecutor(1) as parallel:
            other = parallel.submit(debian)
            try:
                with suppress(InterruptedError):  # then the other one failed, and reports why
                    self._engine_root(stop)
                other.result()
            finally:
                stop.set()  # what failed or was interrupted ends the other one, too, which is waited for

    def _mmdebstrap(
        self, part: str, argv: list[str], stop: threading.Event, output: IO[bytes] | None = None
    ) -> None:
        """One run of mmdebstrap into a tar archive. What it wrote is in the build's log after its end."""
        log = self.folder.with_suffix(".log")
        own = self.folder.with_suffix(f".log-{part.rsplit(maxsplit=1)[-1].lower()}")
        try:
            mmdebstrap(
                ["--format=tar", "--skip=output/dev", *argv],
                own,
                lambda done, text: self.tell(part, done, text),
                output=output,
                stop=stop,
                aside=part == DEBIAN,
            )
        finally:
            with log.open("ab") as handle:
                handle.write(own.read_bytes() if own.exists() else b"")
            own.unlink(missing_ok=True)

    @contextmanager
    def _unpacking(self, folder: str) -> Iterator[IO[bytes]]:
        """What is written there is a tar archive that is unpacked below ``folder`` as it comes."""
        argv = ["tar", "-C", folder, "-x"]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                ids.command(self.ids, str(self.folder), argv),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env=tools(),
            )
            assert process.stdin
            try:
                yield process.stdin
            except subprocess.CalledProcessError:
                # Without a reader the writer fails; half an archive is a failure for tar, too.
                if process.poll() is None:
                    raise
            finally:
                process.stdin.close()
                process.wait()
            if process.returncode:
                said.seek(0)
                words = said.read().decode(errors="replace")
                raise subprocess.CalledProcessError(process.returncode, argv, stderr=words)

    def _engine_root(self, stop: threading.Event) -> None:
        """mmdebstrap's archive is unpacked as it comes."""
        user = "useradd --uid 1000 --create-home --shell /bin/bash --groups docker student"
        argv = ["--variant=essential", f"--include={','.join(recipe.packages(self.image.suite))}"]
        argv += [f'--customize-hook=chroot "$1" {command}' for command in (user, recipe.COMPILE)]
        self._as_root(["mkdir", "rootfs", "preload"])
        with self._unpacking("rootfs") as output:
            argv += [*recipe.ENGINE_SLIM, self.image.suite, "-"]
            self._mmdebstrap(ENGINE, argv, stop, output)
        self._as_root(["mkdir", "-p", "rootfs/dev", "rootfs/proc", "rootfs/sys"])
        extra = io.BytesIO()
        with tarfile.open(fileobj=extra, mode="w") as tar:
            for name, (content, mode) in recipe.files(self.image.suite).items():
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(content.encode()), mode, int(time.time())
                tar.addfile(info, io.BytesIO(content.encode()))
        self._as_root(["tar", "-C", "rootfs", "-x"], extra.getvalue())
        self._certificates()

    def _certificates(self) -> None:
        """An authority trusted only inside the engine; its key is not kept."""
        self._as_root(["chroot", "rootfs", "sh", "-c", course_images.CERTIFICATES])

    def _debian_base(self, stop: threading.Event) -> None:
        """The course's small Debian, and the packages that the hub serves for it."""
        debs = self.folder / "hub" / "debian"
        debs.mkdir(parents=True)
        options = course_images.debian_options(str(self.folder / "debs.tar"))
        target = self.folder / "debian.tar"
        argv = ["--variant=minbase", *recipe.SLIM, *options, recipe.COURSE_SUITE, str(target)]
        self._mmdebstrap(DEBIAN, argv, stop)
        with tarfile.open(self.folder / "debs.tar") as tar:
            for member in tar:
                package = tar.extractfile(member) if member.name.endswith(".deb") else None
                if package is not None:
                    (debs / Path(member.name).name).write_bytes(package.read())
        (self.folder / "debs.tar").unlink()
        hub.write_package_source(debs)

    # -- the course's images

    def _course_images(self) -> None:
        self.tell(IMAGES, 0, "starting an engine")
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "docker").symlink_to("../rootfs/usr/bin/docker")
        sources = recipe.image_sources()
        mirror_only = {name for source in sources if source.mirror_only for name in source.names}
        hub.write_search([source for source in sources if source.preloaded], self.image.hub)
        with ThreadPoolExecutor(2) as pool, self._oven() as engine:
            ours = engine.env()
            env = tools(ours) | {name: ours[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
            env["DOCKER_BUILDKIT"] = "0"
            found = self._build_each(pool, sources, env)
            self.tell(HUB, 0, "saving the course's images")
            saved = self.folder / "saved.tar"
            self._run(["docker", "save", "--output", str(saved), *(image.name for image in found)], env)
            self.tell(HUB, 0.3, "packing the course's images")
            hub.write_registry(saved, self.image.hub, mirror_only)
            saved.unlink()
            removed = [name for source in sources if not source.preloaded for name in source.names]
            self._run(["docker", "rmi", *removed], env)
        self.images = found

    def _build_each(
        self, pool: ThreadPoolExecutor, sources: list[recipe.ImageSource], env: dict[str, str]
    ) -> list[CourseImage]:
        """Two at a time: most of a build's steps use one core. In the order of ``sources``."""
        begun: dict[str, Future[list[CourseImage]]] = {}
        try:
            for source in sources:
                base = begun.get(recipe.with_tag(source.base))
                one = pool.submit(self._build_one, source, base, len(sources), env)
                begun |= dict.fromkeys(map(recipe.with_tag, source.names), one)
            return [image for one in dict.fromkeys(begun.values()) for image in one.result()]
        finally:
            # After an error the engine ends, and what has begun with it: leaving the pool waits for that.
            pool.shutdown(wait=False, cancel_futures=True)

    def _build_one(
        self, source: recipe.ImageSource, base: Future[list[CourseImage]] | None, of: int, env: dict[str, str]
    ) -> list[CourseImage]:
        """One of the course's images, as soon as its base is there."""
        if base is not None:
            base.result()
        self._built += 1
        self.tell(IMAGES, self._built / (of + 2), source.names[0])
        with self._context(source) as context:
            tags = [word for name in source.names for word in ("--tag", name)]
            self._run(["docker", "build", "--quiet", *tags, str(context)], env)
        sizes = [
            self._run(["docker", "image", "inspect", "--format", "{{.Size}}", name], env)
            for name in source.names
        ]
        return [
            CourseImage(name, int(size), source.folder.name, source.description)
            for name, size in zip(source.names, sizes, strict=True)
        ]

    @contextmanager
    def _oven(self) -> Iterator[Engine]:
        """The engine that the course's images are baked in. What it holds at the end is kept."""
        if self.ids.get("plain"):
            from grader.engine.build.vm_bake import builder_engine

            # No sandbox is available, so no images are needed for one: they stay on the machine's disk.
            with builder_engine(self.image, self.final, partial(self.tell, IMAGES)) as engine:
                yield engine
            return
        state = self.folder / "bake" / "state"
        with Sandbox(self.image, plugin=False, preload=False, state=state).start() as engine:
            yield engine
            engine.stop_daemon()
        (self.folder / "bake").chmod(0o777)
        self._as_root(["mv", "bake/state/docker/image", "bake/state/docker/overlay2", "preload/"])

    @contextmanager
    def _context(self, source: recipe.ImageSource) -> Iterator[Path]:
        """The build context: the folder of the Dockerfile, and the root file system where it wants one."""
        context = self.folder / f"context-{source.folder.name}"
        course_images.copy_context(source.folder, context)
        try:
            if source.rootfs == "debian":
                (self.folder / "debian.tar").rename(context / "rootfs.tar")
            elif source.rootfs == "busybox":
                course_images.busybox(self.image.rootfs / "usr/bin/busybox", context / "rootfs.tar")
            yield context
        finally:
            shutil.rmtree(context)

    def _finish(self) -> None:
        self.tell(HUB, 1, "putting everything in place")
        for name in ("bake", "debian.tar"):
            ids.remove(self.folder / name, self.ids)
        manifest = {
            "key": self.image.key,
            "suite": self.image.suite,
            "seconds": round(time.monotonic() - self.started, 1),
            "images": [vars(image) for image in self.images],
            "sentinels": [{"path": name, "size": (self.folder / name).lstat().st_size} for name in SENTINELS],
        }
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        ids.remove(self.final.path, self.ids)
        self.folder.rename(self.final.path)
        self.folder.with_suffix(".log").unlink(missing_ok=True)
        self.tell.all_done("ready")

    # -- helpers

    def _as_root(self, argv: list[str], stdin: Path | bytes = b"") -> None:
        """Run a command as root over the image's files, standing in the image's folder."""
        tool.run_as_root(self.ids, self.folder, argv, stdin)

    @staticmethod
    def _run(argv: list[str], env: dict[str, str]) -> str:
        return tool.run(argv, env=env).strip()
