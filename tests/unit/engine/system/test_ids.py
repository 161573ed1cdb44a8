"""Whose an image's files are, where there are namespaces and where there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.engine.system import ids
from grader.engine.system.subordinate import COUNT


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is on the PATH, and nothing else: an `unshare` that may make no namespaces."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "unshare", "exit 1")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_root_without_namespaces_needs_none(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = ids.building_ids()
    assert found.get("plain") and not found.get("fake")


def test_somebody_without_namespaces_pretends_or_learns_how(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ids.NoIds, match="no user namespaces here") as caught:
        ids.building_ids()
    assert caught.value.fix == "sudo apt-get install fakechroot fakeroot"
    program(programs, "fakechroot", "")
    program(programs, "fakeroot", "")
    found = ids.building_ids()
    assert found.get("plain") and found.get("fake")


def test_who_has_namespaces_has_ids_of_their_own(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(programs, "unshare", "exit 0")
    assert ids.building_ids() == ids.own_ids()


def test_what_pretends_leaves_a_book_and_nobody_behind(tmp_path: Path) -> None:
    """Under a first process that waits for nobody: the book's keeper must be waited for by ours."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs, "fakechroot", 'exec "$@"')
    # As fakeroot does: a process of its own keeps the book, and must be gone before the end.
    keeper = "( sleep 60 >/dev/null 2>&1 & echo $! >keeper )\nread -r keeper <keeper\n"
    ends = (
        'shift 5\n"$@"\ncode=$?\nkill "$keeper"\nwhile kill -0 "$keeper" 2>/dev/null; do sleep 0.05; done\n'
    )
    program(programs, "fakeroot", f"{keeper}{ends}exit $code")
    fake: ids.Ids = {"uid": (0, 65536), "gid": (0, 65536), "helpers": False, "plain": True, "fake": True}
    argv = ids.command(fake, str(tmp_path), ["sh", "-c", "echo done; exit 7"])
    first = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], timeout=20).returncode)"
    world = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*world, sys.executable, "-c", first, *argv],
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "done\n"), done.stderr
    assert (tmp_path / ids.OWNERS).exists()


@pytest.mark.parametrize("number", [0, 1, 25_534, 25_535, 2**32 - 1])
def test_each_engines_student_has_a_place_and_everybody_else_stays(number: int) -> None:
    """The map covers the range once, inside and outside."""
    place = ids.students_place(number)
    outside = {}
    for first, base, count in ids._extents(200_000, COUNT, place):
        assert count > 0
        for step in (0, count - 1):
            outside[first + step] = base + step
        outside |= {first + step: base + step for step in range(0, count, 997)}
    assert outside[ids.STUDENT] == 200_000 + place
    assert outside[place] == 200_000 + ids.STUDENT
    moved = {ids.STUDENT, place}
    assert all(found == 200_000 + inside for inside, found in outside.items() if inside not in moved)
    extents = ids._extents(200_000, COUNT, place)
    assert sum(count for _, _, count in extents) == COUNT
    assert min(base for _, base, _ in extents) == 200_000
    assert len(set(outside.values())) == len(outside)


def test_without_a_place_the_map_is_one_line() -> None:
    assert ids._extents(200_000, COUNT, 0) == [(0, 200_000, COUNT)]
