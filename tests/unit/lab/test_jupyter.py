"""JupyterLab over a workspace: who can reach it, what is switched off, and that it ends with its owner."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from grader.errors import DockbookError, UsageError
from grader.lab import jupyter
from grader.lab.jupyter import has_display, serve

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "ws").mkdir()
    # A student's file by the name of a module that JupyterLab needs.
    (tmp_path / "ws/json.py").write_text("raise RuntimeError('shadowed')\n")
    return tmp_path / "ws"


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_it_answers_to_the_token_alone_on_the_loopback_and_then_is_gone(workspace):
    env = {**os.environ, "DOCKER_HOST": "unix:///engine.sock"}
    with serve(workspace, env) as server:
        process = psutil.Process(server.process.pid)
        family = [process, *process.children(recursive=True)]
        assert status(server.address) == 200
        assert status(f"{server.url}api/contents") == 403
        assert status(f"{server.url}api/contents?token=wrong") == 403
        listening = [c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert set(listening) == {"127.0.0.1"}
        assert process.environ()["DOCKER_HOST"] == "unix:///engine.sock"
        for one in family:
            assert server.token not in " ".join(one.cmdline())
        # The student's side of nbgrader is there, the instructor's is not.
        assert status(f"{server.url}assignments/validate?path=x&token={server.token}") != 404
        assert status(f"{server.url}formgrader?token={server.token}") == 404
        css = urllib.request.urlopen(f"{server.url}custom/custom.css?token={server.token}", timeout=5)
        assert b"overflow-x: auto" in css.read()
        page = urllib.request.urlopen(server.address, timeout=5).read().decode()
        assert "@jupyter/nbgrader:formgrader" in page.split('"disabledExtensions"')[1].split("]")[0]
        assert "validate-assignment" not in page.split('"disabledExtensions"')[1].split("]")[0]
    psutil.wait_procs(family, timeout=5)
    assert not [one for one in family if one.is_running()]


def test_a_taken_port_is_said_and_not_changed(workspace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"Port {port} .* in use"),
            serve(workspace, os.environ, port=port),
        ):
            pytest.fail("it must not come up")


@pytest.mark.parametrize("times", [1, 3])
def test_a_port_that_another_lab_took_in_between_is_looked_for_again(workspace, monkeypatch, times, tmp_path):
    left = tmp_path / "left"
    left.write_text(f"{times}\n")
    script = f"""n=$(cat {left}); [ $n -gt 0 ] || exec "$@"; echo $((n - 1)) >{left}
        echo The port 8888 is already in use.; exit 1"""
    command = jupyter._command
    monkeypatch.setattr(jupyter, "_command", lambda *a, **k: ["sh", "-c", script, "sh", *command(*a, **k)])
    if times == 1:
        with serve(workspace, os.environ) as server:
            assert status(server.address) == 200
    else:
        with pytest.raises(DockbookError, match="already in use"), serve(workspace, os.environ):
            pytest.fail("it must not come up")
    assert left.read_text() == "0\n"


def test_a_jupyter_that_does_not_start_says_its_last_words(workspace, monkeypatch):
    monkeypatch.setattr(jupyter, "_command", lambda *_, **__: ["sh", "-c", "echo broken pieces >&2; exit 4"])
    with pytest.raises(DockbookError, match=r"did not start: broken pieces"), serve(workspace, os.environ):
        pytest.fail("it must not come up")


# A lab without an engine: what runs here stands in for one and says when it was closed. Most tests do with a
# server that stands in for JupyterLab, too, and starts at once.
STUB = """
import http.server, json, os
from pathlib import Path
from grader.engine.system.linux import die_with_parent
die_with_parent()  # as the real one does
class Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Ok)
info = Path(os.environ["JUPYTER_RUNTIME_DIR"], f"jpserver-{os.getpid()}.json")
info.write_text(json.dumps({"port": server.server_port}))
server.serve_forever()
"""
LAB = """
import contextlib, os, sys
from pathlib import Path
from grader.lab import jupyter
if len(sys.argv) > 2:
    jupyter._command = lambda *_, **__: [sys.executable, "-P", "-c", sys.argv[2]]
