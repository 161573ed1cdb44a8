"""14, 15, 21: the machine, other engines and the network, with somebody there to be found."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from docker.errors import APIError

from grader.course import Limits
from grader.engine.choose import open_engine
from grader.engine.inside.kernel_quotas import PTYS
from grader.grading.judge.kernel import KernelSession
from tests.grading.hostile.attacks import ATTACKS
from tests.grading.hostile.batch import grade_all, limited

pytestmark = pytest.mark.timeout(1500)
"""The first test to run waits for the batch."""
SETUP = "import docker\nclient = docker.from_env()"
OWN_HOST = [attack for attack in ATTACKS if attack.family == 14]


def sandbox_id(engine):
    """The name of an engine's folder on this machine."""
    return Path(engine.docker_host).parent.name


def said(engine, folder, *cells, limit_s=60):
    """What these cells print, in one kernel."""
    with closing(KernelSession(engine, folder, Limits(), SETUP)) as session:
        runs = [session.run(cell, limit_s) for cell in (SETUP, *cells)]
    return "\n".join(
        str(output.get("text", output.get("evalue", ""))) for run in runs for output in run.outputs
    )


@pytest.mark.parametrize("attack", OWN_HOST, ids=str)
def test_14_the_host_is_neither_read_nor_written(attack, attacked, canary):
    told = attacked.read_by_instructor(attack.student)
    assert canary.word not in told
    assert canary.folder.name not in told
    assert (canary.folder / "word").read_text() == canary.word
    assert [entry.name for entry in canary.folder.iterdir()] == ["word"]
    assert not Path("/tmp/dockbook-was-here").exists()


def test_14_nothing_of_a_batch_keeps_running(released_root, tmp_path, engine_image):
    """Containers that restart, processes that hide: all gone with their engines."""
    course = limited(released_root, tmp_path / "course")
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    grade_all(course, [attack for attack in ATTACKS if attack.family == 16][:3])
    left = {process.pid for process in psutil.Process().children(recursive=True)} - before
    assert not left


def test_14_the_canary_is_looked_for_wherever_a_container_gets(engine, canary):
    """Every way in that is granted, and none of them leads to the word."""
    path, word = canary
    client = engine.client(timeout=60)
    script = (
        f"cat {path}/word /host{path}/word /proc/1/root{path}/word; echo x > {path}/new; ls -a / /host; true"
    )
    for options in ({}, {"volumes": {"v": {"bind": "/host"}}}, {"pid_mode": "host"}, {"privileged": True}):
        try:
            found = client.containers.run(
                "busybox", ["sh", "-c", script], remove=True, stderr=True, **options
            )
        except APIError as error:
            found = str(error).encode()
        assert word.encode() not in found
    assert [entry.name for entry in path.iterdir()] == ["word"]


# -- 21


def addresses():
    """Every address of this machine."""
    found = {"127.0.0.1", "127.0.1.1", "::1"}
    for entries in psutil.net_if_addrs().values():
        found |= {
            e.address.partition("%")[0] for e in entries if e.family in (socket.AF_INET, socket.AF_INET6)
        }
    return sorted(found)


def test_21_no_address_of_this_machine_answers(engine, tmp_path, listener):
    port = listener.getsockname()[1]
    heard = []
    over = threading.Event()

    def listen():
        while not over.is_set():
            try:
                heard.append(listener.accept()[1])
            except TimeoutError:
                continue

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        code = (
            "import socket\n"
            f"for address in {addresses()!r} + ['172.17.0.1', '10.0.2.2', 'host.docker.internal']:\n"
            "    try:\n"
            f"        socket.create_connection((address, {port}), timeout=0.5).close()\n"
            "        print('REACHED', address)\n"
            "    except OSError as error: print(address, error)\n"
            f"knock = 'nc -w 1 $a {port} </dev/null && echo REACHED $a'\n"
            f"script = 'for a in {' '.join(addresses())} 172.17.0.1; do ' + knock + '; done; true'\n"
            "print(client.containers.run('busybox', ['sh', '-c', script], remove=True, stderr=True))\n"
            "print(client.containers.run('busybox', ['sh', '-c', script], remove=True, stderr=True,\n"
            "                            extra_hosts={'outside': 'host-gateway'}))"
        )
        told = said(engine, tmp_path, code)
    finally:
        over.set()
        thread.join(5)
    assert "127.0.0.1" in told
    assert "REACHED" not in told
    assert len(heard) == 1, "only this test's own connection"


