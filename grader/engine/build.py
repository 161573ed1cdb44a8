"""Builds the engine image: Debian packages in, a root file system, preloaded images and the hub out.

As an ordinary user, with mmdebstrap; everything is made in a temporary folder of the cache and renamed into
place at the end, so an interrupted build leaves no half image and the next one starts afresh.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from grader.engine import course_images, hub, ids, recipe, tool, trial
from grader.engine.base import Engine
from grader.engine.bootstrap import mmdebstrap, scratch_folder
from grader.engine.image import MANIFEST, CourseImage, EngineImage, find_image, location
from grader.engine.sandbox import Sandbox
from grader.environment import tools
from grader.errors import ImageError

Progress = Callable[[float, str], None]
NEEDED_BYTES = 4 << 30
WAIT_S = 1800
"""How long one builder waits for another."""
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
    with one_builder(
        image.path, lambda: tell(0, "another process is building the engine image; waiting for it")
    ):
        if not rebuild:
            try:
                return find_image(suite)
            except ImageError:
                pass
        _Builder(image, tell).build()
    return find_image(suite)


@contextmanager
def one_builder(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for making ``path``; ``waits`` is called first where another has it. Raises ImageError.

    Let go of at the end, however it ends: a lock that a traceback keeps alive would shut out the next try.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waits()
            lock.acquire(timeout=WAIT_S)
    except Timeout as error:
        raise ImageError(
            f"Another process has been building {path} for {WAIT_S / 60:.0f} minutes.",
            next_step="see whether it still runs; end it, then run the same command again.",
        ) from error
    try:
        with tool.modes_for_all():
            yield
    finally:
        lock.release()


class _Builder:
    def __init__(self, image: EngineImage, tell: Progress) -> None:
        self.final = image
        self.folder = image.path.with_suffix(".new")
        self.image = EngineImage(self.folder, image.suite, image.key)
        self.tell = tell
        self.started = time.monotonic()
        try:
            self.ids = ids.building_ids()
        except ids.NoIds as error:
            raise ImageError(f"The engine image cannot be built: {error}.", next_step=error.fix) from error

    def build(self) -> None:
        """All steps, in a folder beside the final one."""
        self._check_tools()
        remove(self.folder, self.ids)
        self.folder.mkdir()
        # Open so that the range's ids may write; closed to everybody else by the cache folder above.
        self.folder.chmod(0o777)
        try:
            self._engine_root()
            self._debian_base()
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
            remove(self.folder, self.ids)

    def _check_tools(self) -> None:
        missing = sorted(package for tool, package in TOOLS.items() if shutil.which(tool) is None)
        if missing:
            raise ImageError(
                f"The engine image is made with {', '.join(missing)}, which this machine lacks.",
                next_step=f"sudo apt-get install {' '.join(missing)}",
            )
        free = shutil.disk_usage(self.folder.parent).free
        if free < NEEDED_BYTES:
            raise ImageError(
                f"{self.folder.parent} has {free >> 20} MB free; the build needs {NEEDED_BYTES >> 20} MB.",
                next_step="free some space, or set DOCKBOOK_CACHE to a folder on another disk.",
            )
        trouble = trial.try_image(self.ids, self.folder.parent)
        if trouble:
            raise ImageError(
                f"{self.folder.parent} cannot hold the engine image: this folder {trouble}.",
                next_step="set DOCKBOOK_CACHE to a folder on a local disk.",
            )
        scratch_folder()

    # -- Debian

    def _mmdebstrap(self, suite: recipe.Suite, target: Path, variant: str, *options: str) -> None:
        """One run of mmdebstrap into a tar archive."""
        argv = [f"--variant={variant}", "--format=tar", "--skip=output/dev", *options]
        mmdebstrap(
            [*argv, suite, str(target)],
            self.folder.with_suffix(".log"),
            lambda text: self.tell(self.fraction, f"{self.what}: {text}"),
        )

    def _step(self, fraction: float, what: str) -> None:
        self.fraction, self.what = fraction, what
        self.tell(fraction, what)

    def _engine_root(self) -> None:
        self._step(0.02, "engine")
        archive = self.folder / "engine.tar"
        user = "useradd --uid 1000 --create-home --shell /bin/bash --groups docker student"
        include = f"--include={','.join(recipe.packages(self.image.suite))}"
        hooks = [f'--customize-hook=chroot "$1" {command}' for command in (user, recipe.COMPILE)]
        self._mmdebstrap(self.image.suite, archive, "essential", *recipe.ENGINE_SLIM, include, *hooks)
        self._step(0.45, "unpacking the engine")
        self._as_root(["mkdir", "rootfs", "preload"])
        self._as_root(["tar", "-C", "rootfs", "-x"], archive)
        archive.unlink()
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

    def _debian_base(self) -> None:
        """The course's small Debian, and the packages that the hub serves for it."""
        self._step(0.50, "course's Debian")
        debs = self.folder / "hub" / "debian"
        debs.mkdir(parents=True)
        options = course_images.debian_options(str(self.folder / "debs.tar"))
        self._mmdebstrap(recipe.COURSE_SUITE, self.folder / "debian.tar", "minbase", *recipe.SLIM, *options)
        with tarfile.open(self.folder / "debs.tar") as tar:
            for member in tar:
                package = tar.extractfile(member) if member.name.endswith(".deb") else None
                if package is not None:
                    (debs / Path(member.name).name).write_bytes(package.read())
        (self.folder / "debs.tar").unlink()
        hub.write_package_source(debs)

    # -- the course's images

    def _course_images(self) -> None:
        self._step(0.75, "course images")
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "docker").symlink_to("../rootfs/usr/bin/docker")
        self._write_docker_config(self.folder)
        sources = recipe.image_sources()
        mirror_only = {name for source in sources if source.mirror_only for name in source.names}
        hub.write_search([source for source in sources if source.preloaded], self.image.hub)
        with self._oven() as engine:
            ours = engine.env()
            env = tools(ours) | {name: ours[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
            env["DOCKER_BUILDKIT"] = "0"
            found = []
            for number, source in enumerate(sources):
                self._step(0.76 + 0.03 * number, f"course images: {source.names[0]}")
                with self._context(source) as context:
                    tags = [word for name in source.names for word in ("--tag", name)]
                    self._run(["docker", "build", "--quiet", *tags, str(context)], env)
                for name in source.names:
                    size = self._run(["docker", "image", "inspect", "--format", "{{.Size}}", name], env)
                    found.append(CourseImage(name, int(size), source.folder.name, source.description))
            self._step(0.90, "course hub")
            saved = self.folder / "saved.tar"
            self._run(["docker", "save", "--output", str(saved), *(image.name for image in found)], env)
            hub.write_registry(saved, self.image.hub, mirror_only)
            saved.unlink()
            removed = [name for source in sources if not source.preloaded for name in source.names]
            self._run(["docker", "rmi", *removed], env)
        self.images = found

    @contextmanager
    def _oven(self) -> Iterator[Engine]:
        """The engine that the course's images are baked in. What it holds at the end is kept."""
        if self.ids.get("plain"):
            from grader.engine.vm_bake import oven

            # No sandbox can be had, so nobody needs images for one: they stay on the machine's disk.
            with oven(self.image, self.final, self._step) as engine:
                yield engine
            return
        with Sandbox(self.image, plugin=False, preload=False, state=self.folder / "bake" / "state") as engine:
            yield engine
            engine.stop_daemon()
        (self.folder / "bake").chmod(0o777)
        self._as_root(["mv", "bake/state/docker/image", "bake/state/docker/overlay2", "preload/"])

    @contextmanager
    def _context(self, source: recipe.ImageSource) -> Iterator[Path]:
        """The build context: the folder of the Dockerfile, and the root file system where it wants one."""
        context = self.folder / "context"
        course_images.copy_context(source.folder, context)
        try:
            if source.rootfs == "debian":
                (self.folder / "debian.tar").rename(context / "rootfs.tar")
            elif source.rootfs == "busybox":
                course_images.busybox(self.image.rootfs / "usr/bin/busybox", context / "rootfs.tar")
            yield context
        finally:
            shutil.rmtree(context)

    def _write_docker_config(self, place: Path) -> None:
        """``docker-config`` below the folder as it is now, with the plugins' path as it will be."""
        folder = self.folder / "docker-config"
        folder.mkdir(exist_ok=True)
        plugins = place / "rootfs/usr/libexec/docker/cli-plugins"
        (folder / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [str(plugins)]}))

    def _finish(self) -> None:
        self._step(0.97, "putting everything in place")
        self._write_docker_config(self.final.path)
        for name in ("bake", "debian.tar"):
            remove(self.folder / name, self.ids)
        manifest = {
            "key": self.image.key,
            "suite": self.image.suite,
            "seconds": round(time.monotonic() - self.started, 1),
            "images": [vars(image) for image in self.images],
            "sentinels": [{"path": name, "size": (self.folder / name).lstat().st_size} for name in SENTINELS],
        }
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        remove(self.final.path, self.ids)
        self.folder.rename(self.final.path)
        self.folder.with_suffix(".log").unlink(missing_ok=True)
        self.tell(1, "the engine image is ready")

    # -- helpers

    def _as_root(self, argv: list[str], stdin: Path | bytes = b"") -> None:
        """Run a command as root over the image's files, standing in the image's folder."""
        tool.run_as_root(self.ids, self.folder, argv, stdin)

    @staticmethod
    def _run(argv: list[str], env: dict[str, str]) -> str:
        return tool.run(argv, env=env).strip()


def remove(path: Path, own: ids.Ids) -> None:
    """Remove a file, or a folder with files of the range's ids in it."""
    if path.is_dir():
        argv = ids.command(own, str(path), ["find", ".", "-mindepth", "1", "-delete"])
        subprocess.run(argv, check=False, capture_output=True)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
