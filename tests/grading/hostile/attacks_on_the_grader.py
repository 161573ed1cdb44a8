"""25 fill the grader, 26 never be done, 27 take what all engines share, 28 turn zero into "could not look",
30 files that mean something to tools. (23, 24: ``unit/grading/test_collect``; 29: ``test_submission``.)"""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.grading import tiny
from tests.grading.hostile.attack import Attack

NOT_RUN = "not run: a bomb"

WIRE = """
import os, socket
wires = []
for n in map(int, os.listdir("/proc/self/fd")):
    try:
        one = socket.socket(fileno=os.dup(n))
        one.getpeername()
        if str(one.getsockname()).endswith("s-2"): wires.append(one)
    except OSError: pass
wire = wires[0]
wire.setblocking(True)
"""
"""The connection that outputs go through, below ZeroMQ."""


def _cells(*cells: NotebookNode):
    def edit(notebook: NotebookNode) -> None:
        notebook.cells[2:2] = list(cells)

    return edit


def _outputs(notebook: NotebookNode) -> None:
    notebook.cells.insert(2, new_code_cell("pass", metadata={"x": [{"y": {}}] * 400_000}))


def _many(notebook: NotebookNode) -> None:
    notebook.cells += [new_code_cell(f"x = {n}") for n in range(5000)]


FILL = [
    Attack(
        25,
        "a message without an end",
        "the frames of one message are kept until the last has come",
        WIRE + "size = 1_000_000\n"
        "try:\n    while True: wire.sendall(bytes([3]) + size.to_bytes(8, 'big') + bytes(size))\n"
        "except OSError as error: print(error)",
        late=True,
        told="more output at once",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "frames without content",
        "each takes memory and none counts for its size",
        WIRE
        + "try:\n    while True: wire.sendall(b'\\x01\\x00' * 9999)\nexcept OSError as error: print(error)",
        late=True,
        told="more output at once",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "a cell of megabytes",
        "a tree of a program takes a thousand times its text",
        edit=_cells(new_code_cell("if 0: x = '" + "[1]," * 500_000 + "'")),
        told="of them are shown",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "a tree of megabytes",
        "the same, with a program that parses slowly",
        edit=_cells(new_code_cell("x = [" + "[1]," * 500_000 + "]")),
        told="of them are shown",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "mathematics without an end",
        "for each that begins, its end is looked for to the end of the text",
        edit=_cells(*(new_markdown_cell("\\\\(" * 16_000) for _ in range(20))),
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "a heading of blanks",
        "a title is looked for in what students write",
        edit=_cells(new_markdown_cell("# a" + " " * 45_000 + "b")),
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "colours without text",
        "what draws them copies the rest of the text for each",
        "print('\\x1b[31m' * 18_000)",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "thousands of cells",
        "each is run, checked, written and drawn",
        edit=_many,
        late=True,
        told="cells besides the graded ones",
        stock=NOT_RUN,
    ),
    Attack(
        25,
        "a notebook of empty tables",
        "twenty megabytes of brackets are gigabytes of objects",
        edit=_outputs,
        stock=NOT_RUN,
    ),
]

_HELD = (
    "import socket\nheld = []\n"
    "box = client.containers.run('busybox', ['sleep', '600'], name='greeter', detach=True)\n"
    "for _ in range(3):\n"
    "    s = socket.socket(socket.AF_UNIX); s.connect('/run/docker.sock')\n"
    "    asked = f'GET /v1.41/containers/{box.id}/archive?path=/ HTTP/1.1'\n"
    "    s.send(f'{asked}\\r\\nHost: x\\r\\n\\r\\n'.encode())\n"
    "    s.recv(10); held.append(s)\n"
)

_TOLD = """
import io, json, tarfile, hashlib
def file(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
layer, image = io.BytesIO(), io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar: file(tar, "x", b"x")
sums = ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]
env = '"a=' + "x" * 10_000_000 + '"'
config = '{"os":"linux","rootfs":{"type":"layers","diff_ids":%s},"config":{"Env":[%s]}}'
config = (config % (json.dumps(sums), env)).encode()
with tarfile.open(fileobj=image, mode="w") as tar:
    file(tar, "c.json", config)
    file(tar, "layer.tar", layer.getvalue())
    file(tar, "manifest.json", b'[{"Config":"c.json","RepoTags":["big:1"],"Layers":["layer.tar"]}]')
client.images.load(image.getvalue())
del env, config, image
print(client.containers.create("big:1", ["echo", "salve orbis"], name="greeter"))
"""

NEVER_DONE = [
    Attack(
        26,
        "talk on",
        "a channel that is made anew is read until it is empty",
        "import threading\nkernel = get_ipython().kernel\nword = {'name': 'stdout', 'text': 'x'}\n"
        "def talk():\n"
        "    while True: kernel.session.send(kernel.iopub_socket, 'stream', word)\n"
        "threading.Thread(target=talk, daemon=True).start()\n"
        "print('x' * 5_000_000)",
        late=True,
        stock=NOT_RUN,
    ),
    Attack(
        26,
        "hold an archive open",
        "the engine holds a container's lock while it sends what is in it",
        _HELD,
        late=True,
        stock=NOT_RUN,
    ),
]

