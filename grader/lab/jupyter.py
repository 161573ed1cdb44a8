"""``dockbook lab``: one engine and one JupyterLab, which begin and end together. ``dockbook formgrader``: its
instructor's side, without an engine and without kernels."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from grader import variables
from grader.engine.base import Engine, Published
from grader.environment import without_jupyter
from grader.errors import DockbookError, UsageError
from grader.lab.jupyter_settings import settings, write_settings
from grader.lab.server import PORTS
from grader.lab.stop import Stop, stop_on_signals
from grader.lab.supervisor import Supervisor, tell, told_if_long
from grader.lab.tunnel import ssh_command
from grader.notebook.baseline import Before
from grader.workspace.record import PRIVATE, student_of

START_S = 120.0  # JupyterLab takes 3 s on a quiet machine, and much longer in a class's first minute
STOP_S = 10.0
PORT_TRIES = 3  # each for one more lab that starts in the same moment
REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_TICK_S = 0.3

# One click in the formgrader opens a student's notebook: nothing of it may run out here.
_INSTRUCTOR = (
    "--ServerApp.kernel_spec_manager_class=grader.lab.no_kernels.NoKernels",
    # The formgrader shows the log of what a button did; debugging lines would hide the verdict.
    "--ServerApp.logging_config={'loggers': {'ServerApp': {'level': 'INFO'}}}",
)


@dataclass
class Server:
    """A running JupyterLab. ``url`` is its address without, ``token`` what it asks for."""

    process: subprocess.Popen[bytes]
    url: str
    token: str
    log: Path

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return self.page("lab")

    def page(self, name: str) -> str:
        """The address of one of its pages, with the token."""
        return f"{self.url}{name}?token={self.token}"

    def tail(self, lines: int = 5) -> str:
        """The end of its log, for messages."""
        return _tail(self.log, lines)


def run_lab(
    workspace: Path,
    engine: Engine,
    why: str,
    *,
    browser: bool = True,
    port: int = 0,
    course: Path | None = None,
) -> int:
    """Serve the workspace until JupyterLab ends or the lab is ended; the engine is closed then.

    ``why`` this engine was chosen is printed with it. ``port`` 0 takes the usual 8888 or the next free one.
    ``course``: its folder, for the start page; without it, ``Course.find`` finds it.
    Returns the exit code: 0 for an orderly end. Raises DockbookError when JupyterLab does not start or dies.
    """
    with engine, stop_on_signals():
        try:
            print(engine_line(engine, why), flush=True)
            environment = _environment(engine, workspace)
            if course:
                environment[variables.SERVER_COURSE] = str(course)
            ports = engine.forward(tell, noting(workspace))
            serving = serve(workspace, environment, port=port)
            with ports, Supervisor(engine) as supervisor, serving as server:
                print(f"JupyterLab: {server.address}", flush=True)
                _print_tunnel(server.url)
                print("Ctrl-C here ends JupyterLab and the engine; your notebooks stay.", flush=True)
                if browser and has_display(os.environ):
                    webbrowser.open(server.address)
                _watch(server, supervisor)
        except Stop:
            print("Ending JupyterLab and the engine.", flush=True)
    return 0


def run_formgrader(course: Path, *, browser: bool = True, port: int = 0) -> int:
    """Serve nbgrader's formgrader for the course in this folder until it is ended.

    No kernel starts in this JupyterLab: a student's notebook can be read there and never run. ``port`` 0
    takes the usual 8888 or the next free one. Returns the exit code: 0 for an orderly end. Raises
    DockbookError when JupyterLab does not start or dies.
    """
    with stop_on_signals():
        try:
            with serve(course, os.environ, port=port, instructor=True) as server:
                print(f"Formgrader: {server.page('formgrader')}", flush=True)
                _print_tunnel(server.url)
                print("Ctrl-C here ends it; grades are saved at once.", flush=True)
                if browser and has_display(os.environ):
                    webbrowser.open(server.page("formgrader"))
                while (code := server.process.poll()) is None:
                    time.sleep(_TICK_S)
                _require_orderly(server, code)
        except Stop:
            print("Ending the formgrader.", flush=True)
    return 0


def noting(workspace: Path) -> Callable[[Collection[Published]], None]:
    """Notes for the panel which published ports are not available on this machine."""
    noted = workspace / PRIVATE / PORTS
    noted.unlink(missing_ok=True)

    def note(taken: Collection[Published]) -> None:
        with suppress(OSError):  # the panel then shows them as if they answered
            noted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            noted.write_text(json.dumps({"taken": sorted(map(str, taken))}))

    return note


def _environment(engine: Engine, workspace: Path) -> dict[str, str]:
    """What leads to the engine; on the student's own Docker, also what its notebooks must leave alone."""
    environment = engine.env()
    if not engine.private:
        record = workspace / ".dockbook" / "before.json"
        with closing(engine.client()) as client:
            Before.look(client).save(record)
        environment[variables.BEFORE] = str(record)
    return environment


