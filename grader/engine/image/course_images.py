"""What the course's images are built from, the same wherever an engine image is made.

Used outside of an engine and, where the user's own Docker makes the image, inside: standard library only.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from grader.engine.image import recipe
from grader.engine.system.package import file_text
from grader.engine.system.places import HUB_ADDRESS

_NAMES = f"DNS:registry-1.docker.io,DNS:index.docker.io,DNS:hub,IP:{HUB_ADDRESS}"
CERTIFICATES = file_text("engine/image/files/certificates.sh", NAMES=_NAMES)
"""A shell script for the engine's root: an authority trusted only in there; its key is not kept."""


def debian_options(packages: str) -> list[str]:
    """mmdebstrap's options for the course's small Debian; what the hub serves for it goes to ``packages``.

    That is the path of a tar archive.
    """
    archives = "/var/cache/apt/archives"
    names = " ".join(recipe.DEBIAN_PACKAGES)
    fetch = f'chroot "$1" apt-get install --yes --download-only --no-install-recommends {names}'
    source = f"deb [trusted=yes] http://{HUB_ADDRESS}/debian ./"
    return [
        f"--customize-hook={fetch}",
        f'--customize-hook=tar -C "$1{archives}" -cf "$1/debs.tar" --exclude=partial --exclude=lock .',
        f"--customize-hook=download /debs.tar {packages}",
        '--customize-hook=rm "$1/debs.tar"',
        f'--customize-hook=echo "{source}" > "$1/etc/apt/sources.list"',
        '--customize-hook=rm -rf "$1"/var/log/* "$1"/var/cache/apt/*',
    ]


def copy_context(source: Path, target: Path) -> None:
    """Copy an image's build context, with the modes that git gives by default.

    The image has other users, and in a clone the modes depend on the user's umask.
    """
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def busybox(program: Path, target: Path) -> None:
    """Write a file system of one program and its names."""
    names = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    with tarfile.open(target, "w") as tar:
        for folder, mode in (
            ("bin", 0o755),
            ("etc", 0o755),
            ("root", 0o700),
            ("tmp", 0o1777),
            ("var", 0o755),
        ):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        for name, text in (("etc/passwd", users), ("etc/group", "root:x:0:\nnogroup:x:65534:\n")):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
        info = tar.gettarinfo(str(program), "bin/busybox")
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        with program.open("rb") as handle:
            tar.addfile(info, handle)
        for name in names:
            if name != "busybox":
                info = tarfile.TarInfo(f"bin/{name}")
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
