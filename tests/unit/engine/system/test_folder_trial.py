"""Folders that look like any other and cannot hold an engine image; tools whose words are kept."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from grader import paths, variables
from grader.engine.build import bootstrap, tool
from grader.engine.image import course_images
from grader.engine.system import folder_trial, ids, scratch, spare_memory
from grader.engine.system.scratch import scratch_folder
from grader.errors import EngineError, ImageError

ROOT = Path(__file__).resolve().parents[4]
NOEXEC = """
mount -t tmpfs -o noexec,mode=1777 none "$1"
exec "$2" -c '
import sys; from pathlib import Path; from grader.engine.system import folder_trial, ids
print(folder_trial.try_image(ids.REAL, Path(sys.argv[1])))
' "$1"
"""


def few(own: ids.Ids, count: int) -> ids.Ids:
    """A range in which the student's id is not: files cannot be given to it, as on NFS."""
    return own | {"uid": (own["uid"][0], count), "gid": (own["gid"][0], count)}


def test_a_folder_on_this_disk_will_do_and_nothing_stays_in_it(tmp_path):
    assert folder_trial.try_image(ids.own_ids(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_owners_are_tried(tmp_path):
    found = folder_trial.try_image(few(ids.own_ids(), 500), tmp_path)
    assert found is not None
    assert str(found).startswith("does not let files have other owners: ")
    assert list(tmp_path.iterdir()) == []


def test_programs_are_tried(tmp_path):
    argv = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-euc",
        NOEXEC,
        "sh",
        str(tmp_path),
        sys.executable,
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        "cannot run programs (is it mounted noexec?): Permission denied (a file system of"
    )
    assert "tmpfs" in done.stdout


def test_a_scratch_folder_is_entered_by_its_path_as_somebody_else(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o700)
    found = folder_trial.try_scratch(ids.own_ids(), tmp_path / "mine")
    assert found is not None
    assert "by another user: Permission denied" in str(found)


def test_the_first_folder_with_room_is_taken(monkeypatch, tmp_path):
    tried: list[str] = []

    def no_owners(_own: ids.Ids, folder: Path) -> folder_trial.Trouble | None:
        tried.append(str(folder))
        return None if str(folder) == "/var/tmp" else folder_trial.Trouble("does not keep owners", "nfs4")

    monkeypatch.setattr(folder_trial, "try_scratch", no_owners)
    monkeypatch.setattr(spare_memory, "available", lambda: -1)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert scratch_folder(0) == Path("/var/tmp")
    assert tried == [str(tmp_path), "/tmp", "/var/tmp"]


@pytest.mark.parametrize(
    ("named", "spare", "trouble", "found"),
    [
        ("", 3 << 20, None, "/dev/shm"),
        ("", (3 << 20) - 1, None, "/tmp"),  # others need it
        ("", 3 << 20, folder_trial.Trouble("cannot run programs", "tmpfs"), "/tmp"),
        ("/var/tmp", 3 << 20, None, "/var/tmp"),  # who names a folder means it
    ],
)
def test_it_is_in_memory_where_there_is_plenty(
    monkeypatch, named: str, spare: int, trouble: folder_trial.Trouble | None, found: str
):
    monkeypatch.setattr(spare_memory, "available", lambda: spare)
    monkeypatch.setattr(
        folder_trial, "try_scratch", lambda _own, folder: trouble if folder == scratch.MEMORY else None
    )
    monkeypatch.setattr("tempfile.gettempdir", lambda: named or "/tmp")
    monkeypatch.setenv("TMPDIR", named)
    assert scratch_folder(1 << 20) == Path(found)


def test_where_there_is_no_room_each_folder_says_what_it_has(monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/gone")
    with pytest.raises(ImageError) as caught:
        scratch_folder(1 << 60)
    assert "/gone: No such file or directory; /tmp: " in str(caught.value)
    assert "MB free; /var/tmp: " in str(caught.value)
    assert "Next: set TMPDIR to a folder on a local disk" in str(caught.value)


# ---- tools


def test_the_tool_that_failed_is_named_with_its_own_words(tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        tool.run_as_root(ids.own_ids(), tmp_path, ["tar", "-x"], b"no archive \xff")
    said = tool.failure(caught.value)
    assert said.startswith("`tar`: ")
    assert "not look like a tar archive" in tool.all_said(caught.value)
    assert "b'" not in said
    assert "previous errors" not in said


def test_what_steers_a_tool_does_not_reach_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TAR_OPTIONS", "--no-such-option")
    (tmp_path / "x").touch()
    assert tool.run(["tar", "-C", str(tmp_path), "-c", "x"])
    assert tool.run(["sh", "-c", "echo $LC_ALL; cat"], data=b"in").splitlines() == ["C.UTF-8", "in"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "tar: a: Cannot change\ntar: Exiting with failure status due to previous errors",
            "`tar`: a: Cannot change",
        ),
        (b"tar: \xff", "`tar`: \ufffd"),
        ("", "`tar`: exit code 2"),
    ],
)
def test_a_failure_in_one_line(said, told):
    assert tool.failure(subprocess.CalledProcessError(2, ["/bin/tar"], stderr=said)) == told


def test_what_is_built_can_be_read_by_all_whatever_the_umask_is(tmp_path):
    before = os.umask(0o077)
    try:
        with tool.modes_for_all():
            (tmp_path / "made").touch()
        source = tmp_path / "source"
        (source / "folder").mkdir(parents=True)
        (source / "folder/app.py").touch()
        (source / "run.sh").touch(mode=0o700)
        course_images.copy_context(source, tmp_path / "copy")
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "copy").rglob("*")}
    assert modes == {"folder": 0o755, "app.py": 0o644, "run.sh": 0o755}
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o644