def test_21_no_datagram_and_no_name_leaves(engine, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("0.0.0.0", 0))
        ear.settimeout(1)
        code = (
            "import socket\nout = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            f"for address in {[a for a in addresses() if ':' not in a]!r}:\n"
            "    try: out.sendto(b'x', (address, " + str(ear.getsockname()[1]) + "))\n"
            "    except OSError as error: print(address, error)\n"
            "for name in ('example.com', 'www.debian.org'):\n"
            "    try: print('REACHED', socket.getaddrinfo(name, 80))\n"
            "    except OSError as error: print(name, error)"
        )
        told = said(engine, tmp_path, code)
        with pytest.raises(TimeoutError):
            ear.recv(10)
    assert "example.com" in told
    assert "REACHED" not in told


def test_15_21_another_engine_is_not_reached(engine, tmp_path):
    """Two engines with a server each at the same address: each has its own, and no way to the other's."""
    with open_engine("sandbox") as other:
        box = other.client().containers.run(
            "training/webapp", detach=True, name="secret", ports={"5000/tcp": 8080}, labels={"whose": "other"}
        )
        box.reload()
        address = box.attrs["NetworkSettings"]["IPAddress"]
        told = said(
            engine,
            tmp_path,
            "import glob, os, socket\nprint([c.name for c in client.containers.list(all=True)])\n"
            f"for where in (('{address}', 5000), ('127.0.0.1', 8080)):\n"
            "    try:\n        with socket.create_connection(where, timeout=1): print('REACHED', where)\n"
            "    except OSError as error: print(where, error)\n"
            "print(open('/proc/net/unix').read())\n"
            "for top in ('/tmp', '/run/user'):\n"
            f"    if glob.glob(top + '/**/{sandbox_id(other)}*', recursive=True): print('REACHED', top)",
        )
        assert address in told
        assert "REACHED" not in told
        assert "secret" not in told


# -- 17 across engines


def test_17_one_engine_does_not_use_up_what_belongs_to_all(engine, tmp_path):
    """Linux counts some things for a person, whatever the namespace: what one engine holds is bounded."""
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "def count(call):\n    n = 0\n    while n < 3000 and call() >= 0: n += 1\n    return n\n"
        "print('instances', count(lambda: libc.inotify_init1(0)))"
    )
    with closing(KernelSession(engine, tmp_path, Limits(), "")) as session:
        (output,) = session.run(code, 30).outputs
        assert int(output.text.split()[1]) <= 8
        with open_engine("sandbox") as other, closing(KernelSession(other, tmp_path, Limits(), "")) as second:
            (output,) = second.run("import ctypes\nprint(ctypes.CDLL(None).inotify_init1(0))", 30).outputs
            assert int(output.text) >= 0


def test_27_what_one_engine_takes_is_there_for_the_next(engine, tmp_path):
    """Pseudo-terminals are a machine's; what Linux counts for a user is counted for another one here."""
    take = (
        "import os\nheld = []\n"
        "try:\n    while len(held) < 3000: held.append(os.openpty())\nexcept OSError: pass\n"
        "place = [line.split()[1] for line in open('/proc/self/uid_map') if line.split()[0] == '1000']\n"
        "print(len(held), *place)"
    )
    with closing(KernelSession(engine, tmp_path, Limits(), "")) as session:
        (first,) = session.run(take, 30).outputs
        with open_engine("sandbox") as other, closing(KernelSession(other, tmp_path, Limits(), "")) as second:
            (output,) = second.run(take, 30).outputs
    (held, place), (held_there, place_there) = first.text.split(), output.text.split()
    assert 10 < int(held) <= PTYS
    assert int(held_there) == int(held)
    assert place != place_there


def test_16_no_process_hides_in_a_namespace_of_its_own(engine, tmp_path):
    """What is to stand still during a test is found by its pid namespace: a student makes no other."""
    told = said(
        engine,
        tmp_path,
        "import subprocess\nfor flags in ('-U', '-Ur', '-Urpf', '-p', '-m'):\n"
        "    print(subprocess.run(['unshare', flags, 'true'], capture_output=True, text=True).stderr)",
    )
    assert told.count("failed") == 5, told
