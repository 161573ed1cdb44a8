"""Runs once in the container that becomes a nested engine's image: builds the course's images and the hub.

Without a network: the packages came with the container. What it prints tells how far it is; the last line of
a failed run is the reason. Standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from grader.engine.image import course_images, hub, recipe
from grader.engine.inside.guest_sockets import listen
from grader.engine.inside.nested import API, IMAGES, SPEC, Guest, prepare

MADE = Path("/made")
HUB = Path("/srv/dockbook/hub")
READY_S = 60
RESULT = "course images: "
"""Before the one line of JSON that tells which images there are and how large."""


def main() -> None:
    """Entry of process 1 of that container; ends with 0, or with 1 and the reason."""
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.umask(0o022)
    try:
        bake()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        sys.exit(f"{shlex_words(error.cmd)}: {said[-1] if said else f'exit code {error.returncode}'}")
    except Exception as error:  # noqa: BLE001 - the last word is the only one that gets out
        sys.exit(f"{type(error).__name__}: {error}")


def shlex_words(argv: list[str]) -> str:
    """The first words of a command, for messages."""
    return " ".join(str(word) for word in argv[:2])


def docker(*words: str) -> str:
    """One docker command; what it printed. Raises CalledProcessError."""
    env = {**os.environ, "DOCKER_HOST": "unix:///run/docker.sock", "DOCKER_BUILDKIT": "0", "HOME": "/root"}
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True, env=env)
    return done.stdout.strip()


def bake() -> None:
    """An engine without images, the images, the hub, the archive that every later engine unpacks."""
    with open(SPEC) as handle:
        spec = json.load(handle)
    prepare(spec)
    Path("/srv/dockbook").mkdir(parents=True, exist_ok=True)
    shutil.move(MADE / "hub", HUB)
    hub.write_package_source(HUB / "debian")
    control, _kept = socket.socketpair()
    guest = Guest(spec | {"folders": {"hub": str(HUB)}}, control, listen(API, 0o600), 2)
    guest.start()
    wait_for_docker()
    sources = recipe.image_sources()
    found = []
    for source in sources:
        print(f"course images: building {source.names[0]}", flush=True)
        found += build(source)
    print("course images: the hub", flush=True)
    saved = MADE / "saved.tar"
    docker("save", "--output", str(saved), *(str(one["name"]) for one in found))
    mirror_only = {name for source in sources if source.mirror_only for name in source.names}
    hub.write_registry(saved, HUB, mirror_only)
    hub.write_search([source for source in sources if source.preloaded], HUB)
    docker("rmi", *(name for source in sources if not source.preloaded for name in source.names))
    guest.do_stop()
    tar = [
        "tar",
        "--xattrs",
        "--xattrs-include=*",
        "-C",
        "/var/lib/docker",
        "-cf",
        IMAGES,
        "image",
        "overlay2",
    ]
    subprocess.run(tar, check=True, capture_output=True, text=True)
    shutil.rmtree(MADE)
    print(RESULT + json.dumps(found), flush=True)


def wait_for_docker() -> None:
    """Until dockerd answers. Raises CalledProcessError with what the client says."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            docker("info")
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def build(source: recipe.ImageSource) -> list[dict[str, str | int]]:
    """One of the course's images; its names with their sizes."""
    context = MADE / "context"
    course_images.copy_context(source.folder, context)
    if source.rootfs == "debian":
        (MADE / "debian.tar").rename(context / "rootfs.tar")
    elif source.rootfs == "busybox":
        course_images.busybox(Path("/usr/bin/busybox"), context / "rootfs.tar")
    docker("build", "--quiet", *(word for name in source.names for word in ("--tag", name)), str(context))
    shutil.rmtree(context)
    return [
        {
            "name": name,
            "size": int(docker("image", "inspect", "--format", "{{.Size}}", name)),
            "source": source.folder.name,
            "description": source.description,
        }
        for name in source.names
    ]