NEVER_DONE += [
    Attack(
        26,
        "an answer of megabytes",
        "a container is told as its image was made, and what is told is kept and read",
        _TOLD,
        late=True,
        told="on fresh engines",
        stock=NOT_RUN,
    ),
]

SHARED = [
    Attack(
        27,
        "pseudo-terminals",
        "the machine has three thousand of them for all",
        "import os\nheld = []\ntry:\n    while True: held.append(os.openpty())\n"
        "except OSError as error: print(len(held), error)",
        late=True,
        told="out of pty devices|No space left",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "pseudo-terminals of containers",
        "each container has a file system of its own for them",
        "script = ('import os, time\\nheld = []\\ntry:\\n    while True: held.append(os.openpty())\\n'\n"
        "          'except OSError as error: print(len(held), error, flush=True)')\n"
        "print(client.containers.run('training/webapp', ['python3', '-c', script], remove=True))",
        late=True,
        told="out of pty devices|No space left",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "watches of epoll",
        "one user has a number of them, on all engines",
        "import os, resource, select\nresource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))\n"
        "read, write = os.pipe()\npipes = [os.dup(read) for _ in range(1000)]\nheld = []\n"
        "while True:\n"
        "    held.append(select.epoll())\n    for pipe in pipes: held[-1].register(pipe, 1)",
        late=True,
        told="watches of epoll",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "asynchronous input and output",
        "the machine has a number of its events for all",
        "import ctypes, platform, time\nlibc = ctypes.CDLL(None)\n"
        "call = {'x86_64': 206, 'aarch64': 0}[platform.machine()]\n"
        "held = [ctypes.c_ulong(0) for _ in range(64)]\n"
        "for one in held: libc.syscall(call, 4096, ctypes.byref(one))\ntime.sleep(6)",
        late=True,
        told="asynchronous input and output",
        stock=NOT_RUN,
    ),
]

_QUEUES = """
import socket
held, total = [], 0
while total < 3 << 30:
    a, b = socket.socketpair()
    a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
    a.setblocking(False)
    held.append((a, b))
    try:
        while True: total += a.send(bytes(1 << 16))
    except BlockingIOError: pass
print("REACHED")
"""
_RING = """
import socket, struct, time
held, total = [], 0
while total < 3 << 30:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(263, 5, struct.pack('IIII', 1 << 20, 256, 2048, 512 * 256))
    total += 256 << 20
    held.append(s)
print("REACHED", flush=True)
time.sleep(5)
"""
_PIPES = """
import os, resource, time
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
try:
    while True: os.write(os.pipe()[1], b'x' * 4096)
except OSError: time.sleep(60)
"""
_DROPPED = """
import mmap, time
held = []
for _ in range(48):
    held.append(mmap.mmap(-1, 64 << 20))
    for at in range(0, 64 << 20, 4096): held[-1][at] = 1
    held[-1].madvise(mmap.MADV_DONTNEED)
print("REACHED")
"""
SHARED += [
    Attack(
        27,
        "shared memory that was dropped",
        "what a process has dropped of it counts for nobody, and stays",
        _DROPPED,
        late=True,
        told="limit reached",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "queues of sockets",
        "what was sent and not read is in no process's memory",
        _QUEUES,
        late=True,
        told="limit reached",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "pipes and open files",
        "what fills a pipe is in no process's memory, and who counts looks at every open file",
        f"import subprocess, sys, time\nargv = [sys.executable, '-S', '-c', {_PIPES!r}]\n"
        "for _ in range(20): subprocess.Popen(argv)\ntime.sleep(6)\nprint('REACHED')",
        late=True,
        told="limit reached",
        stock=NOT_RUN,
    ),
    Attack(
        27,
        "a ring of packets",
        "Linux counts the memory of such a ring for nobody, not even for a control group",
        f"try: print(client.containers.run('training/webapp', ['python', '-c', {_RING!r}]))\n"
        "except docker.errors.ContainerError as error: print(error.exit_status)",
        late=True,
        told="a ring of packets",
        stock=NOT_RUN,
    ),
]

NO_LOOK = [
    Attack(
        28,
        "a log that nobody can read",
        "the engine's refusal reads as if it could not check",
        "box = client.containers.run('busybox', ['echo', 'salve orbis'], name='greeter', detach=True,\n"
        "    log_config=docker.types.LogConfig(type='none'))\nbox.wait()",
        late=True,
        stock=NOT_RUN,
    ),
    Attack(
        28,
        "words of a shortage",
        "what a cell prints of the machine is the student's word",
        "raise OSError(28, 'out of pty devices: No space left on device')",
        late=True,
        stock=NOT_RUN,
    ),
]


def _named(folder: Path) -> None:
    (folder / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
    (folder / f"{tiny.CHAPTER}.ipynb~").write_text("an editor's")
    (folder / ".nbgrader.log").write_text("x")
    (folder / "feedback").mkdir()
    (folder / "feedback" / f"{tiny.CHAPTER}.html").write_text("<h1>5 of 5</h1>")


FILES = [
    Attack(
        30,
        "names that tools know",
        "nbgrader reads a time, a log and pages where it finds them",
        files=_named,
        stock=NOT_RUN,
    ),
]

ATTACKS = [*FILL, *NEVER_DONE, *SHARED, *NO_LOOK, *FILES]
