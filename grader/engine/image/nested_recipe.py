"""What a nested engine's image is made of: the sandbox's recipe, as a Dockerfile and its context."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import tarfile

from grader.engine.image import course_images, recipe
from grader.engine.system.package import file_text

FORMAT = 1
"""Increase it when a change to the build changes the result."""
MADE = "/made"
OF_DOCKER = ("etc/hosts", "etc/resolv.conf", "etc/hostname")
"""Docker puts files of its own over these in a container; process 1 writes them there."""


def default_base(suite: recipe.Suite) -> str:
    """The image that the Dockerfile starts from: Docker Hub's Debian, for every processor that it has."""
    return f"debian:{suite}-slim"


def dockerfile(suite: recipe.Suite) -> str:
    """The Dockerfile: ``made`` is the course's Debian and the hub's packages, ``engine`` all the rest."""
    mmdebstrap = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", *recipe.SLIM]
    mmdebstrap += ["--skip=output/dev", *course_images.debian_options(f"{MADE}/debs.tar")]
    mmdebstrap += [recipe.COURSE_SUITE, f"{MADE}/debian.tar"]
    return file_text(
        "engine/image/files/nested.Dockerfile",
        MADE=MADE,
        MMDEBSTRAP=shlex.join(mmdebstrap),
        PACKAGES=" ".join(recipe.packages(suite)),
        COMPILE=recipe.COMPILE,
    )


def context(suite: recipe.Suite) -> bytes:
    """The build's context as a tar archive."""
    files = {"Dockerfile": (dockerfile(suite), 0o644)}
    slim = "".join(f"{option.removeprefix('--dpkgopt=')}\n" for option in recipe.ENGINE_SLIM)
    files["slim.cfg"] = (slim, 0o644)
    files["root/etc/dockbook/certificates.sh"] = (course_images.CERTIFICATES, 0o644)
    files |= {f"root/{name}": found for name, found in recipe.files(suite).items() if name not in OF_DOCKER}
    with io.BytesIO() as buffer, tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content.encode()), mode
            archive.addfile(info, io.BytesIO(content.encode()))
        archive.close()
        return buffer.getvalue()


def files_inside(suite: recipe.Suite) -> dict[str, str]:
    """What process 1 writes over Docker's own files."""
    return {f"/{name}": content for name, (content, _) in recipe.files(suite).items() if name in OF_DOCKER}


def key(suite: recipe.Suite, base: str) -> str:
    """Twelve hexadecimal digits that change with anything the image is made of."""
    parts = [FORMAT, recipe.key(suite), dockerfile(suite), base]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
