"""The engine as inspector: what a student's kernel is, what it may not ask for, and who else may."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import DockerClient
from docker.errors import APIError

from grader.engine.base import Engine
from tests.engine.kernels import Notebook

DENIED = "this course's engine does not"
HEAR = "import docker, docker.errors\nclient = docker.from_env()\n"


@pytest.fixture(scope="module")
def notebook(shared_engine: Engine) -> Iterator[Notebook]:
    with Notebook(shared_engine.start_kernel()) as notebook:
        notebook.run(HEAR)
        yield notebook


def said(notebook: Notebook, code: str) -> Any:
    """The JSON that a cell printed."""
    output = notebook.run(f"import json\n{textwrap.dedent(code)}")
    try:
        return json.loads(output)
    except ValueError:
        raise AssertionError(output) from None


# --- the student's kernel


def test_the_kernel_is_an_ordinary_user_without_capabilities(notebook: Notebook) -> None:
    status = said(
        notebook,
        """
        import os
        keep = ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "NSpid")
        lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
        print(json.dumps({key: lines[key].split() for key in keep if key in lines}))
        """,
    )
    assert set(status["Uid"]) == {"1000"}
    assert set(status["Gid"]) == {"1000"}
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name][0], 16) == 0, name
    assert status["NoNewPrivs"] == ["1"]


def test_the_kernel_sees_only_its_own_processes(notebook: Notebook) -> None:
    names = said(
        notebook,
        """
        import os
        pids = [p for p in os.listdir("/proc") if p.isdigit()]
        print(json.dumps([open(f"/proc/{p}/comm").read().strip() for p in pids]))
        """,
    )
    assert names
    assert not {"dockerd", "containerd", "nginx", "dockbook-init", "dockbook-keeper"} & set(names)


@pytest.mark.parametrize(
    "attempt",
    [
        "os.setuid(0)",
        "os.chmod('/run/docker.sock', 0o666)",
        "os.rename('/run/docker.sock', '/run/x.sock')",
        "os.unlink('/run/docker.sock')",
        "open('/etc/docker/daemon.json', 'w')",
        "open('/run/docker.pid', 'w')",
        "os.listdir('/run/docker/plugins')",
        "os.listdir('/var/lib/docker')",
        "socket.socket(socket.AF_UNIX).connect('/run/docker/plugins/dockbook.sock')",
        "socket.socket(socket.AF_UNIX).connect('/run/containerd/containerd.sock')",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "open('/dev/mem', 'rb')",
        "open('/proc/sys/kernel/core_pattern', 'w')",
        "os.mkdir('/sys/fs/cgroup/x')",
        "subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], check=True)",
        "subprocess.run(['nsenter', '--target', '1', '--mount', 'true'], check=True)",
        "open('/usr/lib/python3/dist-packages/docker/x.py', 'w')",
        "open('/usr/local/lib/dockbook/grader/x.py', 'w')",
    ],
)
def test_what_the_kernel_may_not(notebook: Notebook, attempt: str) -> None:
    """Each as code in a cell: an error, and the kernel goes on."""
    output = notebook.run(
        "import os, socket, subprocess\n"
        f"try:\n    {attempt}\n"
        "except (OSError, subprocess.CalledProcessError) as error:\n    print('refused', error)\n"
        "else:\n    print('it worked')"
    )
    assert output.startswith("refused"), output


def test_the_daemons_socket_cannot_be_taken(notebook: Notebook) -> None:
    """pidfd_getfd needs the right to trace: dockerd is neither visible nor ours."""
    output = said(
        notebook,
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        taken = []
        for pid in range(1, 400):
            handle = libc.syscall(434, pid, 0)
            if handle < 0 or pid == os.getpid():
                continue
            with open(f"/proc/{pid}/comm") as f:
                name = f.read().strip()
            for fd in range(3, 40):
                if libc.syscall(438, handle, fd, 0) >= 0:
                    taken.append(name)
        print(json.dumps(taken))
        """,
    )
    assert not {name for name in output if "docker" in name or "containerd" in name}


def test_a_socket_of_the_students_own_convinces_nobody(notebook: Notebook, shared_engine: Engine) -> None:
    """A fake daemon and a changed DOCKER_HOST stay the student's own affair."""
    notebook.run(
        """
        import os, socket, threading
        fake = socket.socket(socket.AF_UNIX); fake.bind("/tmp/fake.sock"); fake.listen()
        os.environ["DOCKER_HOST"] = "unix:///tmp/fake.sock"
        """
    )
    name = shared_engine.client().info()["Name"]
    assert name == "dockbook"
    notebook.run('os.environ["DOCKER_HOST"] = "unix:///run/docker.sock"')


def test_what_the_kernel_can_read_of_the_course(notebook: Notebook) -> None:
    """The student's side of the package, nothing of grading, no sources, no tests."""
    found = said(
        notebook,
        """
        import os
        hits = []
        for top in ("/usr/local", "/home", "/opt", "/srv", "/root", "/mnt", "/media"):
            for folder, _, files in os.walk(top):
                hits += [os.path.join(folder, name) for name in files]
        print(json.dumps(hits))
        """,
    )
    grader = [path for path in found if path.startswith("/usr/local/lib/dockbook/")]
    assert any(path.endswith("/grader/errors.py") for path in grader)
    assert not [path for path in grader if "/grading/" in path or "/engine/" in path or "/cli/" in path]
    assert not [path for path in found if path.endswith(".ipynb") or "/dockbook/tests/" in path]


