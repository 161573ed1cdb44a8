"""Ranges of subordinate ids: whose they are, and which are free."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.engine.system import subordinate


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return {kind: str(tmp_path / kind) for kind in ("uid", "gid")}


def write(files: dict[str, str], uid: str, gid: str) -> None:
    Path(files["uid"]).write_text(uid)
    Path(files["gid"]).write_text(gid)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ann:100000:65536", (100000, 65536)),
        ("1000:100000:131072", (100000, 65536)),
        ("ann:5:100\nann:100000:65536", (100000, 65536)),
        ("ann:100000:65535", None),
        ("bob:100000:65536", None),
        ("ann:100000", None),
        ("", None),
    ],
)
def test_a_users_range(files, line, found):
    write(files, line, "")
    assert subordinate.range_of("uid", "ann", 1000, files) == found
    assert subordinate.range_of("gid", "ann", 1000, files) is None


@pytest.mark.parametrize(
    ("uid", "gid", "free"),
    [
        ("", "", 100000),
        ("ann:100000:65536", "", 165536),
        ("ann:100000:65536", "bob:165536:65536", 231072),
        ("bob:231072:65536\nann:100000:65536", "", 165536),  # between them
        ("bob:200000:65536\nann:100000:65536", "", 265536),  # there is no room between them
        ("big:100000:1000000000", "", 1000100000),
        ("# a comment\nann:100000:many", "", 100000),
    ],
)
def test_a_range_that_nobody_has(files, uid, gid, free):
    write(files, uid, gid)
    assert subordinate.free_range(files) == free


def test_a_range_is_not_the_users_own_id(files):
    assert subordinate.free_range(files, uid=120000) == 120001


def test_the_advice_names_a_free_range_for_what_is_missing(files, tmp_path):
    passwd = tmp_path / "passwd"
    passwd.write_text("bob:x:1001:1001::/home/bob:/bin/sh\n")
    write(files, "ann:100000:65536\nbob:165536:65536", "ann:100000:65536")
    said = subordinate.advice("bob", 1001, files, str(passwd))
    assert said == "sudo usermod --add-subgids 231072-296607 bob"
    # Of a directory: usermod does not know them.
    said = subordinate.advice("eve", 70000, files, str(passwd))
    assert said == f"echo eve:231072:65536 | sudo tee --append {files['uid']} {files['gid']}"
