"""What tests prepare for their ordinary user is prepared once, complete or not at all; a login is a login."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.image.engine_image import EngineImage
from grader.engine.system.ids import ROOT_BASE
from tests import users
from tests.engine.typed import eventually
from tests.users import User, as_a_shell, first_subordinate_id

pytestmark = pytest.mark.root


@pytest.fixture
def newcomer() -> Iterator[User]:
    """Somebody whose account was just made."""
    assert os.geteuid() == 0, "Accounts are root's to make. Next: run this test as root."
    user = users.add_user(f"dkb-{secrets.token_hex(4)}")
    yield user
    users.remove_user(user)


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineImage:
    """A small image of root's: files of the sandbox's root and another id; one has setuid and two names."""
    image = EngineImage(tmp_path / "trixie-abc", "trixie", "abc")
    image.rootfs.mkdir(parents=True)
    (image.path / "image.json").touch()
    (image.rootfs / "su").touch()
    os.chown(image.rootfs, ROOT_BASE, ROOT_BASE)
    os.chown(image.rootfs / "su", ROOT_BASE + 7, ROOT_BASE + 8)
    (image.rootfs / "su").chmod(0o4755)
    (image.rootfs / "also-su").hardlink_to(image.rootfs / "su")
    monkeypatch.setattr(users, "location", lambda: image)
    monkeypatch.setattr(EngineImage, "check", lambda self: None)
    return image


def copied(user: User, image: EngineImage) -> Path:
    return Path(user.home, ".cache/dockbook/engine", image.path.name)


def assert_whole(user: User, copy: Path) -> None:
    base = first_subordinate_id(user.name)
    found = {str(path.relative_to(copy)): path.lstat() for path in (copy, *copy.rglob("*"))}
    owners = {name: (one.st_uid, one.st_gid) for name, one in found.items() if name != users.WHOLE}
    own, root, other = (user.uid, user.gid), (base, base), (base + 7, base + 8)
    assert owners == {
        ".": own,
        "image.json": own,
        "rootfs": root,
        "rootfs/su": other,
        "rootfs/also-su": other,
    }
    assert found["rootfs/su"].st_mode & 0o7777 == 0o4755


def test_several_at_once_make_one_copy(
    newcomer: User, image: EngineImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that comes second waits, and never sees half a copy under its name."""
    begun, go_on, copies = threading.Event(), threading.Event(), []
    copy_image = users.copy_image

    def slow(source: Path, base: int, user: User, to: Path) -> None:
        copies.append(to)
        begun.set()
        assert go_on.wait(20)
        assert not to.exists()
        copy_image(source, base, user, to)

    monkeypatch.setattr(users, "copy_image", slow)
    workers = [threading.Thread(target=newcomer.ensure_image) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert begun.wait(20)
    go_on.set()
    for worker in workers:
        worker.join(20)
    assert copies == [copied(newcomer, image)]
    assert_whole(newcomer, copies[0])


def test_what_an_interrupted_run_left_is_not_taken_for_a_copy(newcomer: User, image: EngineImage) -> None:
    for half in (copied(newcomer, image), copied(newcomer, image).with_name("trixie-abc.copying")):
        half.mkdir(parents=True)
        (half / "image.json").touch()
        (half / "rubbish").touch()
    newcomer.ensure_image()
    assert_whole(newcomer, copied(newcomer, image))
    assert [one.name for one in copied(newcomer, image).parent.iterdir()] == ["trixie-abc"]


def test_a_login_has_nothing_of_ours(newcomer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own PATH, home and umask; of the environment only what is given."""
    monkeypatch.setenv("DOCKBOOK_CACHE", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/of/ours:/usr/sbin")
    said = newcomer.run(["sh", "-c", "env; umask; pwd; id -u"], env={"GIVEN": "a b"}, umask="077")
    lines = said.stdout.splitlines()
    assert lines[-3:] == ["0077", newcomer.home, str(newcomer.uid)]
    assert {"GIVEN=a b", f"HOME={newcomer.home}", f"USER={newcomer.name}", f"PATH={users.LOGIN_PATH}"} <= {
        *lines
    }
    assert "/nowhere" not in said.stdout


def test_signals_reach_the_command_and_its_end_is_told(newcomer: User) -> None:
    command = newcomer.command([sys.executable, "-c", "print('here', flush=True); input()"])
    with newcomer.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        assert as_a_shell(process.wait(20)) == 128 + signal.SIGKILL
    assert newcomer.run(["sh", "-c", "exit 7"]).returncode == 7
    with pytest.raises(subprocess.TimeoutExpired):
        newcomer.run(["sh", "-c", "sleep 600 & sleep 600"], timeout_s=1)
    assert eventually(lambda: newcomer.processes() == [])
