"""The virtual machine in the cache: used only whole, and only by the QEMU it was made with."""

from __future__ import annotations

import ast
import json
import os
import shutil
from pathlib import Path

import pytest

from grader.engine.build.vm_disk import Cpio
from grader.engine.image import qemu, vm_image, vm_recipe
from grader.engine.image.engine_image import EngineImage
from grader.errors import ImageError


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(qemu, "version", lambda: "10.0.2")
    return EngineImage(tmp_path / "engine", "trixie", "abc")


def write(folder: Path, manifest: str, key: str, **files: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    sentinels = [{"path": name, "size": len(data)} for name, data in files.items()]
    (folder / manifest).write_text(json.dumps({"key": key, "sentinels": sentinels}))


def made(image: EngineImage) -> vm_image.VMImage:
    vm = vm_image.location(image, "tcg")
    write(vm.path, vm_image.DISK_MANIFEST, vm.key, vmlinuz=b"kernel", initrd=b"early")
    write(vm.warm, vm_image.WARM_MANIFEST, vm.warm.name, memory=b"m" * 100, state=b"s")
    return vm


def test_what_is_whole_is_found(image):
    vm = made(image)
    assert vm_image.find(image, "tcg") == vm


def test_a_disk_without_a_snapshot_is_a_disk(image):
    vm = made(image)
    (vm.warm / vm_image.WARM_MANIFEST).unlink()
    assert vm_image.find_disk(image, "tcg") == vm
    with pytest.raises(ImageError, match=r"no virtual machine's snapshot .* yet.*engine build --backend vm"):
        vm_image.find(image, "tcg")


def test_another_qemu_takes_the_disk_and_not_the_snapshot(image, monkeypatch):
    made(image)
    monkeypatch.setattr(qemu, "version", lambda: "10.0.3")
    vm_image.find_disk(image, "tcg")
    with pytest.raises(ImageError, match="this QEMU yet"):
        vm_image.find(image, "tcg")


def test_under_kvm_the_processor_counts(image, monkeypatch):
    monkeypatch.setattr(vm_recipe, "processor", lambda: "one")
    one = vm_recipe.warm_key("kvm")
    emulated = vm_recipe.warm_key("tcg")
    monkeypatch.setattr(vm_recipe, "processor", lambda: "another")
    assert vm_recipe.warm_key("kvm") != one
    assert vm_recipe.warm_key("tcg") == emulated
    assert emulated.startswith("tcg-10.0.2-")


def test_what_is_cut_short_is_damaged(image):
    vm = made(image)
    os.truncate(vm.warm / "memory", 50)
    with pytest.raises(
        ImageError, match=r"damaged: memory has 50 bytes, and 100 when it was made.*--rebuild"
    ):
        vm_image.find(image, "tcg")
    (vm.warm / "memory").unlink()
    with pytest.raises(ImageError, match="memory has 0 bytes"):
        vm_image.find(image, "tcg")


def test_a_manifest_that_is_none_or_of_another(image):
    vm = made(image)
    (vm.path / vm_image.DISK_MANIFEST).write_text("{")
    with pytest.raises(ImageError, match="damaged"):
        vm_image.find_disk(image, "tcg")
    write(vm.path, vm_image.DISK_MANIFEST, "other", vmlinuz=b"kernel")
    with pytest.raises(ImageError, match="not what its name says"):
        vm_image.find_disk(image, "tcg")


def test_a_changed_line_of_the_guests_code_makes_another_disk(image, monkeypatch):
    before = vm_recipe.key("trixie")
    files = vm_recipe.guest_files()
    path = f"{vm_recipe.CODE}/grader/engine/inside/mux.py"
    data, mode = files[path]
    monkeypatch.setattr(vm_recipe, "guest_files", lambda: files | {path: (data + b"# changed\n", mode)})
    assert vm_recipe.key("trixie") != before


HOOK = f"{vm_recipe.CODE}/grader/__init__.py"
"""What IPython calls for `%load_ext grader`: nobody does in a guest."""


def test_the_guest_has_what_it_imports_and_nothing_of_the_courses_or_the_graders():
    names = [name for name in vm_recipe.guest_files() if name.startswith(vm_recipe.CODE)]
    modules = {
        name.removeprefix(f"{vm_recipe.CODE}/").removesuffix(".py").replace("/", ".") for name in names
    }
    modules |= {name.removesuffix(".__init__") for name in modules}
    wanted = set()
    for name, (data, _) in vm_recipe.guest_files().items():
        for node in ast.walk(ast.parse(data)) if name.endswith(".py") and name != HOOK else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grader"):
                named = {f"{node.module}.{one.name}" for one in node.names}
                wanted |= (named & modules) or {str(node.module)}
    assert len(wanted) > 10
    assert wanted <= modules
    assert not any(part in name for name in names for part in ("grading", "expect", "course", "authz"))


def test_an_archive_as_the_kernel_reads_it():
    archive = Cpio()
    archive.add("bin", b"", 0o040755)
    archive.add("init", b"#!/bin/sh\n", 0o100755)
    data = archive.done()
    names, start = [], 0
    while True:
        assert data[start : start + 6] == b"070701"
        field = [int(data[start + 6 + 8 * n : start + 14 + 8 * n], 16) for n in range(13)]
        size, length = field[6], field[11]
        names.append(data[start + 110 : start + 110 + length - 1].decode())
        content = start + 110 + length + (-(110 + length)) % 4
        if names[-1] == "init":
            assert data[content : content + size] == b"#!/bin/sh\n"
            assert field[1] == 0o100755
        if names[-1] == "TRAILER!!!":
            break
        start = content + size + (-size) % 4
    assert names == ["bin", "init", "TRAILER!!!"]


def test_what_pip_compiles_is_no_part_of_an_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package has compiled files beside the images' sources, a clone has none: one key."""
    from grader.engine.image import recipe

    copy = tmp_path / "images"
    shutil.copytree(recipe.images_folder(), copy)
    before = recipe.key("trixie")
    monkeypatch.setattr(recipe, "images_folder", lambda: copy)
    (copy / "webapp/__pycache__").mkdir(exist_ok=True)
    (copy / "webapp/__pycache__/app.cpython-313.pyc").write_bytes(b"compiled")
    assert recipe.key("trixie") == before
    (copy / "webapp/more.py").write_text("")
    assert recipe.key("trixie") != before
