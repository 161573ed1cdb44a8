"""Somebody new on this machine: an account as root makes it, a clone, a terminal, a lab that is used."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import websocket

from grader.engine.system.subordinate import COUNT
from tests import users
from tests.binder.sessions import clone
from tests.terminal import Terminal
from tests.users import User

FOLDER = "Käthes Kurs"
"""Where people keep things has blanks and umlauts in its name."""
PROMPT = re.compile("@@ ")
ADDRESS = re.compile(r"JupyterLab: (http://\S+)")
FIRST_S = 840
"""For an environment and an engine image that are made first, on a busy machine."""
LAB_S = 120
CELL_S = 120
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Person:
    """An account with a clone of this tree, as it is now, in the home folder.

    ``before``: what was this user's when the account was made: ids are given again.
    """

    user: User
    before: frozenset[str] = frozenset()

    @property
    def clone(self) -> Path:
        return Path(self.user.home, FOLDER, "dockbook")

    @contextmanager
    def at_terminal(self, *first: str) -> Iterator[Terminal]:
        """A login session in the clone; ``first``: lines that are typed before."""
        with Terminal(self.user.terminal(), r"[$#] ") as terminal:
            # The echo of this line must not be taken for the prompt that it makes.
            terminal.change_prompt("PS1='@''@ '", PROMPT)
            for line in (*first, f"cd {shlex.quote(f'{FOLDER}/dockbook')}"):
                terminal.enter(line)
                assert terminal.code() == 0, line
            yield terminal


@contextmanager
def newcomer() -> Iterator[Person]:
    """Somebody who has never been here; at the end nothing of them may run, and they are gone.

    Where the tests do not run as root, it is the caller with a new home folder.
    """
    if os.geteuid() == 0:
        user = users.add_user(f"dkb-{secrets.token_hex(3)}")
    else:
        home = tempfile.mkdtemp(prefix="dkb-", dir=Path.home())
        user = replace(users.ordinary_user(), home=home)
    try:
        person = Person(user, frozenset(left_of(Person(user))))
        _bring_clone(person)
        yield person
    finally:
        if os.geteuid() == 0:
            shutil.rmtree(runtime_folder(user), ignore_errors=True)
            user.end_processes()
            users.remove_user(user)
        else:
            shutil.rmtree(user.home, ignore_errors=True)


def _bring_clone(person: Person) -> None:
    person.clone.parent.mkdir()
    subprocess.run(["tar", "-C", person.clone.parent, "-x"], input=clone(), check=True)
    for path in (person.clone.parent, *person.clone.parent.rglob("*")):
        os.chown(path, person.user.uid, person.user.gid, follow_symlinks=False)


@dataclass(frozen=True)
class Lab:
    """A lab that runs; ``address`` is the printed one, ``said`` all that came before."""

    terminal: Terminal
    address: str
    said: str

    def run(self, code: str) -> str:
        """Run a cell in a kernel of this lab's, through JupyterLab's API; what it printed or raised."""
        server = self.address.split("/lab")[0]
        (token,) = parse_qs(urlsplit(self.address).query)["token"]
        notebook = {"path": f"{uuid.uuid4().hex}.ipynb", "name": "cell", "type": "notebook"}
        session = _ask(server, token, "api/sessions", notebook | {"kernel": {"name": "python3"}})
        kernel = session["kernel"]["id"]
        channels = f"{server.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?token={token}"
        try:
            with contextlib.closing(websocket.create_connection(channels, timeout=CELL_S)) as line:
                return "".join(_execute(line, code))
        finally:
            _ask(server, token, f"api/sessions/{session['id']}", None, "DELETE")

    def end(self) -> str:
        """Press Ctrl-C; what it says until the prompt is there."""
        return self.terminal.interrupt(seconds=60)


@contextmanager
def lab(terminal: Terminal, *options: str, seconds: float = LAB_S) -> Iterator[Lab]:
    """``./dockbook lab`` until it has printed its address; ended by Ctrl-C if it still runs."""
    terminal.begin(shlex.join(["./dockbook", "lab", "--no-browser", *options]))
    said = terminal.until(ADDRESS, seconds=seconds)
    found = ADDRESS.search(said)
    assert found is not None
    yield Lab(terminal, found[1], said)


def _ask(server: str, token: str, path: str, body: Any, method: str = "POST") -> Any:
    request = urllib.request.Request(
        f"{server}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        method=method,
    )
    with DIRECT.open(request, timeout=CELL_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _execute(line: websocket.WebSocket, code: str) -> Iterator[str]:
    """The texts of a cell's outputs, in the messages that a notebook in the browser exchanges."""
    number = uuid.uuid4().hex
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3", "session": number}
    message = {"header": header | {"username": "", "date": ""}, "parent_header": {}, "metadata": {}}
    line.send(json.dumps(message | {"channel": "shell", "content": content}))
    while True:
        received = json.loads(line.recv())
        if received["parent_header"].get("msg_id") != number:
            continue
        kind, content = received["msg_type"], received["content"]
        if kind == "stream":
            yield content["text"]
        elif kind in ("execute_result", "display_data"):
            yield content["data"].get("text/plain", "")
        elif kind == "error":
            yield f"{content['ename']}: {content['evalue']}"
        elif kind == "status" and content["execution_state"] == "idle":
            return


def page(port: int, seconds: float = 20) -> str:
    """What a browser on this machine finds at a published port; empty if nothing answers in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return str(DIRECT.open(f"http://127.0.0.1:{port}/", timeout=5).read().decode())
    return ""


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def left_of(person: Person) -> list[str]:
    """Processes of this person's or of an engine of theirs, and what is new of theirs outside of the home.

    Who has no account of their own for this, since root does not run the tests, has other things that run:
    then these are the processes that were given this home folder.
    """
    user, first = person.user, users.first_subordinate_id(person.user.name)
    if os.geteuid() != 0:
        return [process for process in user.processes() if _was_given(process, f"HOME={user.home}")]
    theirs = {user.uid, *range(first, first + COUNT)}
    found = user.processes()
    for path in (
        path for place in ("/tmp", "/var/tmp", "/dev/shm", "/run") for path in Path(place).iterdir()
    ):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid in theirs and path != runtime_folder(user):
                found.append(str(path))
    found += map(str, runtime_folder(user).rglob("*"))
    return [one for one in found if one not in person.before]


def runtime_folder(user: User) -> Path:
    """Where Dockbook keeps sockets while it runs, for a login session without an XDG_RUNTIME_DIR."""
    return Path("/tmp", f"dockbook-{user.uid}")


def _was_given(process: str, setting: str) -> bool:
    number = process.split(maxsplit=1)[0]
    with contextlib.suppress(OSError):
        return setting.encode() in Path("/proc", number, "environ").read_bytes().split(b"\0")
    return False
