"""What /proc says, read once for all."""

from __future__ import annotations

import os

from grader.engine.system import procfs

LINES = (
    "36 35 98:0 / /mnt/kurs rw,noatime master:1 - ext3 /dev/root rw",
    "37 35 0:33 /a\\040part /home/ann/two\\040words rw - nfs4 server:/x rw,vers=4",
    "38 35 0:34 / /srv/Käthe rw shared:2 master:1 - tmpfs tmpfs rw",
)


def test_mounts_are_read_with_their_spaces_and_other_letters() -> None:
    found = list(procfs.mounts(LINES[1:]))
    assert found[0] == (os.makedev(0, 33), "/a part", "/home/ann/two words", "nfs4")
    assert found[1] == (os.makedev(0, 34), "/", "/srv/Käthe", "tmpfs")


def test_blanks_of_other_kinds_and_bytes_of_no_letter_are_part_of_a_name() -> None:
    (found,) = procfs.mounts(["38 35 0:34 / /a\u00a0b\u2028c\udcff rw - tmpfs tmpfs rw\n"])
    assert found.point == "/a\u00a0b\u2028c\udcff"


def test_a_device_and_optional_fields() -> None:
    assert next(procfs.mounts(LINES)).device == os.makedev(98, 0)
    assert next(procfs.mounts(LINES)).kind == "ext3"


def test_this_machines_own() -> None:
    points = {one.point: one.kind for one in procfs.mountinfo()}
    assert points["/proc"] == "proc"
