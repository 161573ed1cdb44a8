"""An ordinary user for tests that root runs: what works for root alone does not work.

Whatever is done as this user is done in a login session (``su -``), as a person has it: the system's own
PATH, the user's home, umask and limits, and nothing of the environment of whoever runs the tests. Where the
tests do not run as root, the user is the caller, in a login shell that starts with an empty environment.
"""

from __future__ import annotations

import contextlib
import math
import os
import pwd
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from grader import paths
from grader.engine.image.engine_image import location
from grader.engine.system.ids import ROOT_BASE
from grader.engine.system.subordinate import COUNT
from grader.files import locked

NAME = "dockbook-test"
WHOLE = ".copied-whole"
"""In a copy of an image once it is complete: the last file to be written, before it gets its name."""
LOGIN_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""What /etc/login.defs gives to an ordinary user on Debian; /usr/sbin is not in it."""
ENDS_S = 10


class Session(subprocess.Popen[str]):
    """A command in a login session. Signals go to the command, not to the ``su`` that waits for it.

    Of a command that a signal ended ``su`` says 128 and the signal's number, as a shell does: ``as_a_shell``.
    """

    def send_signal(self, sig: int) -> None:
        """To the command."""
        if not self._of_su or self.poll() is not None:
            super().send_signal(sig)
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.pid).children():
                process.send_signal(sig)

    def end(self) -> None:
        """Kill the command and whatever it has started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (*psutil.Process(self.pid).children(recursive=True), psutil.Process(self.pid)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.wait(ENDS_S)

    @property
    def _of_su(self) -> bool:
        return isinstance(self.args, list) and self.args[0] == "su"


def as_a_shell(code: int) -> int:
    """An exit code of ``Popen``'s as a shell gives it: 128 and the number of the signal that ended it."""
    return code if code >= 0 else 128 - code


@dataclass(frozen=True)
class User:
    """Someone who may run commands, each in a login session of its own."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str = "/bin/sh"

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        umask: str = "",
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output as text. ``env``: set in the session, beside what is there."""
        process = self.start(
            self.command(argv, env=env, cwd=cwd, umask=umask),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except BaseException:
                process.end()
                raise
        return subprocess.CompletedProcess(list(argv), process.returncode, out, err)

    def start(self, command: Sequence[str], **options: Any) -> Session:
        """Start what ``command`` gave, in a session that no terminal of ours leads to."""
        return Session(list(command), cwd="/", text=True, start_new_session=True, **options)

    def command(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        umask: str = "",
    ) -> list[str]:
        """The command line that logs in and becomes ``argv``: in the home, or in ``cwd``."""
        given = [f"{name}={value}" for name, value in (env or {}).items()]
        script = "exec " + shlex.join(["env", *given, *argv])
        if cwd:
            script = f"cd {shlex.quote(cwd)} && {script}"
        if umask:
            script = f"umask {shlex.quote(umask)} && {script}"
        if os.geteuid() == 0:
            return ["su", "-", self.name, "-c", script]
        return ["env", "-i", *self._login(), "sh", "-c", 'cd; exec "$SHELL" -l -c "$1"', "sh", script]

    def terminal(self) -> list[str]:
        """The command line of a login session to type in."""
        if os.geteuid() == 0:
            return ["su", "-", self.name]
        return ["env", "-i", *self._login(), "TERM=xterm", "sh", "-c", 'cd; exec "$SHELL" -l']

    def _login(self) -> list[str]:
        """What a login sets, for the caller, who needs no ``su`` to be themselves."""
        names = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name, "SHELL": self.shell}
        return [f"{name}={value}" for name, value in (names | {"PATH": LOGIN_PATH}).items()]

    def processes(self) -> list[str]:
        """What runs under this user's id and its subordinate ids, on the whole machine."""
        found = []
        for process in self._running():
            with contextlib.suppress(psutil.Error):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        return found

    def end_processes(self) -> None:
        """Kill what still runs so: of a test that failed."""
        for _ in range(ENDS_S):
            left = list(self._running())
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            if not psutil.wait_procs(left, timeout=1)[1]:
                return

    def _running(self) -> Iterator[psutil.Process]:
        first = first_subordinate_id(self.name)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                uids = set(process.uids())
                theirs = self.uid in uids or any(first <= uid < first + COUNT for uid in uids)
                if theirs and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def ensure_image(self) -> None:
        """The engine image in this user's cache: root's, copied with its owners shifted, else built there.

        A sandbox's ids differ from user to user, and so do the owners of an image's files. Made once, under
        a lock, and seen by its name only when it is complete.
        """
        if os.geteuid() == self.uid:
            return
        folder = Path(self.home, ".cache/dockbook/engine")
        theirs = folder / location().path.name
        with one_at_a_time():
            if (theirs / WHOLE).exists():
                return
            mine = location()
            mine.check()
            for folder_above in (folder.parent.parent, folder.parent, folder):
                if not folder_above.exists():
                    folder_above.mkdir()
                os.chown(folder_above, self.uid, self.gid)
            for old in folder.iterdir():  # what root has removed, and what is not complete: a gigabyte each
                if not (old / WHOLE).exists() or not mine.path.with_name(old.name).exists():
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            copy_image(mine.path, ROOT_BASE, self, theirs)


def copy_image(image: Path, base: int, user: User, to: Path) -> None:
    """Copy an engine image for another user: its files that belong to ``base`` and above, and to the rest.

    ``base``: the first of the subordinate ids that it was made with. Beside, and then renamed.
    """
    beside = to.with_name(f"{to.name}.copying")
    shutil.rmtree(beside, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", str(image), str(beside)], check=True)
    shift = first_subordinate_id(user.name) - base
    done: set[int] = set()
    for path in (beside, *beside.rglob("*")):
        found = path.lstat()
        if found.st_ino in done:  # one more name of a file that has its owner
            continue
        done.add(found.st_ino)
        if found.st_uid >= base:
            owner, group = found.st_uid + shift, found.st_gid + shift
        else:
            owner, group = user.uid, user.gid
        os.chown(path, owner, group, follow_symlinks=False)
        if found.st_mode & 0o6000 and not stat.S_ISLNK(found.st_mode):
            path.chmod(stat.S_IMODE(found.st_mode))  # chown took the bits away
    (beside / WHOLE).touch()
    os.chown(beside / WHOLE, user.uid, user.gid)
    beside.rename(to)


def first_subordinate_id(name: str) -> int:
    """Where a user's range in /etc/subuid begins; for root the range that Dockbook takes for it."""
    if name == "root":
        return ROOT_BASE
    for line in Path("/etc/subuid").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split(":")[1])
    raise AssertionError(
        f"{name} has no subordinate ids in /etc/subuid. Next: usermod --add-subuids ... {name}"
    )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Several workers, and several runs on this machine, want the same user."""
    cache = paths.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "tests-user.lock", wait_s=math.inf):
        yield


def named(name: str) -> User:
    """A user of this machine. Raises KeyError."""
    entry = pwd.getpwnam(name)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)


def add_user(name: str) -> User:
    """Make an account as root does for a person: a home, and the subordinate ids that useradd gives."""
    subprocess.run([_system("useradd"), "--create-home", "--shell", "/bin/bash", name], check=True)
    return named(name)


def remove_user(user: User) -> None:
    """The account and its home; what belongs to its subordinate ids there, too."""
    subprocess.run([_system("userdel"), user.name], check=True, capture_output=True)
    shutil.rmtree(user.home, ignore_errors=True)


def _system(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found is not None, f"{program} is missing. Next: apt-get install passwd"
    return found


def ordinary_user() -> User:
    """Who runs the tests; for root an account made for tests, which stays, with its copy of the image."""
    if os.geteuid() != 0:
        return named(pwd.getpwuid(os.geteuid()).pw_name)
    with one_at_a_time():
        try:
            return named(NAME)
        except KeyError:
            return add_user(NAME)
