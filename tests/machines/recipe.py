"""What the machines' disks are made of. A hash of it is a disk's key: what changes it makes another disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

Architecture = Literal["amd64", "arm64"]
LOGIN = "ann"
"""The login user: no rights, and what ``useradd`` gives."""
FORMAT = 1
"""Raise it when ``disk.py`` changes what comes out."""
DISK_GB = 16
"""Size of a machine's disk; the file has holes where nothing is written."""

SYSTEM = (
    *("systemd", "systemd-sysv", "udev", "dbus", "dbus-user-session", "libpam-systemd", "openssh-server"),
    *("initramfs-tools", "kmod", "iproute2", "iputils-ping", "procps", "less", "ca-certificates"),
    *("git", "python3", "python3-venv"),
)
"""As Debian's installer leaves it with "SSH server" chosen, and the README's git and Python. No sudo."""
LAB_NEEDS = ("mmdebstrap", "uidmap", "debian-archive-keyring")
"""What ``./dockbook lab`` asks for on such a machine."""

NETWORK = """\
[Match]
Name=e*

[Network]
DHCP=ipv4
DNS=10.0.2.3
"""
SETUP_UNIT = """\
[Unit]
Description=Keys and client configuration of this run
DefaultDependencies=no
After=systemd-remount-fs.service
Before=sysinit.target
ConditionPathExists=/dev/vdb

[Service]
Type=oneshot
ExecStart=/usr/bin/tar -C / --keep-directory-symlink --no-overwrite-dir -xf /dev/vdb

[Install]
WantedBy=sysinit.target
"""
FILES = {
    "etc/systemd/network/20-wired.network": NETWORK,
    "etc/systemd/system/run-setup.service": SETUP_UNIT,
    "etc/resolv.conf": "nameserver 10.0.2.3\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 machine\n::1 localhost ip6-localhost ip6-loopback\n",
    "etc/hostname": "machine\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
}
"""Files of the disk, and what is in them. QEMU's own network is at 10.0.2.0/24, its name server at .3."""
CUSTOMIZE = (
    f'chroot "$1" useradd --create-home --shell /bin/bash {LOGIN}',
    'chroot "$1" systemctl enable systemd-networkd run-setup.service',
    # Each run brings keys of its own; the machine's name is made at its first start.
    'rm -f "$1"/etc/ssh/ssh_host_*; : >"$1"/etc/machine-id',
)


@dataclass(frozen=True)
class Recipe:
    """One machine: its Debian, its processor, and packages beyond those that every machine has."""

    name: str
    suite: Literal["bookworm", "trixie"]
    architecture: Architecture = "amd64"
    extra: tuple[str, ...] = field(default=())

    @property
    def packages(self) -> tuple[str, ...]:
        """All Debian packages that are asked for; what they depend on comes along."""
        kernel = f"linux-image-cloud-{self.architecture}"
        return (kernel, *SYSTEM, *self.extra)

    @property
    def processor(self) -> str:
        """The architecture as Linux and QEMU name it."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.architecture]

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that change with anything that the disk is made of."""
        parts = [
            FORMAT,
            DISK_GB,
            self.suite,
            self.architecture,
            self.packages,
            sorted(FILES.items()),
            CUSTOMIZE,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("debian12", "bookworm"),
        Recipe("debian13", "trixie"),
        Recipe("debian12-ready", "bookworm", extra=LAB_NEEDS),
        Recipe("debian13-ready", "trixie", extra=LAB_NEEDS),
        Recipe("debian13-arm64", "trixie", "arm64", extra=LAB_NEEDS),
    )
}
"""The machines by name. ``-ready``: what ``./dockbook lab`` asks for is there."""
