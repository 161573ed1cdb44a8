"""15 reach others, 16 change later."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.grading import tiny
from tests.grading.hostile.attack import Attack, greeter


def _links(folder: Path) -> None:
    submitted, course = folder.parents[1], folder.parents[2]
    own = f"{tiny.CHAPTER}.ipynb"
    for name, target in {
        "classmate.ipynb": submitted / "zoe" / tiny.CHAPTER / own,
        "classmates": submitted,
        "source.ipynb": course / "source" / tiny.CHAPTER / own,
        "source": course / "source",
        "book.db": course / "gradebook.db",
        "verdicts": course / ".dockbook",
        "passwd": Path("/etc/passwd"),
        "memory": Path("/proc/self/mem"),
        "loop": folder / "loop",
    }.items():
        (folder / name).symlink_to(target)


def _no_regular_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path has 107 bytes
        try:
            server.bind("socket.txt")
        finally:
            os.chdir(here)
    (folder / "more.ipynb").mkdir()


def _more_notebooks(folder: Path) -> None:
    for name in ("zzz.ipynb", "ch02-later.ipynb", "a/ch01-tiny.ipynb"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((folder / f"{tiny.CHAPTER}.ipynb").read_bytes())
    (folder / "broken.ipynb").write_text('{"cells": [')


def _in_the_way(folder: Path) -> None:
    """A file where a folder of the chapter's belongs, a folder where a file belongs."""
    dot = folder / "figures" / "dot.svg"
    dot.unlink(missing_ok=True)
    dot.mkdir(parents=True)
    (dot / "x").write_text("x")


def _deep(folder: Path) -> None:
    """As deep as a path can be where the submission lies, and a little deeper than it can be anywhere."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range((4050 - len(str(folder))) // 101):
            Path("d" * 100).mkdir()
            os.chdir("d" * 100)
        for name in ("end.txt", "n" * 40, "n" * 200):
            Path(name).write_text("deep down")
    finally:
        os.chdir(here)


def _many(folder: Path) -> None:
    for number in range(3000):
        (folder / f"{number}.txt").write_text("x")


REACH = [
    Attack(
        15,
        "links to others' work",
        "a copy that follows links hands over what they lead to",
        files=_links,
        told="not followed: classmate.ipynb",
    ),
    Attack(
        15,
        "links made while it runs",
        "the grader copies or removes through a link that the kernel made",
        """\
import os
for name, target in (("out", "/"), ("/home/student/x", "/etc"), ("out.ipynb", "/etc/passwd"),
                     ("ch01-tiny.ipynb", "../../source/ch01-tiny/ch01-tiny.ipynb")):
    try:
        if os.path.lexists(name): os.unlink(name)
        os.symlink(target, name)
    except OSError as error: print(error)
os._exit(0)""",
        told="kernel ended",
        damages=True,
    ),
    Attack(
        15,
        "pipes, sockets and folders named like files",
        "opening a pipe waits for a writer for ever",
        files=_no_regular_files,
        told="not a regular file",
        stock="the copy of nbgrader 0.9 opens the pipe and waits without end",
    ),
    Attack(
        15,
        "more notebooks than one",
        "another notebook may be taken for this one, or stop the batch",
        files=_more_notebooks,
    ),
    Attack(15, "files in the way of the chapter's", "a copy that fails stops the batch", files=_in_the_way),
    Attack(
        15,
        "a path too long to copy",
        "what lies here may be too long for the place that it is copied to",
        files=_deep,
        told="left out",
        stock="it is too long to be copied there",
    ),
    Attack(15, "thousands of files", "each is read, hashed and copied", files=_many),
    Attack(
        15,
        "others' containers",
        "an engine that several share shows what they made",
        """\
print([box.name for box in client.containers.list(all=True)])
for box in client.containers.list(all=True): box.remove(force=True)
import glob
print(glob.glob("/engine/*") + glob.glob("/run/user/*/*") + glob.glob("/tmp/dockbook*"))
client.containers.prune(); client.volumes.prune(); client.networks.prune()""",
    ),
    Attack(
        15,
        "processes of the same user",
        "a classmate's kernel may have the same id",
        """\
import os, signal
print(os.getuid(), [open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit()])
for pid in range(2, 32768):
    if pid not in (os.getpid(), os.getppid()):
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass""",
        damages=True,
    ),
]

RIGHT = 'client.containers.run("busybox", ["echo", "salve orbis"], name="greeter", detach=True)'
LATER_LOOP = """\
import time, docker
client = docker.from_env()
for _ in range(400):
    time.sleep(0.05)
    try:
        box = client.containers.get("greeter")
        box.remove(force=True)
    except Exception: pass
    command = ["sh", "-c", "echo salve orbis; sleep 0.03"]
    try: client.containers.run("busybox", command, name="greeter", detach=True)
    except Exception: pass
"""

LATER = [
    Attack(
        16,
        "restart=always",
        "a container that comes and goes is right at some moment",
        edit=greeter(
            'client.containers.run("busybox", ["sh", "-c", "echo salve orbis; sleep 0.2"], name="greeter", '
            'detach=True, restart_policy={"Name": "always"})'
        ),
        told="greeter",
    ),
    Attack(
        16,
        "the right command for ever",
        "exit code 0 between two starts",
        edit=greeter(
            'client.containers.run("busybox", ["echo", "salve orbis", "x"], name="greeter", '
            'detach=True, restart_policy={"Name": "always"})'
        ),
        told="greeter",
    ),
    Attack(
        16,
        "a thread that swaps containers",
        "the state is edited while the test looks",
        f"import threading\nthreading.Thread(target=exec, args=[{LATER_LOOP!r}, {{}}], daemon=True).start()",
    ),
    Attack(
        16,
        "a process of its own session",
        "what is stopped with the kernel may not be all that the student started",
        f"""\
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {LATER_LOOP!r}], start_new_session=True)""",
    ),
    Attack(
        16,
        "a process in namespaces of its own",
        "a process in another pid namespace may not be found when all are stopped",
        f"""\
import subprocess, sys
apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
subprocess.Popen([*apart, sys.executable, "-c", {LATER_LOOP!r}])""",
    ),
    Attack(
        16,
        "the work done when the test begins",
        "the question for the answer tells the kernel that a test is at hand",
        """\
kernel = get_ipython().kernel
original = kernel.do_execute
async def hear(code, silent, store_history=True, user_expressions=None, *args, **named):
    if silent and user_expressions:
        client.containers.run("busybox", ["echo", "salve"], name="greeter", detach=True)
    return await original(code, silent, store_history, user_expressions, *args, **named)
kernel.do_execute = hear""",
        stock="about our own question",
    ),
    Attack(
        16,
        "a container that renames others",
        "names lead elsewhere from one look to the next",
        """\
import threading
one = client.containers.run("busybox", ["sleep", "60"], name="greeter", detach=True)
two = client.containers.run("busybox", ["echo", "salve"], name="other", detach=True)
def swap():
    for _ in range(400):
        try:
            one.rename("x"); two.rename("greeter"); two.rename("other"); one.rename("greeter")
        except Exception: pass
threading.Thread(target=swap, daemon=True).start()""",
        told="greeter",
    ),
]

ATTACKS = [*REACH, *LATER]
