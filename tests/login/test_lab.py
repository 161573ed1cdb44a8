"""``./dockbook lab`` and ``demo`` for the person they are for: an ordinary user who has just logged in.

The account is new, with the PATH, the umask and the home that a login gives, and an empty cache. The first
lab makes its environment and the engine image; root takes the image over if it has none, so that a whole run
on a new machine builds it once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.build.one_builder import one_builder
from grader.engine.image.engine_image import location
from grader.errors import ImageError
from tests import users
from tests.engine.typed import eventually, free_port
from tests.login.person import FIRST_S, Lab, Person, is_open, lab, left_of, newcomer, page

pytestmark = pytest.mark.timeout(1200)

HI = 'print(client.containers.run("busybox", ["echo", "hi"], remove=True))'
LOAD = "%load_ext grader\nimport docker\nclient = docker.from_env()\n"
WEB = 'client.containers.run("httpd", name="web", detach=True, ports={{"80/tcp": {port}}})\n'
FETCH = """
import time, urllib.request
for _ in range(100):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:{port}/", timeout=5).read().decode())
        break
    except OSError:  # nobody listens yet, or listens and has no answer yet
        time.sleep(0.1)
"""
SESSIONS = {
    "umask 077": ["umask 077"],
    "proxies": [
        # Nothing answers there: whoever asks a proxy for what is on this machine is told so.
        "export http_proxy=http://127.0.0.1:9/ https_proxy=http://127.0.0.1:9/",
        "export HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy",
        "export all_proxy=socks://127.0.0.1:9/ ALL_PROXY=socks://127.0.0.1:9/",
    ],
}


@pytest.fixture(scope="module")
def ann() -> Iterator[Person]:
    """Her account, for all tests of this file."""
    with newcomer() as person:
        yield person


@pytest.fixture(scope="module")
def at_home(ann: Person) -> Person:
    """Ann once she has an environment and an engine image: from her first lab."""
    with handed_on(ann), ann.at_terminal() as terminal:
        began = time.monotonic()
        with lab(terminal, seconds=FIRST_S) as first:
            print(f"\nthe first lab's address after {time.monotonic() - began:.0f} s")
            use(first)
            assert "Ending JupyterLab and the engine." in first.end()
    return ann


@contextlib.contextmanager
def handed_on(person: Person) -> Iterator[None]:
    """Others that want an engine image of root's wait meanwhile, and find this person's, made root's."""
    image = location()
    if os.geteuid() != 0 or image.path.exists():
        yield
        return
    image.path.parent.mkdir(parents=True, exist_ok=True)
    with one_builder(image.path, lambda _, text: print(f"root's engine image: {text}", file=sys.stderr)):
        yield
        theirs = Path(person.user.home, ".cache/dockbook/engine", image.path.name)
        if not image.path.exists():
            base = users.first_subordinate_id(person.user.name)
            users.copy_image(theirs, base, users.named("root"), image.path)
            (image.path / users.WHOLE).unlink()
    with contextlib.suppress(ImageError):
        image.check()


def use(running: Lab) -> None:
    """A container says something in a cell; a page that a container publishes is seen on this machine."""
    port = free_port()
    said = running.run(LOAD + HI)
    assert "b'hi\\n'" in said, said
    said = running.run(LOAD + WEB.format(port=port) + FETCH.format(port=port))
    assert "It works" in said, said
    assert "It works" in page(port)
    running.run(LOAD + 'client.containers.get("web").remove(force=True)')
    assert eventually(lambda: not is_open(port))


def assert_nothing_left(person: Person) -> None:
    assert eventually(lambda: left_of(person) == []), left_of(person)


def test_a_login_user_gets_a_lab(at_home: Person) -> None:
    """From the README's line to a cell and a page in the browser; after Ctrl-C nothing is left."""
    workspace = Path(at_home.user.home, "dockbook-course")
    assert (workspace / "ch01-overview/ch01-overview.ipynb").is_file()
    assert not (at_home.clone / "ch01-overview").exists()
    assert_nothing_left(at_home)


def test_demo_grades_a_class(at_home: Person) -> None:
    with at_home.at_terminal() as terminal:
        said = terminal.enter("./dockbook demo", seconds=300)
        assert terminal.code() == 0, said
    (report,) = [line.removeprefix("report: ") for line in said.splitlines() if line.startswith("report: ")]
    assert Path(report).is_file()
    shutil.rmtree(Path(said.split("course and gradebook: ")[1].strip()))
    assert_nothing_left(at_home)


@pytest.mark.parametrize("kind", SESSIONS)
def test_another_kind_of_session(at_home: Person, kind: str) -> None:
    with at_home.at_terminal(*SESSIONS[kind]) as terminal:
        with lab(terminal, "--workspace", f"../{kind}") as running:
            use(running)
            assert "Ending JupyterLab and the engine." in running.end()
        said = terminal.enter("./dockbook engine run -- docker run --rm busybox echo hi")
        assert said.splitlines()[-1] == "hi", said
    assert_nothing_left(at_home)