class Stand:
    private, backend, ready_s, docker_host, detail = True, "sandbox", 0.3, "unix:///engine.sock", ""
    limits, persistence_note = "", "It is kept."
    def env(self): return dict(os.environ)
    def limits_reached(self): return []
    def forward(self, tell, note): return contextlib.nullcontext()
    def alive(self): return not Path(sys.argv[1], "dead").exists()
    def restart(self):
        if Path(sys.argv[1], "revives").exists(): Path(sys.argv[1], "dead").unlink()
        return self.alive()
    def tail(self, lines): return "last words"
    def __enter__(self): return self
    def __exit__(self, *_): print("closed", flush=True)
sys.exit(jupyter.run_lab(Path(sys.argv[1]), Stand(), "it is there", browser=False))
"""


class Lab:
    def __init__(self, workspace: Path, *server: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAB, workspace, *server],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.lines = [self.process.stdout.readline() for _ in range(3)]
        if self.process.poll() is not None:
            pytest.fail(self.rest()[1])
        (self.jupyter,) = psutil.Process(self.process.pid).children()

    def rest(self) -> tuple[str, str]:
        return self.process.communicate(timeout=30)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.rest()


@pytest.fixture
def lab(workspace):
    running = Lab(workspace, STUB)
    yield running
    running.end()


@pytest.mark.parametrize("status", [401, 403])
def test_a_jupyter_that_refuses_its_token_is_not_waited_for(workspace, monkeypatch, status):
    refusing = STUB.replace("send_response(200)", f"send_response({status})")
    monkeypatch.setattr(jupyter, "_command", lambda *_, **__: [sys.executable, "-P", "-c", refusing])
    began = time.monotonic()
    with (
        pytest.raises(DockbookError, match=r"refuses the token .* Next: look in the folders that"),
        serve(workspace, os.environ),
    ):
        pytest.fail("it must not come up")
    assert time.monotonic() - began < jupyter.START_S / 4


def test_it_says_what_it_chose_and_where_it_is(lab):
    engine, address, _ = lab.lines
    assert engine.startswith("Engine: sandbox (it is there), ready in 0.3 s. It is kept. For a terminal: ")
    assert 'eval "$(dockbook engine env)"' in engine
    assert status(address.removeprefix("JupyterLab: ").strip()) == 200
    lab.process.send_signal(signal.SIGINT)
    out, _ = lab.rest()
    assert out.splitlines() == ["Ending JupyterLab and the engine.", "closed"]
    assert lab.process.returncode == 0
    assert not lab.jupyter.is_running()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_to_be_asked_to_end(lab, signum):
    lab.process.send_signal(signum)
    out, _ = lab.rest()
    assert out.splitlines()[-1] == "closed"
    assert lab.process.returncode == 0
    assert not lab.jupyter.is_running()


def test_a_jupyter_that_dies_ends_the_engine(lab):
    lab.jupyter.kill()
    out, err = lab.rest()
    assert out == "closed\n"
    assert "JupyterLab ended with -9" in err


def test_a_lab_that_is_killed_outright_leaves_no_jupyter(workspace):
    lab = Lab(workspace)  # the real one: it watches its parent itself
    lab.process.kill()
    lab.jupyter.wait(10)
    lab.end()


def test_an_engine_that_dies_is_said_once_and_the_notebooks_stay_open(lab, workspace):
    (workspace / "dead").touch()
    assert lab.process.stderr is not None
    said = lab.process.stderr.readline()
    assert "the engine has ended: save your notebooks" in said
    assert said.endswith("last words\n")
    assert lab.jupyter.is_running()
    time.sleep(3 * jupyter._TICK_S)
    lab.process.send_signal(signal.SIGINT)
    _, err = lab.rest()
    assert err == ""


def test_an_engine_that_dies_comes_back_where_it_can_and_each_time_it_is_said(lab, workspace):
    (workspace / "revives").touch()
    assert lab.process.stderr is not None
    for _ in range(2):
        (workspace / "dead").touch()
        said = lab.process.stderr.readline()
        assert "was started again at the same address" in said
        assert "containers, images and networks are gone" in said
        assert not (workspace / "dead").exists()


def test_a_browser_opens_only_where_there_is_a_display(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_display({})
    assert has_display({"DISPLAY": ":0"})
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"})
