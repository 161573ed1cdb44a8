"""`dockbook lab` in containers that nobody prepared for it: it finds the backend that works, and says why."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from grader import variables
from tests.binder.sessions import BASE, LIMITS, NO_RIGHTS, Session, clone, proxies
from tests.engine.dockerd import Dockerd

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]
LAB = ["dockbook", "lab", "--no-browser", "--port", "8888"]
TASK = ["docker", "run", "--rm", "busybox", "echo", "hi"]

NEEDED = (
    *("ca-certificates", "debian-archive-keyring", "e2fsprogs", "fakechroot", "fakeroot", "mmdebstrap"),
    *("python3", "python3-venv", "qemu-system-x86", "qemu-utils"),
)
PLAIN = f"""\
FROM {BASE}
RUN apt-get update && apt-get install -qy --no-install-recommends {" ".join(NEEDED)} \\
  && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home --shell /bin/bash ann
"""


@contextmanager
def container(client: DockerClient, image: str, command: list[str], **options: Any) -> Iterator[Container]:
    made = client.containers.create(image, command, **options)
    try:
        yield made
    finally:
        print(made.logs().decode(errors="replace")[-4000:])
        made.remove(force=True, v=True)


def wait_for_lab(lab: Container, seconds: float) -> str:
    """What it said until JupyterLab was there."""
    until = time.monotonic() + seconds
    while "JupyterLab: http" not in (said := lab.logs().decode()):
        lab.reload()
        assert lab.status == "running", said
        assert time.monotonic() < until, said
        time.sleep(0.5)
    return said


def test_without_docker_and_rights_it_is_a_virtual_machine(client: DockerClient, image: str) -> None:
    with container(client, image, LAB, entrypoint=["tini", "-g", "--"], **LIMITS) as lab:
        lab.start()
        said = wait_for_lab(lab, 120)
        assert "Engine: vm (no sandbox here: this system or container allows no user" in said
        session = Session(lab)
        assert session.run(*TASK) == "hi\n"
        code, answer = lab.exec_run(["dockbook", "doctor"], user="1000")
        words = bytes(answer).decode()  # type: ignore[arg-type] # no stream was asked for
        assert code == 0, words
        assert re.search(r"!!  sandbox +not available: this container allows no user namespaces", words)
        assert re.search(r"ok  vm +", words)
        assert words.endswith("Dockbook is ready.\n")


def test_with_a_docker_and_no_namespaces_it_is_nested(
    client: DockerClient, dockerd: Dockerd, image: str
) -> None:
    """The socket of a Docker, as many give it to a container; no rights beyond that."""
    options = LIMITS | {
        "entrypoint": ["tini", "-g", "--"],
        "group_add": [str(dockerd.socket.stat().st_gid)],
        "volumes": {str(dockerd.socket): {"bind": "/var/run/docker.sock", "mode": "rw"}},
        "environment": {
            variables.BASE_IMAGE: BASE,
            variables.BUILD_NETWORK: "host",
            **proxies(),
        },
    }
    before = {one.id for one in client.containers.list(all=True)}
    with container(client, image, LAB, **options) as lab:
        lab.start()
        said = wait_for_lab(lab, 1200)
        assert "Engine: nested (no sandbox here: " in said and "your Docker answers" in said
        assert Session(lab).run(*TASK) == "hi\n"
        inside = Session(lab).run("docker", "ps", "--all", "--quiet")
        assert inside == "", "it is not the Docker outside that answers"
        lab.stop(timeout=30)
        assert {one.id for one in client.containers.list(all=True)} - before == {lab.id}


def test_a_clone_in_a_bare_debian_brings_all_it_needs(client: DockerClient, base: str) -> None:
    """Root with the capabilities that Docker gives, two commands: as `docker run -it debian` is had."""
    with container(client, base, ["sleep", "infinity"], network_mode="host", environment=proxies()) as bare:
        bare.start()
        assert bare.put_archive("/srv", clone())
        code, answer = bare.exec_run(
            ["sh", "-c", "apt-get update -q && apt-get install -qy python3 python3-venv"]
        )
        assert code == 0, answer
        started = time.monotonic()
        code, answer = bare.exec_run(
            ["/srv/dockbook/dockbook", "engine", "run", "--", *TASK],
            environment={"DEBIAN_FRONTEND": "noninteractive"},
        )
        said = bytes(answer).decode(errors="replace")  # type: ignore[arg-type] # no stream was asked for
        print(f"\nfrom a clone to a container's output: {time.monotonic() - started:.0f} s")
        assert code == 0, said[-4000:]
        assert said.splitlines()[-1] == "hi"
        assert "qemu-system-x86" in said


def test_a_clone_of_somebody_without_any_rights_makes_its_machine(client: DockerClient, base: str) -> None:
    """No root, no capabilities, no namespaces, no Docker: what Debian's packages can do is enough."""
    image, _ = client.images.build(
        fileobj=io.BytesIO(PLAIN.encode()), buildargs=proxies(), network_mode="host", rm=True, forcerm=True
    )
    home = "/home/ann"
    options = NO_RIGHTS | {
        "network_mode": "host",
        "environment": {
            **proxies(),
            "HOME": home,
            "PATH": f"{home}/dockbook/.venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "DOCKBOOK_WORKSPACE": f"{home}/work",
        },
    }
    argv = [f"{home}/dockbook/dockbook", "lab", "--no-browser"]
    with container(client, str(image.id), argv, **options) as lab:
        assert lab.put_archive(home, clone(owner=1000))
        started = time.monotonic()
        lab.start()
        said = wait_for_lab(lab, 1800)
        print(f"\nfrom a clone to JupyterLab: {time.monotonic() - started:.0f} s")
        assert "Engine: vm (no sandbox here: " in said
        session = Session(lab)
        assert session.run(*TASK) == "hi\n"
        # What root owns in the machine was made by a process that only believed to be root.
        assert session.run(
            "docker", "run", "--rm", "debian:trixie", "stat", "-c", "%u:%g %a", "/etc/shadow"
        ) == ("0:42 640\n")
        code, answer = lab.exec_run(["dockbook", "doctor"], user="1000")
        words = bytes(answer).decode()  # type: ignore[arg-type] # no stream was asked for
        assert code == 0, words
        assert words.endswith("Dockbook is ready.\n")