def engine_line(engine: Engine, why: str) -> str:
    """One line: which engine, why, and how to use it from a terminal."""
    to_it = 'eval "$(dockbook engine env)"' if engine.private else f"export DOCKER_HOST={engine.docker_host}"
    why = f"{why}; {engine.detail}" if engine.detail else why
    ready = f"{engine.backend} ({why}), ready in {engine.ready_s:.1f} s."
    said = " ".join(part for part in (ready, engine.limits, engine.persistence_note) if part)
    return f"Engine: {said} For a terminal: {to_it}"


def _print_tunnel(url: str) -> None:
    if command := ssh_command(url, os.environ):
        print(f"First run this on the computer that you logged in from: {command}", flush=True)


def _watch(server: Server, supervisor: Supervisor) -> None:
    """Until JupyterLab ends. An engine that died comes back empty, where its backend can; it is said."""
    while (code := server.process.poll()) is None:
        supervisor.wait(_TICK_S)
    _require_orderly(server, code)


def _require_orderly(server: Server, code: int) -> None:
    if code != 0:
        raise DockbookError(
            f"JupyterLab ended with {code}: {server.tail(2)}",
            next_step=f"see {server.log}, then start again.",
        )


@contextmanager
def serve(
    workspace: Path, environment: Mapping[str, str], *, port: int = 0, instructor: bool = False
) -> Iterator[Server]:
    """JupyterLab on 127.0.0.1 over this folder, answering; ended on the way out.

    ``instructor``: the folder is a course; nbgrader's pages for instructors are on, and no kernel starts.

    Raises UsageError when the wanted port is taken, DockbookError when JupyterLab does not come up.
    """
    _require_free(port)
    private = workspace / ".dockbook"
    config, runtime, log = private / "jupyter", private / "run", private / "jupyter.log"
    write_settings(config, instructor=instructor)
    runtime.mkdir(mode=0o700, exist_ok=True)
    token = secrets.token_hex(24)
    env = without_jupyter(environment)
    env |= {
        # On the command line, every user of the machine could read the token.
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        # The home folder may hold another Jupyter's kernels and extensions, or be read-only.
        "JUPYTER_DATA_DIR": str(private / "jupyter-data"),
        "IPYTHONDIR": str(private / "ipython"),
        # This environment's kernel, not one of the same name in the home folder.
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    if not instructor:
        env[variables.WORKSPACE] = str(workspace)
        # So that a terminal there has `dockbook`. Last: it hides no program of the student's.
        env["PATH"] = os.pathsep.join([env.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    if not instructor and (student := student_of(workspace)):
        env[variables.STUDENT] = student
    command = _command(workspace, port, instructor=instructor)
    with told_if_long("starting JupyterLab"):
        server = _come_up(command, workspace, env, log)
    try:
        yield server
    finally:
        _end(server.process)


_MAIN = """\
import os, sys
if sys.platform == "linux":
    from grader.engine.system.linux import die_with_parent
    die_with_parent()  # when the lab is killed outright, nothing else would end JupyterLab
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the lab has ended")
del sys.argv[1]
from jupyter_core import paths
paths.SYSTEM_CONFIG_PATH[:] = []  # what a computer room's Jupyter is set up with: a password, another address
sys.modules["rfc3987_syntax"] = None  # half a second for a grammar of addresses that nothing here asks for
from jupyterlab.labapp import main
main()
"""


def _command(workspace: Path, port: int, *, instructor: bool = False) -> Sequence[str]:
    jupyter = [
        # -P: a `docker.py` or `json.py` in the student's folder must not replace JupyterLab's.
        *(sys.executable, "-P", "-c", _MAIN, str(os.getpid())),
        f"--ServerApp.root_dir={workspace}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port or 8888}",
        f"--ServerApp.port_retries={0 if port else 100}",
        "--ServerApp.open_browser=False",
        *(
            f"--{part}.{name}={value}"
            for part, options in settings(instructor=instructor).items()
            for name, values in options.items()
            # A list is given item by item there.
            for value in (values if isinstance(values, list) else [values])
        ),
        *(_INSTRUCTOR if instructor else ()),
    ]
    if os.geteuid() == 0:
        print(
            "dockbook: you are root: JupyterLab runs as root too. An ordinary user is safer.", file=sys.stderr
        )
        jupyter.append("--allow-root")
    return jupyter


def _come_up(command: Sequence[str], workspace: Path, env: Mapping[str, str], log: Path) -> Server:
    """Start JupyterLab and wait until it answers; again if another process took the port that it had found.

    It finds a free port, releases it, and takes it a moment later (jupyter_server, serverapp.py).
    """
    tries = PORT_TRIES
    while True:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=workspace,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in our terminal is handled here, and passed on as one request.
                start_new_session=True,
            )
        try:
            return _wait(process, Path(env["JUPYTER_RUNTIME_DIR"]), env["JUPYTER_TOKEN"], log)
        except BaseException as error:
            _end(process)
            tries -= 1
            lost = isinstance(error, DockbookError) and "is already in use" in _tail(log, 2)
            if not (lost and tries):
                raise


def _wait(process: subprocess.Popen[bytes], runtime: Path, token: str, log: Path) -> Server:
    """The server's address once it answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DockbookError(f"JupyterLab did not start: {_tail(log, 2)}", next_step=f"see {log}.")
        url = _url(runtime / f"jpserver-{process.pid}.json")
        answer = _status(f"{url}api/status?token={token}") if url else 0
        if answer == HTTPStatus.OK:
            return Server(process, url, token, log)
        if answer in REFUSALS:
            raise DockbookError(
                f"JupyterLab answers at {url}, but refuses the token that it was started with: "
                f"a Jupyter configuration on this machine sets another token, or a password.",
                next_step=f"look in the folders that `{sys.executable} -m jupyter --paths` lists under "
                "config, and remove the setting there.",
            )
        time.sleep(0.05)
    raise DockbookError(f"JupyterLab did not answer within {START_S:.0f} s.", next_step=f"see {log}.")


def _require_free(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}.",
                next_step="choose another with --port, or leave --port out.",
            ) from error


def _url(info: Path) -> str:
    try:
        found = json.loads(info.read_text())
    except (OSError, ValueError):
        return ""  # not written yet, or not to its end
    return f"http://127.0.0.1:{found['port']}{found.get('base_url', '/')}"


def _status(url: str) -> int:
    """The HTTP status that a request gets, 0 for no answer."""
    # No proxy between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask first, so that kernels are shut down cleanly; then kill it, with all that it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def has_display(environment: Mapping[str, str]) -> bool:
    """Whether a browser can open here: elsewhere a text browser would take the terminal."""
    return sys.platform == "darwin" or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    )


def _tail(log: Path, lines: int) -> str:
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
