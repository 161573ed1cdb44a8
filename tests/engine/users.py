"""An ordinary user for tests that run as root: what works for root alone does not work."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.engine.ids import ROOT_BASE

NAME = "dockbook-test"


@dataclass(frozen=True)
class User:
    """Someone who may run commands: ``run`` gives the finished process, with its output as text."""

    name: str
    uid: int
    gid: int
    home: str

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in a session of its own, with a fresh environment."""
        return subprocess.run(
            self.command(argv),
            env=self.environment() | dict(env or {}),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            start_new_session=True,
        )

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` as this user."""
        if os.geteuid() == self.uid:
            return list(argv)
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", *argv]

    def environment(self) -> dict[str, str]:
        """What a login would set."""
        return {
            "HOME": self.home,
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
        }

    def ensure_image(self) -> None:
        """The engine image in this user's cache: root's, copied with its owners shifted, else built there.

        A sandbox's ids differ from user to user, and so do the owners of an image's files.
        """
        from grader.engine.image import location

        theirs = Path(self.home, ".cache/dockbook/engine", location().path.name)
        if os.geteuid() == self.uid or (theirs / "image.json").exists():
            return
        mine = location()
        mine.check()
        base = _first_subordinate_id(self.name)
        subprocess.run(["mkdir", "-p", str(theirs.parent)], check=True)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{mine.path}/.", str(theirs)], check=True)
        shift = base - ROOT_BASE
        for folder, folders, files in os.walk(theirs):
            for path in (Path(folder), *(Path(folder, name) for name in (*folders, *files))):
                found = path.lstat()
                if found.st_uid >= ROOT_BASE:
                    owner, group = found.st_uid + shift, found.st_gid + shift
                elif found.st_uid == 0:
                    owner, group = self.uid, self.gid
                else:
                    continue
                os.chown(path, owner, group, follow_symlinks=False)
                if found.st_mode & 0o6000 and not stat.S_ISLNK(found.st_mode):
                    path.chmod(stat.S_IMODE(found.st_mode))  # chown took the bits away
        for above in (Path(self.home, ".cache"), Path(self.home, ".cache/dockbook"), theirs.parent):
            os.chown(above, self.uid, self.gid)


def _first_subordinate_id(name: str) -> int:
    for line in Path("/etc/subuid").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split(":")[1])
    raise AssertionError(
        f"{name} has no subordinate ids in /etc/subuid. Next: usermod --add-subuids ... {name}"
    )


def ordinary_user() -> User:
    """Who runs the tests; for root an account made for tests, with the subordinate ids that useradd gives."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
    else:
        try:
            entry = pwd.getpwnam(NAME)
        except KeyError:
            useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
            assert useradd is not None, "useradd is missing. Next: apt-get install passwd"
            subprocess.run([useradd, "--create-home", "--shell", "/bin/sh", NAME], check=True)
            entry = pwd.getpwnam(NAME)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def shared_python() -> str:
    """A Python with this project's dependencies that every user can start. Raises AssertionError."""
    import sys

    user = ordinary_user()
    found = user.run([sys.executable, "-c", "import docker, grader"], timeout_s=30)
    assert found.returncode == 0, (
        f"{sys.executable} cannot be used by {user.name}: {found.stderr.strip()[-300:]} "
        "Next: put the environment and the tree where every user can read them."
    )
    return sys.executable
