"""11 patch the library, 12 point elsewhere."""

from __future__ import annotations

from pathlib import Path

from grader.grading.demo import CHEAT
from tests.grading.hostile.attack import Attack, Files


def _modules(*names: str, text: str = "from_env = DockerClient = check = lambda *a, **k: None\n") -> Files:
    def files(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)

    return files


def _beside(*names: str, text: str = "", stock: str = "") -> Attack:
    return Attack(
        11,
        f"{names[0]} beside the notebook",
        "Python looks in the working folder first",
        files=_modules(*names, text=text) if text else _modules(*names),
        stock=stock,
    )


LIBRARY = [
    Attack(11, "everything replaced", "a client, docker and check that agree with everything", CHEAT),
    Attack(
        11,
        "docker.from_env",
        "the tests ask the library, and the library is the student's to patch",
        """\
import docker
class Box:
    name, id, status = "greeter", "0" * 64, "exited"
    attrs = {"Path": "echo", "Args": ["salve orbis"], "State": {"ExitCode": 0}, "Name": "/greeter",
             "Config": {"Cmd": ["echo", "salve orbis"]}}
    logs = lambda self, *given, **named: b"salve orbis\\n"
    wait = lambda self, *given, **named: {"StatusCode": 0}
    reload = lambda self: None
class Client:
    containers = property(lambda self: self)
    get = lambda self, name: Box()
    list = lambda self, *given, **named: [Box()]
docker.from_env = docker.DockerClient = docker.DockerClient.from_env = lambda *given, **named: Client()""",
    ),
    Attack(
        11,
        "sys.modules",
        "an import gives what stands in this table",
        """\
import sys, types
fake = types.ModuleType("docker")
fake.from_env = fake.DockerClient = lambda *given, **named: None
sys.modules["docker"] = fake
try:
    import grader.expect.check, grader.state
    grader.expect.check.Block.__exit__ = lambda self, *error: True
    grader.expect.check.Block.__enter__ = lambda self: client
except ImportError as error: print(error)""",
    ),
    Attack(
        11,
        "a method of the library",
        "one patched method of docker-py tells of a container that is not there",
        """\
from docker.models.containers import Container, ContainerCollection
attrs = {"Id": "0" * 64, "Name": "/greeter", "Path": "echo", "Args": ["salve orbis"], "Image": "sha256:0",
         "State": {"ExitCode": 0, "Status": "exited"}, "Config": {"Cmd": ["echo", "salve orbis"]}}
ContainerCollection.get = lambda self, name: Container(attrs=attrs)
Container.logs = lambda self, *given, **named: b"salve orbis\\n"
Container.reload = lambda self: None""",
    ),
    Attack(
        11,
        "requests under the library",
        "answers are replaced below docker-py, where nobody looks",
        """\
import json, requests
send = requests.Session.send
attrs = {"Id": "0" * 64, "Name": "/greeter", "Path": "echo", "Args": ["salve orbis"],
         "State": {"ExitCode": 0, "Status": "exited"}, "Config": {"Cmd": ["echo"], "Tty": True},
         "HostConfig": {"LogConfig": {"Type": "json-file"}}}
def lie(self, request, **named):
    reply = requests.Response()
    reply.status_code, reply.request, reply.url = 200, request, request.url
    if "/containers/" in request.url and request.method == "GET":
        reply._content = b"salve orbis\\n" if "/logs" in request.url else json.dumps(attrs).encode()
        return reply
    return send(self, request, **named)
requests.Session.send = lie""",
    ),
    Attack(
        11,
        "an import hook",
        "a finder in front of all others gives every module",
        """\
import importlib.abc, importlib.util, sys, types
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("docker", "pytest"):
            return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec): return types.ModuleType(spec.name)
    def exec_module(self, module):
        module.from_env = module.check = lambda *given, **named: None
        module.__path__ = []
sys.meta_path.insert(0, Finder())
for name in [n for n in sys.modules if n.split(".")[0] == "docker"]: del sys.modules[name]""",
    ),
    Attack(
        11,
        "no module of the grader's",
        "what cannot be imported cannot ask",
        """\
import sys
for name in [n for n in sys.modules if n.split(".")[0] == "grader"]: sys.modules[name] = None""",
        honest="greeter",
        stock="about our own modules",
        told="found none",
    ),
    _beside("docker.py"),
    _beside("docker/__init__.py"),
    _beside("grader.py", "pytest.py", "json.py"),
    _beside("IPython.py", "ipykernel.py", "zmq.py", "traitlets.py"),
    _beside("sitecustomize.py", "usercustomize.py", "x.pth"),
    _beside(
        "ipykernel_launcher.py", text="import os\nos._exit(0)\n", stock="nobody starts that one's kernel"
    ),
    _beside("pathlib.py", "runpy.py", "ast.py", "os.py", text="import _thread\n_thread.interrupt_main()\n"),
    _beside(
        "ipython_kernel_config.py",
        "ipython_config.py",
        "jupyter_config.py",
        text="c = get_config()\nc.InteractiveShellApp.exec_lines = ['import os', 'os._exit(0)']\n",
    ),
]

