"""Content of the course hub: a registry, its search and a Debian package source, as files for nginx.

A registry that is only read needs no registry process: the pull part of the distribution API is a few
well-named files. Formats: https://distribution.github.io/distribution/spec/manifest-v2-2/ and
https://wiki.debian.org/DebianRepository/Format
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from grader.engine.image.recipe import ImageSource

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def repository(name: str) -> tuple[str, str]:
    """Repository path at Docker Hub and tag of an image name: ``busybox`` is ``library/busybox``."""
    path, _, tag = name.partition(":")
    return (path if "/" in path else f"library/{path}"), tag or "latest"


def write_registry(saved: Path, hub: Path, mirror_only: set[str]) -> None:
    """Fill ``hub/v2`` and ``hub/mirror/v2`` from the output of ``docker save``.

    Layers are compressed, image ids kept. The names in ``mirror_only`` go to the mirror alone.
    """
    with tarfile.open(saved) as archive:
        entries = json.load(_member(archive, "manifest.json"))
        names = sorted({layer for entry in entries for layer in entry["Layers"]})
        # zlib lets other threads work meanwhile.
        with ThreadPoolExecutor(os.cpu_count() or 1) as at_once:
            packed = at_once.map(lambda name: _compress(saved, name, hub / "blobs"), names)
            layers = dict(zip(names, packed, strict=True))
        for entry in entries:
            config = _member(archive, entry["Config"]).read()
            manifest = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)},
                    "layers": [layers[layer] for layer in entry["Layers"]],
                },
                indent=1,
            ).encode()
            described = [layers[layer] for layer in entry["Layers"]]
            for name in entry["RepoTags"]:
                for shelf in [hub / "mirror"] if name in mirror_only else [hub, hub / "mirror"]:
                    _write_repository(shelf, hub / "blobs", name, manifest, config, described)


def _write_repository(
    shelf: Path, blobs: Path, name: str, manifest: bytes, config: bytes, layers: list[dict[str, Any]]
) -> None:
    path, tag = repository(name)
    folder = shelf / "v2" / path
    for part in ("manifests", "blobs", "tags"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "manifests" / tag).write_bytes(manifest)
    (folder / "manifests" / _digest(manifest)).write_bytes(manifest)
    (folder / "blobs" / _digest(config)).write_bytes(config)
    for layer in layers:
        link = folder / "blobs" / layer["digest"]
        if not link.exists():
            link.hardlink_to(blobs / layer["digest"])
    tags = sorted(p.name for p in (folder / "manifests").iterdir() if not p.name.startswith("sha256:"))
    (folder / "tags" / "list").write_text(json.dumps({"name": path, "tags": tags}))


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    handle = archive.extractfile(name)
    if handle is None:
        raise ValueError(f"{name} is not a file in the saved images")
    return handle


def _compress(saved: Path, name: str, folder: Path) -> dict[str, Any]:
    """Store a layer compressed under its digest; its descriptor. Fast compression: it stays on this
    machine."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(saved) as archive, tempfile.NamedTemporaryFile(dir=folder, delete=False) as target:
        source = _member(archive, name)
        with gzip.GzipFile("", "wb", 1, target, mtime=0) as packed:
            while chunk := source.read(1 << 20):
                packed.write(chunk)
        target.seek(0)
        digest = "sha256:" + hashlib.file_digest(target, "sha256").hexdigest()
        os.fchmod(target.fileno(), 0o644)
    whole = folder / digest  # a name that is known only now: nothing for ``grader.files``
    Path(target.name).rename(whole)
    return {"mediaType": LAYER, "size": whole.stat().st_size, "digest": digest}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def write_search(sources: Iterable[ImageSource], hub: Path) -> None:
    """``hub/search/TERM.json`` for every part of a repository's name; the empty term finds nothing.

    The answer's form is that of the v1 search that ``docker search`` still speaks.
    """
    folder = hub / "search"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {"": []}
    for source in sources:
        name = source.names[0].partition(":")[0]
        row = {
            "name": name,
            "description": source.description,
            "star_count": 0,
            "is_official": source.official,
            "is_automated": False,
        }
        words = [word.strip(".,").lower() for word in source.description.split()]
        terms = {name[start:end] for start in range(len(name)) for end in range(start + 2, len(name) + 1)}
        for term in {term.replace("/", "%2F") for term in terms} | set(words):
            found.setdefault(term, []).append(row)
    for term, rows in found.items():
        answer = {"query": term, "num_results": len(rows), "results": rows}
        (folder / f"{term}.json").write_text(json.dumps(answer))


def write_package_source(folder: Path) -> int:
    """Write the index of a flat Debian repository next to its ``.deb`` files; how many there are."""
    entries = []
    packages = sorted(folder.glob("*.deb"))
    for package in packages:
        control = subprocess.run(
            ["dpkg-deb", "--field", str(package)], check=True, capture_output=True, text=True
        ).stdout.rstrip("\n")
        data = package.read_bytes()
        entries.append(
            f"{control}\nFilename: ./{package.name}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
    index = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(index)
    (folder / "Packages.gz").write_bytes(gzip.compress(index, mtime=0))
    sums = "".join(
        f" {_digest(data).removeprefix('sha256:')} {len(data)} {name}\n"
        for name in ("Packages", "Packages.gz")
        for data in [(folder / name).read_bytes()]
    )
    (folder / "Release").write_text(f"Origin: Dockbook\nSuite: course\nSHA256:\n{sums}")
    return len(packages)
