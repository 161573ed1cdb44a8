"""The course hub's registry, from what `docker save` writes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from grader.engine.image import hub

LAYERS = {"a/layer.tar": b"base " * 400_000, "b/layer.tar": b"on top"}


def saved(path: Path) -> Path:
    entries = [
        {"Config": "one.json", "RepoTags": ["debian:trixie", "debian:latest"], "Layers": ["a/layer.tar"]},
        {"Config": "two.json", "RepoTags": ["training/webapp:latest"], "Layers": list(LAYERS)},
        {"Config": "three.json", "RepoTags": ["motd:latest"], "Layers": ["b/layer.tar"]},
    ]
    files = {"manifest.json": json.dumps(entries).encode(), **LAYERS}
    files |= {name: f'{{"of": "{name}"}}'.encode() for name in ("one.json", "two.json", "three.json")}
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_what_is_pulled_is_what_was_saved(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    hub.write_registry(saved(tmp_path / "saved.tar"), folder, {"motd:latest"})
    place = folder / "v2/training/webapp"
    manifest = (place / "manifests/latest").read_bytes()
    assert (place / "manifests" / f"sha256:{hashlib.sha256(manifest).hexdigest()}").read_bytes() == manifest
    found = json.loads(manifest)
    assert (place / "blobs" / found["config"]["digest"]).read_bytes() == b'{"of": "two.json"}'
    for layer, content in zip(found["layers"], LAYERS.values(), strict=True):
        blob = place / "blobs" / layer["digest"]
        data = blob.read_bytes()
        assert layer["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert (len(data), gzip.decompress(data)) == (layer["size"], content)
        assert blob.stat().st_mode & 0o777 == 0o644  # nginx is another user
    assert json.loads((folder / "v2/library/debian/tags/list").read_text())["tags"] == ["latest", "trixie"]


def test_a_layer_of_many_images_is_there_once(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    hub.write_registry(saved(tmp_path / "saved.tar"), folder, set())
    assert len(list((folder / "blobs").iterdir())) == len(LAYERS)
    inodes = {path.stat().st_ino for path in folder.rglob("blobs/sha256:*") if path.stat().st_size > 100}
    assert inodes <= {path.stat().st_ino for path in (folder / "blobs").iterdir()}


def test_what_only_the_mirror_has_is_not_at_the_hub(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    hub.write_registry(saved(tmp_path / "saved.tar"), folder, {"motd:latest"})
    assert names(folder / "v2/library") == ["debian"]
    assert names(folder / "mirror/v2/library") == ["debian", "motd"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