def test_an_expired_release_is_one_line_with_the_option(monkeypatch, tmp_path):
    fake = tmp_path / "mmdebstrap"
    line = "E: Release file for http://m/dists/forky/InRelease is expired (invalid since 21d 20h 28min 17s)."
    fake.write_text(
        f"#!/bin/sh\necho '{line}' >&2\necho 'E: apt-get update failed' >&2\necho \"$@\" >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    log = tmp_path / "log"
    with pytest.raises(ImageError) as caught:
        bootstrap.mmdebstrap(["--variant=extract", "forky", "x.tar"], log, lambda _done, _: None)
    assert "packages for Debian forky expired 21d 20h ago: http://m/dists/forky/InRelease." in str(
        caught.value
    )
    assert "`dockbook engine build --suite forky --allow-expired-release`" in str(caught.value)
    assert "Check-Valid-Until" not in log.read_text()
    monkeypatch.setenv(variables.ALLOW_EXPIRED_RELEASE, "1")
    with pytest.raises(ImageError):
        bootstrap.mmdebstrap(["--variant=extract", "forky", "x.tar"], log, lambda _done, _: None)
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in log.read_text()


# ---- where sockets are


def test_sockets_lie_where_their_paths_are_short_enough(monkeypatch, tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(deep))
    assert paths.runtime_folder() == Path(f"/tmp/dockbook-{os.geteuid()}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert paths.runtime_folder() == Path(f"/tmp/dockbook-{os.geteuid()}")


@pytest.mark.parametrize("variable", ["DOCKBOOK_CACHE", "DOCKBOOK_STATE"])
def test_a_folder_that_cannot_be_made_says_what_names_another(monkeypatch, tmp_path, variable):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file/cache"))
    with pytest.raises(EngineError, match=f"cannot be made: Not a directory. Next: set {variable} to"):
        paths.cache_folder() if variable == "DOCKBOOK_CACHE" else paths.state_folder()


def test_a_relative_cache_is_the_same_from_every_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKBOOK_CACHE", "cache")
    assert paths.cache_folder() == tmp_path / "cache"
