"""What the machines' tests stand on, without a machine: disks by their recipe, an image with other owners."""

from __future__ import annotations

import dataclasses
import os
import tarfile
from pathlib import Path

import pytest

from grader.engine.image.engine_image import EngineImage
from grader.engine.system import ids
from tests.machines import config_disk, image_archive
from tests.machines.recipe import RECIPES
from tests.machines.terminal import PROMPT
from tests.terminal import plain

DEBIAN13 = RECIPES["debian13"]


def test_every_change_of_a_recipe_is_another_disk() -> None:
    others = [
        dataclasses.replace(DEBIAN13, suite="bookworm"),
        dataclasses.replace(DEBIAN13, architecture="arm64"),
        dataclasses.replace(DEBIAN13, extra=("hello",)),
    ]
    assert len({recipe.key for recipe in (DEBIAN13, *others)}) == 4
    assert DEBIAN13.key == dataclasses.replace(DEBIAN13, name="another").key


def test_a_login_user_has_no_sudo() -> None:
    assert not any("sudo" in recipe.packages for recipe in RECIPES.values())


def test_an_image_changes_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder's files are 0 in the archive, a sandbox's N is N + 1."""
    image = EngineImage(tmp_path / "engine" / "trixie-key", "trixie", "key")
    (image.path / "rootfs").mkdir(parents=True)
    (image.path / "rootfs" / "link").symlink_to("/nowhere")
    (image.path / "image.json").write_text("{}")
    us = (os.geteuid(), 1)
    monkeypatch.setattr(ids, "own_ids", lambda: {"uid": us, "gid": (os.getegid(), 1), "helpers": False})
    image_archive.write(image, tmp_path / "sandbox.tar")
    monkeypatch.setattr(ids, "own_ids", lambda: {"uid": (1 << 30, 1), "gid": (1 << 30, 1), "helpers": False})
    image_archive.write(image, tmp_path / "builder.tar")
    for name, owner in ("sandbox", 1), ("builder", 0):
        with tarfile.open(tmp_path / f"{name}.tar") as tar:
            assert {info.uid for info in tar} == {owner}
            assert tar.getmember("trixie-key/rootfs/link").issym()


def test_a_machine_reaches_its_sources_as_this_host_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/only/here")
    files = config_disk.client_configuration()
    assert 'https_proxy="http://proxy.example:3128"' in files["etc/environment"]
    assert 'PIP_INDEX_URL="https://index.example/simple"' in files["etc/environment"]
    assert "/only/here" not in "".join(files.values())


def test_what_a_terminal_shows_as_a_person_reads_it() -> None:
    shown = "\x1b[?2004h\x1b]0;ann@machine: ~\x07ann@machine:~/dockbook$ \x1b[1mhello\x1b[0m\r\n"
    assert plain(shown) == "ann@machine:~/dockbook$ hello\n"
    assert PROMPT.search(shown)
    assert not PROMPT.search("\x1b]0;ann@machine: ~\x07")
