"""Constructors start nothing: ``start`` does, and a start that fails leaves nothing behind."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.engine import control, host, ports
from grader.engine.base import Engine
from grader.engine.control import Control
from grader.engine.host import HostEngine
from grader.engine.image.nested_image import NestedImage
from grader.engine.nested import Nested
from grader.engine.ports import Ports
from grader.engine.sandbox import Sandbox
from grader.engine.student_kernel import StudentKernel
from grader.engine.system import keeper_requests
from grader.engine.system.package import PACKAGE
from grader.engine.vm import VM
from grader.errors import EngineDied, EngineError

STARTS = {
    *("Popen", "check_call", "check_output", "getoutput", "system", "posix_spawn", "execvp"),
    *("fork", "forkpty", "clone", "spawn", "start", "ask", "launch_kernel", "kernel_request"),
}
"""Names of calls that start a process or a thread, or ask one to."""
ENGINES = {one.__name__ for one in (Sandbox, VM, Nested, HostEngine)}
ROOT = PACKAGE.parent
CONSTRUCTORS = ("__init__", "__new__", "__post_init__")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def called(function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node.func


def started(text: str) -> list[str]:
    """``Class: call`` for each start that a constructor reaches, in its class or its module."""
    module = ast.parse(text)
    functions = {one.name: one for one in module.body if isinstance(one, Function)}
    found = []
    for owner in (one for one in ast.walk(module) if isinstance(one, ast.ClassDef)):
        methods = {one.name: one for one in owner.body if isinstance(one, Function)}
        todo = [methods[name] for name in CONSTRUCTORS if name in methods]
        seen: set[Function] = set()
        while todo:
            function = todo.pop()
            if function in seen:
                continue
            seen.add(function)
            for call in called(function):
                name = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
                of_self = isinstance(call, ast.Attribute) and ast.unparse(call.value) in ("self", "cls")
                if name in STARTS or ast.unparse(call) == "subprocess.run":
                    found.append(f"{owner.name}: {ast.unparse(call)}")
                elif of_self and name in methods:
                    todo.append(methods[name])
                elif isinstance(call, ast.Name) and name in functions:
                    todo.append(functions[name])
    return found


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").rglob("*.py")), ids=lambda path: path.stem)
def test_no_constructor_of_the_engine_starts_anything(path: Path) -> None:
    assert started(path.read_text()) == []


@pytest.mark.parametrize(
    "body",
    [
        "def __init__(self):\n  self.p = subprocess.Popen([])",
        "def __init__(self):\n  self.go()\n def go(self):\n  os.fork()",
        "def __init__(self):\n  helper()",
        "def __post_init__(self):\n  subprocess.run([])",
        "def __init__(self):\n  threading.Thread(target=print).start()",
    ],
)
def test_one_that_did_would_be_found(body: str) -> None:
    assert started(f"def helper():\n os.system('x')\nclass A:\n {body}") != []


def entered_unstarted(text: str) -> list[str]:
    """``with`` statements that enter a new engine, not started yet: types cannot tell."""
    items = [
        item.context_expr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.With)
        for item in node.items
    ]
    return [
        ast.unparse(item)
        for item in items
        if isinstance(item, ast.Call) and ast.unparse(item.func).split(".")[-1] in ENGINES
    ]


def test_no_new_engine_is_entered_before_it_is_started() -> None:
    places = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    places = [path for path in places if ROOT / "tests/cases" not in path.parents]
    assert {path.name: found for path in places if (found := entered_unstarted(path.read_text()))} == {}
    assert entered_unstarted("with host.HostEngine('x') as engine: pass") == ["host.HostEngine('x')"]


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)


IMAGE: Any = SimpleNamespace(bin=Path("bin"), cli_plugins=Path("plugins"), engine=None)
IMAGE.engine = IMAGE


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sandbox(IMAGE),
        lambda: VM(IMAGE),
        lambda: Nested(NestedImage("unix:///none.sock", "trixie", "debian")),
        lambda: HostEngine("unix:///none.sock"),
    ],
    ids=["sandbox", "vm", "nested", "host"],
)
def test_a_new_engine_is_not_there_yet_and_can_be_closed(
    make: Callable[[], Engine], nothing_starts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    engine = make()
    assert not engine.alive()
    engine.close()
    engine.close()


def test_a_start_that_fails_closes_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after the engine has answered: it would stay until its owner ends."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    engine = Sandbox(IMAGE)
    closed: list[bool] = []
    monkeypatch.setattr(engine._control, "start", lambda *_, **__: None)
    monkeypatch.setattr(engine, "_spec", dict)
    monkeypatch.setattr(engine, "_wait_ready", lambda _: None)
    monkeypatch.setattr(engine._control, "close", lambda: closed.append(True))
    IMAGE.preload = tmp_path
    (tmp_path / "image").mkdir()
    with pytest.raises(EngineDied, match="not been started"):  # asked for its limits
        engine.start()
    assert closed and engine.dispose_s is not None


def test_a_keeper_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "bare_python", lambda *_: ["/nowhere/python"])
    keeper, before = Control(), len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        keeper.start({})
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(EngineDied, match="it has not been started"):
        keeper.ask(keeper_requests.tail)
    keeper.close()


def test_a_keeper_that_ends_at_once_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "bare_python", lambda *_: ["sh", "-c", "echo no such module >&2"])
    keeper = Control().start({"long": "x" * (1 << 20)})
    with pytest.raises(EngineDied, match="no such module"):
        keeper.ask(keeper_requests.tail)
    keeper.close()


class Refusing:
    """An engine that takes no kernel, and has no client."""

    def launch_kernel(self, connection: str, env: object) -> int:
        raise EngineError("no kernel today")

    def client(self, *, timeout: float = 30) -> object:
        raise EngineError("no client today")


def test_a_kernel_that_does_not_start_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    engine: Any = Refusing()
    kernel = StudentKernel(engine, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["share"]
    with pytest.raises(EngineError, match="no kernel today"):
        kernel.start()
    assert [path.name for path in tmp_path.rglob("*")] == ["share"]


def test_ports_that_cannot_be_followed_leave_no_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    relay = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.send(b'k'); s.recv(1)"
    monkeypatch.setattr(
        ports,
        "bare_python",
        lambda _module, _call, spec: [
            *("python3", "-c", relay),
            spec.rpartition(" ")[2].rstrip("}"),
        ],
    )
    engine: Any = Refusing()
    opened = Ports(engine, {}, print)
    with pytest.raises(EngineError, match="no client today"):
        opened.start()
    assert opened._process is not None and opened._process.returncode == 0
    opened.close()


def test_a_host_whose_things_cannot_be_listed_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    client = SimpleNamespace(ping=lambda: True, close=lambda: closed.append(True))

    def no_inventory(_: HostEngine) -> None:
        raise EngineError("no list today")

    monkeypatch.setattr(host, "diagnose", lambda _: None)
    monkeypatch.setattr(HostEngine, "client", lambda _: client)
    monkeypatch.setattr(HostEngine, "_inventory", no_inventory)
    with pytest.raises(EngineError, match="no list today"):
        HostEngine("unix:///somewhere.sock").start()
    assert closed