def test_the_token_is_nowhere_to_be_found_inside(notebook: Notebook, shared_engine: Engine) -> None:
    token = shared_engine.token  # type: ignore[attr-defined]
    # What the daemon answers to a request with the token does not repeat it.
    api: Any = shared_engine.client().api
    for path in ("/info", "/version", "/containers/json", "/no-such-page", "/containers/nobody/json"):
        answer = api.get(api._url(path))
        assert token not in answer.text
        assert token not in str(answer.headers)
    assert token not in shared_engine.tail(400)
    half = token[: len(token) // 2], token[len(token) // 2 :]
    found = said(
        notebook,
        f"""
        import os
        token = ({half[0]!r} + {half[1]!r}).encode()
        hits = []
        for folder, folders, files in os.walk("/"):
            if folder == "/":
                folders[:] = [name for name in folders if name not in ("proc", "sys")]
            for name in files:
                path = os.path.join(folder, name)
                try:
                    if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                        if token in open(path, "rb").read():
                            hits.append(path)
                except OSError:
                    pass
        for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
            for name in ("environ", "cmdline"):
                try:
                    if token in open(f"/proc/{{pid}}/{{name}}", "rb").read():
                        hits.append(f"{{pid}}/{{name}}")
                except OSError:
                    pass
        print(json.dumps(hits))
        """,
    )
    assert [path for path in found if ".ipython" not in path] == []


# --- the API


OUTSIDE: list[dict[str, Any]] = [
    {"privileged": True},
    {"volumes": ["/:/host"]},
    {"volumes": {"/etc": {"bind": "/x", "mode": "ro"}}},
    {"mounts": [docker.types.Mount("/x", "/", type="bind")]},
    {"pid_mode": "host"},
    {"ipc_mode": "host"},
    {"network_mode": "host"},
    {"uts_mode": "host"},
    {"userns_mode": "host"},
    {"cgroupns": "host"},
    {"cap_add": ["SYS_ADMIN"]},
    {"cap_add": ["ALL"]},
    {"devices": ["/dev/null:/dev/x"]},
    {"device_cgroup_rules": ["a *:* rwm"]},
    {"security_opt": ["seccomp=unconfined"]},
    {"security_opt": ["apparmor=unconfined"]},
    {"sysctls": {"kernel.shm_rmid_forced": "1", "kernel.core_pattern": "|/x"}},
    {"runtime": "runc"},
    {"oom_score_adj": -500},
    {"cgroup_parent": "/"},
    {"volume_driver": "other"},
]


@pytest.mark.parametrize("options", OUTSIDE, ids=lambda options: next(iter(options)))
def test_what_reaches_outside_is_refused_in_words(student: DockerClient, options: dict[str, Any]) -> None:
    with pytest.raises(APIError) as refused:
        student.containers.create("busybox", ["true"], **options)
    assert refused.value.status_code == 403
    assert DENIED in str(refused.value.explanation)
    assert "Traceback" not in str(refused.value.explanation)


def test_the_trusted_side_is_not_refused(shared_engine: Engine, student: DockerClient) -> None:
    box = shared_engine.client().containers.create("busybox", ["true"], pid_mode="host", privileged=True)
    assert student.containers.get(str(box.id)).attrs["HostConfig"]["Privileged"] is True
    box.remove()


def test_the_same_as_typed(shared_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\n")
    lines = (
        "docker run --privileged busybox true",
        "docker run -v /:/host busybox true",
        "docker run --mount type=bind,src=/,dst=/host busybox true",
        "docker run --pid=host busybox true",
        "docker run --net=host busybox true",
        "docker run --cap-add=SYS_ADMIN busybox true",
        "docker run --device /dev/null busybox true",
        "docker volume create --opt type=none --opt device=/ --opt o=bind vol",
        "docker network create -d macvlan net",
        "docker build --network=host .",
        "docker swarm init",
        "docker plugin install x",
        "docker service ls",
        "docker secret ls",
    )
    for line in lines:
        run = subprocess.run(
            line.split(),
            env=shared_engine.env() | {"DOCKER_BUILDKIT": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
        )
        assert run.returncode != 0, line
        assert DENIED in run.stderr, f"{line}: {run.stderr}"


def test_refused_in_the_notebook_too(notebook: Notebook) -> None:
    output = notebook.run('client.containers.run("busybox", "true", privileged=True)')
    assert output.startswith("APIError: 403")
    assert f"{DENIED} let a container be privileged" in output


def test_an_exec_cannot_be_privileged(student: DockerClient) -> None:
    box = student.containers.run("busybox", ["sleep", "60"], detach=True)
    with pytest.raises(APIError, match=DENIED):
        box.exec_run("true", privileged=True)
    assert box.exec_run("true").exit_code == 0


# --- the bell


def test_at_the_bell_the_kernel_stands_still_and_only_the_trusted_side_is_heard(engine: Engine) -> None:
    with Notebook(engine.start_kernel()) as notebook:
        notebook.run(HEAR)
        notebook.start(
            "import time\nwhile True:\n"
            "    try:\n        client.containers.create('busybox', 'true')\n"
            "    except docker.errors.APIError:\n        pass\n    time.sleep(0.01)"
        )
        student = docker.DockerClient(base_url=engine.docker_host)
        deadline = time.monotonic() + 10
        while not student.containers.list(all=True):
            assert time.monotonic() < deadline, "the student's loop made no container"
        with engine.quiet():
            with pytest.raises(APIError, match="the bell has rung"):
                student.containers.list()
            trusted = engine.client()
            time.sleep(0.3)  # what was under way when the bell rang ends
            before = {box.id for box in trusted.containers.list(all=True)}
            time.sleep(0.5)
            assert {box.id for box in trusted.containers.list(all=True)} == before
        assert student.containers.list(all=True)
        student.close()


def test_only_the_owner_reaches_the_engine(shared_engine: Engine) -> None:
    """Another user of the machine does not."""
    path = Path(shared_engine.docker_host.removeprefix("unix://"))
    assert path.stat().st_uid == os.geteuid()
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