FAKE = """\
import json, os, socket, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
attrs = {"Id": "0" * 64, "Name": "/greeter", "Path": "echo", "Args": ["salve orbis"], "Image": "sha256:0",
         "State": {"ExitCode": 0, "Status": "exited"},
         "Config": {"Cmd": ["echo", "salve orbis"], "Tty": True},
         "HostConfig": {"LogConfig": {"Type": "json-file"}}}
class Fake(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *given): pass
    def do_GET(self):
        if "/logs" in self.path: body = b"salve orbis\\n"
        elif "containers/json" in self.path: body = json.dumps([attrs | {"Names": ["/greeter"]}]).encode()
        elif "/containers/" in self.path: body = json.dumps(attrs).encode()
        else: body = json.dumps({"ApiVersion": "1.41", "Version": "20.10"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_HEAD = do_GET
class UnixServer(HTTPServer):
    address_family = socket.AF_UNIX
    def server_bind(self): self.socket.bind(self.server_address); self.server_name, self.server_port = "x", 0
    def get_request(self): return self.socket.accept()[0], ("x", 0)
def start(server): threading.Thread(target=server.serve_forever, daemon=True).start()
"""

ELSEWHERE = [
    Attack(
        12,
        "DOCKER_HOST at a fake daemon",
        "the library goes where this variable says",
        FAKE
        + """\
server = HTTPServer(("127.0.0.1", 0), Fake)
start(server)
os.environ["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.server_port}\"""",
    ),
    Attack(
        12,
        "a fake daemon on a socket of its own",
        "the same without a port",
        FAKE
        + """\
start(UnixServer("/tmp/fake.sock", Fake))
os.environ["DOCKER_HOST"] = "unix:///tmp/fake.sock\"""",
    ),
    Attack(
        12,
        "a fake daemon at the engine's own path",
        "whoever is at the path is the engine",
        FAKE
        + """\
for path in ("/run/docker.sock", "/var/run/docker.sock", "/engine/docker.sock"):
    try:
        os.unlink(path)
        start(UnixServer(path, Fake))
    except OSError as error: print(error)""",
        told="not permitted|Permission denied",
    ),
    Attack(
        12,
        "a fake daemon in a mount namespace of its own",
        "in one's own namespace one may mount over the engine's socket",
        """\
import subprocess
script = "mount -t tmpfs x /run && touch /run/docker.sock && ls -l /run && sleep 30"
subprocess.Popen(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script])
print(subprocess.run(["unshare", "--mount", "true"], capture_output=True).stderr)""",
    ),
    Attack(
        12,
        "contexts and config.json",
        "docker's own configuration names another engine",
        """\
import hashlib, json, os, pathlib
home = pathlib.Path.home() / ".docker"
name = hashlib.sha256(b"mine").hexdigest()
(home / "contexts" / "meta" / name).mkdir(parents=True, exist_ok=True)
(home / "config.json").write_text(json.dumps({"currentContext": "mine"}))
(home / "contexts" / "meta" / name / "meta.json").write_text(json.dumps(
    {"Name": "mine", "Endpoints": {"docker": {"Host": "tcp://127.0.0.1:1"}}}))
os.environ |= {"DOCKER_CONTEXT": "mine", "DOCKER_CONFIG": str(home)}
os.environ.pop("DOCKER_HOST", None)""",
    ),
    Attack(
        12,
        "the engine's processes traced",
        "who may trace dockerd takes its sockets, or writes in its memory",
        """\
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
own, taken = {os.getpid(), os.getppid()}, []
for pid in {int(name) for name in os.listdir("/proc") if name.isdigit()} - own:
    handle = libc.syscall(434, pid, 0)
    for fd in range(3, 40):
        if libc.syscall(438, handle, fd, 0) >= 0: taken.append(("descriptor", pid))
    if libc.ptrace(16, pid, 0, 0) == 0: taken.append(("ptrace", pid))
    try: open(f"/proc/{pid}/mem", "r+b").close(); taken.append(("memory", pid))
    except OSError: pass
for name in ("dockerd", "containerd", "dockbook-init", "dockbook-keeper"):
    print(name, os.system(f"pidof {name}"))
print("taken", taken)""",
        told=r"taken \[\]",
    ),
    Attack(
        12,
        "everything killed",
        "dockerd is a process, and can be replaced by another",
        """\
import os, signal
for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (os.getpid(), 1)]:
    try: os.kill(int(pid), signal.SIGKILL)
    except OSError: pass""",
        damages=True,
    ),
    Attack(
        12,
        "dockerd of the student's own",
        "a second engine that holds whatever is asked for",
        """\
import subprocess
dockerd = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork",
    "dockerd", "--rootless", "-H", "unix:///tmp/own.sock", "--data-root", "/tmp/own", "--exec-root",
    "/tmp/own-run", "--pidfile", "/tmp/own.pid", "--iptables=false", "--bridge=none"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
import os
os.environ["DOCKER_HOST"] = "unix:///tmp/own.sock\"""",
    ),
    Attack(
        12,
        "the engine's configuration changed",
        "the control socket for daemon.json may take more than it should",
        """\
import json, os, socket
for options in ({"authorization-plugins": []}, {"hosts": ["tcp://0.0.0.0:2375"]}, {"data-root": "/tmp/x"},
                {"default-runtime": "mine", "runtimes": {"mine": {"path": "/bin/sh"}}}, {"Debug": True},
                {"authorization-Plugins": []}, {"builder": {"Entitlements": {"network-host": True}}}, []):
    with socket.socket(socket.AF_UNIX) as control:
        try:
            control.connect(os.environ.get("DOCKBOOK_CONTROL", "/run/dockbook/kernel/control.sock"))
            control.sendall(json.dumps({"daemon": options}).encode() + b"\\n")
            print(options, control.recv(1000))
        except OSError as error: print(error)""",
        told="takes no authorization-plugins",
        stock="about our own engine's control socket",
    ),
    Attack(
        12,
        "the trusted side's token guessed",
        "whoever sends the token is the grader",
        """\
import http.client, secrets, socket
for token in ("", "0" * 32, "x", "a" * 4000, secrets.token_hex(16)):
    with socket.socket(socket.AF_UNIX) as api:
        api.connect("/run/docker.sock")
        api.sendall(f"POST /containers/create?name=greeter HTTP/1.0\\r\\nX-Dockbook-Token: {token}\\r\\n"
                    "Content-Type: application/json\\r\\nContent-Length: 59\\r\\n\\r\\n".encode()
                    + b'{"Image": "busybox", "HostConfig": {"Privileged": true}}   ')
        print(token[:8], api.recv(400)[:200])""",
        told="authorization denied",
        stock="about our own token",
    ),
]

ATTACKS = [*LIBRARY, *ELSEWHERE]
