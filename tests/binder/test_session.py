"""A Binder session for real: ``binder/Dockerfile`` built by Debian's dockerd, run with a session's rights and
no more, the course in it. Figures are printed, none is asserted: they are the machine's."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
import time

import pytest
from docker import DockerClient

from tests.binder.sessions import COURSE, IMAGE, LAB, LIMITS, WORKSPACE, Session

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]

CHAPTER = """
import sys, time
from pathlib import Path
import nbformat, grader
from nbclient import NotebookClient

(path,) = (Path(grader.__file__).parent / "_course/source").glob(sys.argv[1] + "*/*.ipynb")
started = time.time()
NotebookClient(nbformat.read(path, 4), timeout=600, resources={"metadata": {"path": "/tmp"}}).execute()
print(f"{time.time() - started:.0f}")
"""

UDP = """
import socket, sys, time
handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
handle.settimeout(2)
until = time.time() + 60
while time.time() < until:
    try:
        handle.sendto(b"ping", ("127.0.0.1", 7007))
        sys.exit(0 if handle.recv(100) == b"ping" else "another answer")
    except OSError:
        time.sleep(0.2)  # refused at once as long as nobody listens
sys.exit("no answer")
"""
ECHO = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 7007))\n"
    "while True: s.sendto(*s.recvfrom(100))"
)


def test_the_session_starts_with_no_rights_at_all(session: Session) -> None:
    """And says how long it took."""
    print(f"\nseconds from the container's start: {json.dumps(session.times)}")
    runs = []
    for _ in range(5):
        before = time.monotonic()
        session.run("docker", "run", "--rm", "busybox", "true")
        runs.append(time.monotonic() - before)
    print(f"docker run --rm busybox true, with the terminal's start: {min(runs):.1f} to {max(runs):.1f} s")
    status = session.run("cat", "/proc/self/status")
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert re.search(rf"^{name}:\s+0+$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    said = session.run("sh", "-c", "id -u; ls /dev/kvm /var/run/docker.sock 2>&1; unshare -U true 2>&1; true")
    assert said.splitlines()[0] == "1000"
    assert said.count("No such file") == 2 and "Operation not permitted" in said


def test_it_opens_on_the_students_chapters(session: Session) -> None:
    listing = json.loads(session.page("/api/contents/"))
    assert {chapter.id for chapter in COURSE.written} <= {entry["name"] for entry in listing["content"]}
    text = session.run("sh", "-c", f"cat {WORKSPACE}/ch*/*.ipynb")
    assert "YOUR CODE HERE" in text
    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN TESTS" not in text


def test_a_published_page_through_the_proxy_and_a_datagram(session: Session) -> None:
    session.run("docker", "run", "-d", "--name", "web", "-p", "127.0.0.1:5001:5000", "training/webapp")
    until = time.monotonic() + 120
    while True:
        try:
            assert session.page("/proxy/5001/").strip() == "Hello world!"
            break
        except AssertionError:
            if time.monotonic() > until:
                raise
    session.run(
        *("docker", "run", "-d", "--name", "echo", "-p", "127.0.0.1:7007:7007/udp"),
        *("training/webapp", "python", "-c", ECHO),
    )
    session.python(UDP)
    session.run("docker", "rm", "-f", "web", "echo")


@pytest.mark.parametrize("chapter", [one.id for one in COURSE.written])
def test_a_chapter_runs_to_its_end(session: Session, chapter: str) -> None:
    """The instructor's version, with its solutions: every check in it passes or raises."""
    print(f"\n{chapter}: {session.python(CHAPTER, chapter).splitlines()[-1]} s")


def test_a_killed_machine_comes_back_empty_and_it_is_said(session: Session) -> None:
    session.run("docker", "run", "-d", "--name", "lost", "busybox", "sleep", "1000")
    code = (
        "import os, signal, subprocess, time\n"
        "pid = int(subprocess.check_output(['pgrep', '-f', '^qemu-system']))\n"
        "os.kill(pid, signal.SIGKILL); started = time.time()\n"
        "while time.time() < started + 120:\n"
        "  time.sleep(.05)\n"
        "  if not subprocess.run(['docker', 'version'], capture_output=True).returncode: break\n"
        "print(f'{time.time() - started:.1f}')"
    )
    print(f"\nback after {session.python(code).strip()} s")
    assert session.run("docker", "ps", "-aq") == ""
    assert session.run("docker", "run", "--rm", "busybox", "echo", "again") == "again\n"
    said = session.run("cat", f"{WORKSPACE}/.dockbook/notices")
    assert "started again" in said and "containers, images and networks are gone" in said


def test_memory_and_size(session: Session, client: DockerClient) -> None:
    """The session was never killed for its memory; how much it took, and how big the image is."""
    groups = "/sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak"
    said = session.run("sh", "-c", f"cat {groups} 2>/dev/null; true").split()
    assert said, "no control group tells the memory: mount the memory controller of control groups"
    assert session.meter and session.meter.peak
    session.container.reload()
    assert session.container.status == "running" and not session.container.attrs["State"]["OOMKilled"]
    raw = packed = 0
    with tempfile.TemporaryFile() as handle:
        with gzip.GzipFile(fileobj=handle, mode="wb", compresslevel=6) as target:
            for piece in client.images.get(IMAGE).save(chunk_size=1 << 20):
                raw += len(piece)
                target.write(piece)
        packed = handle.tell()
    needed, most = session.meter.peak >> 20, int(said[0]) >> 20
    print(f"\nmemory: at most {needed} MB; with cached files {most} MB")
    print(f"image {raw >> 20} MB, {packed >> 20} MB compressed")


def test_too_little_memory_is_named_in_the_log_and_in_every_notebook(
    client: DockerClient, image: str
) -> None:
    """Half a gigabyte holds JupyterLab and no machine: the chapters can be read."""
    container = client.containers.create(
        image, list(LAB), **LIMITS | {"mem_limit": "512m", "memswap_limit": "512m"}
    )
    try:
        container.start()
        poor = Session(container)
        poor.wait_for_lab()
        (line,) = [one for one in container.logs().decode().splitlines() if "there is no engine" in one]
        assert re.search(r"\d+ MB of memory are available, 600 MB are needed\. Next: .*2 GB", line)
        code, answer = container.exec_run(
            ["python3", "-m", "IPython", "-c", "%load_ext grader"],
            environment={"DOCKBOOK_NOTICES": f"{WORKSPACE}/.dockbook/notices", "DOCKBOOK_ENGINE": "none"},
        )
        words = bytes(answer).decode()  # type: ignore[arg-type] # no stream was asked for
        assert code == 0 and "600 MB are needed" in words, words
    finally:
        container.remove(force=True)
