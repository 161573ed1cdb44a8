"""What /proc says, read once for all."""

from __future__ import annotations

import os

from grader.engine import procfs

LINES = (
    "36 35 98:0 / /mnt/kurs rw,noatime master:1 - ext3 /dev/root rw",
    "37 35 0:33 /a\\040part /home/ann/two\\040words rw - nfs4 server:/x rw,vers=4",
    "38 35 0:34 / /srv/Käthe rw shared:2 master:1 - tmpfs tmpfs rw",
)


def test_mounts_are_read_with_their_spaces_and_other_letters() -> None:
    found = list(procfs.mounts(LINES[1:]))
    assert found[0] == (os.makedev(0, 33), "/a part", "/home/ann/two words", "nfs4")
    assert found[1] == (os.makedev(0, 34), "/", "/srv/Käthe", "tmpfs")


def test_a_device_and_optional_fields() -> None:
    assert next(procfs.mounts(LINES)).device == os.makedev(98, 0)
    assert next(procfs.mounts(LINES)).kind == "ext3"


def test_this_machines_own() -> None:
    with open("/proc/self/mountinfo") as handle:
        points = {one.point: one.kind for one in procfs.mounts(handle)}
    assert points["/proc"] == "proc"
