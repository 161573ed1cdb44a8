"""`dockbook session` on this machine, with no container around it: JupyterLab, and an emulated machine, for a
user with no capabilities, no new privileges, no network and no /dev/kvm. The quick one of these tests."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from grader.engine.build.engine_image import ensure_image
from grader.engine.build.vm import ensure_vm
from grader.engine.image import vm_image
from grader.engine.image.engine_image import location
from tests.shared_tree import shared_python
from tests.users import User, ordinary_user

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(900)]
DOCKBOOK = Path(sys.executable).with_name("dockbook")
JUPYTER = Path(sys.executable).with_name("jupyter-lab")

VISITOR = """
import json, os, subprocess, sys, time, urllib.error, urllib.request

def get(path, port=8888):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers={"Authorization": "token t"})
    for _ in range(600):
        try:
            return urllib.request.urlopen(request, timeout=60).read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(.1)  # nobody listens yet
    raise SystemExit(f"port {port} never answered")

os.chdir(os.environ["DOCKBOOK_WORKSPACE"])  # where a hub starts it
lab = subprocess.Popen([sys.argv[1], "--ip=127.0.0.1", "--port=8888", "--IdentityProvider.token=t"])
docker = lambda *argv: subprocess.run(["docker", *argv], capture_output=True, text=True, check=True).stdout
found = {"chapters": [one["name"] for one in json.loads(get("api/contents/"))["content"]]}
found["said"] = docker("run", "--rm", "busybox", "echo", "hi")
found["seconds"] = round(time.time() - float(sys.argv[2]), 1)
docker("run", "-d", "--name", "web", "-p", "127.0.0.1:5001:5000", "training/webapp")
found["page"] = get("", port=5001)
found["status"] = open("/proc/self/status").read()
print("found " + json.dumps(found), flush=True)
lab.terminate()
lab.wait()
sys.exit(7)
"""


CONTAINER_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What Docker gives to a container's process: a session on Binder has no login."""


class Place:
    """Where a user has sessions: the machine of root's cache to read, and folders of their own."""

    def __init__(self, user: User, folder: Path) -> None:
        self.user, self.folder = user, folder
        image = location()
        vm = vm_image.location(image, "tcg")
        # QEMU before 8.2 opens a snapshot's memory for writing, although it only reads.
        memory = vm.warm.relative_to(vm.path) / "memory"
        subprocess.run(["cp", "--sparse=always", str(vm.path / memory), str(folder / "memory")], check=True)
        machine = self.cache / "vm" / vm.path.name
        self.binds = {self.cache / "engine" / image.path.name: image.path, machine: vm.path}
        for inside in (*self.binds, folder / "home"):
            inside.mkdir(parents=True)
        self.memory = machine / memory
        for one in (folder, *folder.rglob("*")):
            os.chown(one, user.uid, user.gid)

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def session(
        self, *command: str, env: Mapping[str, str] | None = None, first: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What `dockbook session -- COMMAND` says and ends with. ``first``: shell commands that root runs."""
        steps = ["ip link set lo up"]
        for inside, there in self.binds.items():
            steps.append(shlex.join(["mount", "--bind", "-o", "ro", str(there), str(inside)]))
        steps.append(shlex.join(["mount", "--bind", str(self.folder / "memory"), str(self.memory)]))
        rights = ["setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}", "--clear-groups"]
        rights += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        argv = [*rights, str(DOCKBOOK), "session", "--", *command]
        script = " && ".join([*steps, *filter(None, [first]), f"exec {shlex.join(argv)}"])
        environment = {
            "PATH": CONTAINER_PATH,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "DOCKBOOK_CACHE": str(self.cache),
            "DOCKBOOK_ACCELERATOR": "tcg",
        }
        return subprocess.run(
            [
                "unshare",
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                script,
            ],
            env=environment | dict(env or {}),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    ensure_vm(ensure_image(), "tcg")
    shared_python()
    with tempfile.TemporaryDirectory(prefix="dkb-", dir="/tmp") as folder:
        yield Place(ordinary_user(), Path(folder))


def test_jupyterlab_answers_on_the_chapters_and_a_container_says_hi(place: Place) -> None:
    """And a published page is there; the session ends as its command does, with nothing left."""
    done = place.session(sys.executable, "-c", VISITOR, str(JUPYTER), str(time.time()))
    words = done.stdout + done.stderr
    assert done.returncode == 7, words
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("found ")]
    found = json.loads(line.removeprefix("found "))
    print(f"\nthe first container had said hi after {found['seconds']} s")
    assert found["said"] == "hi\n"
    assert found["page"].strip() == "Hello world!"
    assert {"ch01-overview", "ch07-questions"} <= set(found["chapters"])
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert f"{name}:\t0000000000000000" in found["status"]
    assert "NoNewPrivs:\t1" in found["status"]
    assert "Engine: vm (this session's own)" in words
    # Nothing of the engine's stays behind in the cache's folder: its disk's changes have no name.
    assert {one.name for one in place.cache.iterdir()} <= {"engine", "vm"}


@pytest.mark.parametrize(
    ("first", "said", "step"),
    [
        ("mount --bind /dev/null {qemu}", "qemu-system-x86 is not installed", "binder/Dockerfile"),
        (
            "mount -t tmpfs none {warm}",
            "There is no virtual machine's snapshot for this recipe and this QEMU",
            "`dockbook engine build --backend vm`",
        ),
        (
            "mount --bind {short} {disk}",
            "is damaged: disk.qcow2 has 0 bytes",
            "`dockbook engine build --backend vm --rebuild`",
        ),
    ],
    ids=["no QEMU", "a snapshot of another QEMU", "a damaged disk"],
)
def test_what_a_session_lacks_is_named_in_its_log_and_its_notebooks(
    place: Place, first: str, said: str, step: str
) -> None:
    """And the notebooks can be read all the same: the command runs."""
    short = place.folder / "short"
    short.touch()
    first = first.format(
        qemu=shutil.which("qemu-system-x86_64"),
        warm=place.memory.parent,
        disk=place.memory.parents[1] / "disk.qcow2",
        short=short,
    )
    done = place.session(sys.executable, "-m", "IPython", "-c", "%load_ext grader", first=first)
    assert done.returncode == 0, done.stderr
    for words in (done.stderr, done.stdout):
        (line,) = [line for line in words.splitlines() if "there is no engine" in line]
        assert said in line and step in line
