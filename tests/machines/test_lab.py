"""The README's words, typed by a login user at a real machine: a lab, what one does there, its end, a reboot.

One machine for all of them, in this order: what is installed, and what was made on the engine, is there
for the next.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from grader.course import Chapter, Course
from grader.engine.base import REAL_LIMITS
from grader.engine.resume import KEPT
from tests.course.outcomes import Told, unexpected_errors
from tests.login.person import DIRECT, Lab
from tests.machines.person import HOME, ROOT, SET_UP_S, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * SET_UP_S)]
COURSE = Course.read(ROOT / "course")
CHAPTERS = [chapter for chapter in COURSE.written if chapter.id[:4] in ("ch01", "ch03", "ch04")]
WORKSPACE = f"{HOME}/dockbook-course"
WEB = """
import docker
made = docker.from_env().containers.run("training/webapp", name="web", detach=True, ports={"5000/tcp": 5001})
print(made.status, made.name)
"""
READ = """
import time, urllib.request
for _ in range(60):
    try:
        print(urllib.request.urlopen('http://127.0.0.1:5001', timeout=5).read().decode())
        break
    except OSError:
        time.sleep(1)
"""
"""What a browser at that machine would find, once the web server has started."""
LEFT = """
ps -eo user:32,pid,args --no-headers | grep -E '^(ann|1[0-9]{5}) ' | grep -vE 'systemd|sd-pam|sshd|dbus|bash|ps |grep'
ss --listening --tcp --udp --numeric --no-header | grep -vE ':(22|68) '
systemctl --user list-units --type=scope --no-legend --plain | grep -v init.scope
find /tmp "$XDG_RUNTIME_DIR" -path '*dockbook*' ! -name dockbook ! -name 'dockbook-*' 2>/dev/null
true
"""  # noqa: E501 - as typed
"""What a lab could leave: processes of hers and of her ids, somebody who listens, groups, files."""


def test_the_first_lab_says_what_is_missing(person: Person) -> None:
    missing, said = person.first_lab()
    assert "mmdebstrap" in missing and "uidmap" in missing, missing
    assert "Engine: sandbox" in said and REAL_LIMITS in said and KEPT in said, said
    assert "Traceback" not in missing + said


def test_a_cell_runs_in_jupyterlab_and_reaches_a_published_port(lab: Person) -> None:
    """Through a tunnel of ssh's, as the browser of somebody far away."""
    there = urlsplit(lab.address).port
    assert there
    with lab.machine.tunnel(there) as here, lab.step("a cell in a new kernel: a web server"):
        address = lab.address.replace(f":{there}/", f":{here}/")
        assert b"JupyterLab" in DIRECT.open(address, timeout=120).read()
        assert Lab(lab.terminal, address, "").run(WEB).split() == ["created", "web"]
    assert "Hello world!" in lab.run(f'python3 -c "{READ}"').text
    lab.docker("rm --force web")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.id)
def test_a_chapter_to_its_end(lab: Person, chapter: Chapter) -> None:
    """The instructor's version, solutions and all: what must pass passes, nothing else raises."""
    notebook, result = chapter.notebook.relative_to(ROOT), f"{HOME}/{chapter.id}.json"
    words = f".venv/bin/python -m tests.course.outcomes {result} {WORKSPACE}/{chapter.id} {notebook}"
    with lab.step(chapter.id):
        done = lab.in_terminal(f"JUPYTER_PREFER_ENV_PATH=1 {words}", seconds=SET_UP_S)
    assert done.code == 0, done.text
    told = Told(**json.loads(lab.run(f"cat {result}").text))
    assert not unexpected_errors(chapter, told)
    assert told.passed == {task.id for task in chapter.tasks}, told.outcomes


def test_ctrl_c_leaves_nothing_and_the_next_lab_has_it_all(lab: Person) -> None:
    lab.docker("run --detach --name kept busybox sleep 100000")
    lab.docker("run --detach --name again --restart always busybox sleep 100000")
    with lab.step("Ctrl-C"):
        said = lab.end_lab()
    assert lab.terminal.code() == 0, said
    assert "Traceback" not in said
    assert lab.run(LEFT).text == ""
    with lab.step("./dockbook lab, again"):
        said = lab.start_lab()
    assert KEPT in said
    assert states(lab) == {"kept": "exited", "again": "running"}


def test_a_reboot_with_a_lab_running(lab: Person) -> None:
    lab.docker("start kept")
    with lab.step("systemctl reboot"):
        lab.reboot()
    assert lab.run(LEFT).text == ""
    with lab.step("./dockbook lab after the reboot"):
        said = lab.start_lab()
    assert KEPT in said
    assert states(lab) == {"kept": "exited", "again": "running"}
    lab.docker("rm --force kept again")


def test_an_instructor_grades(lab: Person) -> None:
    """The made-up class, and one of it again by ``grade``."""
    lab.end_lab()
    with lab.step("./dockbook demo"):
        said = lab.terminal.enter(f"./dockbook demo --keep {HOME}/demo", seconds=SET_UP_S)
    assert lab.terminal.code() == 0, said
    [chapter] = [one.id for one in COURSE.written if one.tasks][:1]
    words = f"./dockbook grade {chapter} --course {HOME}/demo --student perfect --again --json out.json"
    with lab.step("./dockbook grade, one submission"):
        said = lab.terminal.enter(words, seconds=SET_UP_S)
    assert lab.terminal.code() == 0, said
    found = json.loads(lab.run("cat dockbook/out.json").text)
    assert found["students"][0]["student"] == "perfect", found
    assert found["students"][0]["score"] == found["students"][0]["max_score"] > 0, found
    assert lab.run(LEFT).text == ""


def states(person: Person) -> dict[str, str]:
    """Each container's state, by its name."""
    lines = person.docker("ps --all --format '{{.Names}} {{.State}}'").splitlines()
    return dict(line.split() for line in lines)
