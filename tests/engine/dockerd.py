"""Debian's dockerd, started by a test as root: an engine of the host's kind, in namespaces of its own.

Its sockets, data and state are in one folder; its bridge and firewall rules live in a network namespace
that goes away with it, so that it meets neither an engine of the machine's nor another test's.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import docker
import psutil
from docker import DockerClient

from grader.engine.image import recipe
from grader.engine.image.engine_image import EngineImage
from grader.engine.system.places import HUB_ADDRESS

START_S = 30
PROGRAMS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "unshare": "util-linux",
    "busybox": "busybox-static",
}


class Dockerd:
    """A context manager; ``socket`` is the path of its API. Raises AssertionError when it cannot be had.

    ``folder``: an empty one with a short path (a unix socket's has at most 108 bytes). ``plugin``: the folder
    with the socket ``dockbook.sock`` of an authorization plugin. ``hub``: an engine image whose hub stands in
    for the internet: Docker Hub's names lead to it, and it has Debian packages. ``kept``: a folder for images
    that stay when this ends; its builds, and nothing else, get at the machine's network.
    """

    def __init__(
        self,
        folder: Path,
        *,
        plugin: Path | None = None,
        hub: EngineImage | None = None,
        kept: Path | None = None,
    ) -> None:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
        for program, package in PROGRAMS.items():
            if shutil.which(program, path=path) is None:
                raise AssertionError(
                    f"{program} is missing: these tests start Debian's engine themselves. "
                    f"Next: apt-get install {package}"
                )
        if os.geteuid() != 0:
            raise AssertionError("Debian's dockerd starts as root only. Next: run these tests as root.")
        self.folder = folder
        self.socket = folder / "d.sock"
        self._log = (folder / "dockerd.log").open("wb")
        data = kept or folder / "data"
        command = ["dockerd", "--data-root", str(data), "--exec-root", f"{folder}/exec"]
        command += ["--pidfile", f"{folder}/pid", "-H", f"unix://{self.socket}"]
        prepare = "ip link set lo up"
        if plugin is not None:
            command += ["--authorization-plugin", "dockbook"]
            prepare += " && mount -t tmpfs plugins /run && mkdir -p /run/docker"
            prepare += f" && ln -s {plugin} /run/docker/plugins"
        if hub is not None:
            prepare += f" && {_internet(folder, hub)}"
        script = f'{prepare} && exec "$@"'
        # Should the tests be killed, it goes with them: the next ones could not open its data.
        namespaces = ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        namespaces.append("--mount-proc")
        if kept is None:
            namespaces.append("--net")
        else:
            command += ["--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        self._process = subprocess.Popen(
            [*namespaces, "sh", "-c", script, "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path, "DOCKER_RAMDISK": "1"},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(docker.errors.DockerException, OSError):
                self.client().ping()
                return self
            time.sleep(0.1)
        self.close()
        raise AssertionError(f"dockerd did not start: {self.tail()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def network_prefix(self) -> list[str]:
        """What comes before a command so that, to it, this engine's published ports answer."""
        return ["nsenter", f"--target={self._process.pid}", "--net", "--"]

    def within(self) -> list[str]:
        """What comes before a command that meets its containers' processes by the numbers that it knows."""
        (own,) = psutil.Process(self._process.pid).children()
        return ["nsenter", f"--target={own.pid}", "--pid", "--mount", "--"]

    def client(self, headers: Mapping[str, str] | None = None) -> DockerClient:
        """A docker-py client; its version is the engine's own."""
        client = DockerClient(base_url=f"unix://{self.socket}", version="1.41", timeout=60)
        client.api.headers.update(headers or {})
        return client

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join((self.folder / "dockerd.log").read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it, as `service docker stop` does; its containers end with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it, and remove what it wrote."""
        self.stop()
        self._log.close()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        shutil.rmtree(self.folder / "exec", ignore_errors=True)


def _internet(folder: Path, image: EngineImage) -> str:
    """Shell commands, in namespaces of dockerd's own, that put the course hub where its machine finds it."""
    (folder / "hosts").write_text(recipe.HOSTS)
    root = shlex.quote(str(image.rootfs))
    return " && ".join(
        (
            f"ip addr add {HUB_ADDRESS}/32 dev lo",
            f"mount --bind {folder}/hosts /etc/hosts",
            f"mount --bind {root}/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
            f"mount -t tmpfs hub {root}/run && mkdir {root}/run/hub",
            f"mount -t tmpfs hub {root}/srv && mkdir -p {root}/srv/dockbook/hub",
            f"mount --bind /dev {root}/dev",
            f"mount --bind {shlex.quote(str(image.hub))} {root}/srv/dockbook/hub",
            f"{{ chroot {root} nginx -e stderr -c /etc/dockbook/hub.conf & }}",
        )
    )


def import_busybox(client: DockerClient, folder: Path, tag: str = "busybox") -> None:
    """Make the image ``busybox:latest`` from Debian's busybox-static; the engine needs no network for it."""
    busybox = shutil.which("busybox", path=os.pathsep.join((os.defpath, "/bin", "/usr/bin")))
    assert busybox is not None, "busybox is missing. Next: apt-get install busybox-static"
    tree = folder / f"tree-{tag}"
    (tree / "bin").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "tmp").mkdir()
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    shutil.copy(busybox, tree / "bin/busybox")
    for name in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if name != "busybox":
            (tree / "bin" / name).symlink_to("busybox")
    archive = folder / f"{tag}.tar"
    subprocess.run(["tar", "-C", str(tree), "-cf", str(archive), "."], check=True)
    client.api.import_image_from_data(archive.read_bytes(), repository=tag, tag="latest")
