"""17 exhaust, 18 die. The bombs of 17 run under small limits, and never on stock nbgrader."""

from __future__ import annotations

from tests.grading.hostile.attack import Attack

NOT_RUN = "not run: a bomb"


def _bomb(name: str, why: str, code: str, told: str = "", *, late: bool = True) -> Attack:
    return Attack(17, name, why, code, late=late, told=told, stock=NOT_RUN)


_run = "client.containers.run('busybox', "
EXHAUST = [
    _bomb(
        "forks",
        "each process makes two, and what they share is counted for each where nobody can tell",
        "import os\nwhile True: os.fork()",
        "processes and threads|memory",
    ),
    _bomb(
        "forks in a container",
        "root in a container may have no limit",
        _run + "['sh', '-c', 'f() { f | f & }; f; sleep 20'])",
        "processes and threads",
    ),
    _bomb(
        "forks in namespaces of its own",
        "a limit for each user is another in another namespace",
        "import subprocess\n"
        "print(subprocess.run(['unshare', '-Urpf', 'sh', '-c', 'f() { f | f & }; f; sleep 20'],\n"
        "    timeout=8, capture_output=True))",
        "No space left on device",
    ),
    _bomb(
        "threads",
        "threads are processes that few count",
        "import threading, time\nfor _ in range(5000):\n"
        "    threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
        "processes and threads",
    ),
    _bomb("memory", "a list that grows", "held = [bytearray(1 << 20) for _ in range(3000)]", "memory"),
    _bomb(
        "memory at once",
        "one allocation between two looks",
        "held = bytearray(b'x') * (6 << 30)",
        "memory|MemoryError",
    ),
    _bomb(
        "memory of containers",
        "many that are small each",
        "for _ in range(8): "
        + _run
        + "['sh', '-c', 'x=a; while [ ${#x} -lt 60000000 ]; do x=$x$x; done; sleep 60'], detach=True)\n"
        "import time; time.sleep(4)",
        "memory",
    ),
    _bomb(
        "disk",
        "a container's files lie on the host",
        _run + "'dd if=/dev/zero of=/y bs=1M count=3000')",
        "disk",
    ),
    _bomb(
        "disk of the kernel",
        "the working folder has no end",
        "with open('x', 'wb') as f:\n    while True: f.write(bytes(1 << 20))",
        "disk|No space left",
    ),
    _bomb(
        "disk of this machine",
        "the kernel's sockets lie in a folder that both sides see",
        "import glob\nshared = '/run/dockbook/kernel/'\nfor folder in [shared, *glob.glob(shared + '*/')]:\n"
        "    try:\n        with open(folder + 'x', 'wb') as f:\n"
        "            for _ in range(300): f.write(bytes(1 << 20))\n"
        "        print('REACHED')\n"
        "    except OSError as error: print(error)",
        "Permission denied",
    ),
    _bomb(
        "memory of the engine itself",
        "dockerd keeps what containers are called and labelled in its own memory",
        "import threading\n"
        "def make(part):\n"
        "    for n in range(400):\n"
        "        try: client.containers.create('busybox', labels={f'{part}': 'y' * 900_000})\n"
        "        except Exception: pass\n"
        "held = [threading.Thread(target=make, args=[part], daemon=True) for part in range(4)]\n"
        "for thread in held: thread.start()\n"
        "for thread in held: thread.join()",
    ),
    _bomb(
        "inodes",
        "a file system without inodes is full",
        "n = 0\nwhile True:\n    open(f'/tmp/{n}', 'w').close(); open(f'f{n}', 'w').close(); n += 1",
        "No space left|s for one cell",
    ),
    _bomb(
        "a log without end",
        "what a container prints is kept by the engine",
        "box = " + _run + "['yes', 'x' * 4000], name='greeter', detach=True)\nimport time; time.sleep(6)",
    ),
    _bomb(
        "a build without end",
        "a step of a build is a container that nobody names",
        "import io\n"
        "client.images.build(fileobj=io.BytesIO(b'FROM busybox\\nRUN while true; do :; done'), tag='x')",
        "s for one cell",
    ),
    _bomb(
        "a build that fills the disk",
        "a layer has no size",
        "import io\nclient.images.build(fileobj=io.BytesIO(b'FROM busybox\\nRUN yes > /x'), tag='x')",
        "disk|no space|No space",
    ),
    _bomb(
        "gigabytes of output",
        "output is kept in the graded notebook",
        "while True: print('x' * 100_000)",
        "bytes of output|OutputLimit|memory",
    ),
    _bomb(
        "one output of a gigabyte",
        "a message is held in memory whole",
        "print('x' * (200 << 20))",
        "output|memory",
    ),
    _bomb(
        "an output that closes the connection",
        "a message beyond the limit ends the outputs' channel for what comes after it",
        "print('x' * 5_000_000)",
        "more output at once",
        late=False,
    ),
    _bomb(
        "memory in sockets",
        "what waits in a socket belongs to no process",
        "import resource, socket\nresource.setrlimit(resource.RLIMIT_NOFILE, (9000, 9000))\nheld = []\n"
        "while True:\n"
        "    pair = socket.socketpair()\n    held.append(pair)\n"
        "    for end in pair:\n"
        "        end.setblocking(False)\n"
        "        try:\n            while True: end.send(bytes(65536))\n"
        "        except BlockingIOError: pass",
        "memory",
    ),
    _bomb(
        "a million outputs",
        "each is a cell of the page",
        "from IPython.display import display\nfor n in range(1_000_000): display(n)",
        "output|s for one cell",
    ),
    _bomb(
        "interrupts swallowed",
        "a loop that catches everything is never stopped",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "s for one cell",
    ),
    _bomb(
        "signals ignored",
        "a kernel that hears no signal hangs for ever",
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "while True:\n    try: time.sleep(100)\n    except BaseException: pass",
        "s for one cell",
    ),
    _bomb(
        "a question", "input() waits for an answer", "input('password? ')", "StdinNotImplemented|s for one"
    ),
    _bomb(
        "processors",
        "containers keep running while the test looks",
        "for _ in range(12): " + _run + "['sh', '-c', 'while :; do :; done'], detach=True)",
    ),
    _bomb(
        "hundreds of containers",
        "each is inspected",
        "for n in range(500): client.containers.create('busybox', name=f'c{n}')",
    ),
    _bomb(
        "labels of a megabyte",
        "a list of containers is as long as their labels",
        "for n in range(150):\n    client.containers.create('busybox', labels={'x': 'y' * 900_000})",
    ),
    _bomb(
        "thousands of tags",
        "a list of images is as long as their names",
        "image = client.images.get('busybox')\n"
        "for n in range(5000): image.tag('x' * 200 + f'/y{n}', 't' * 100)",
    ),
    _bomb(
        "networks and volumes",
        "lists that are read with each look",
        "for n in range(2000):\n"
        "    client.volumes.create(f'v{n}', labels={'x': 'y' * 10_000})\n"
        "    if n < 40: client.networks.create(f'n{n}')",
    ),
    _bomb(
        "watches on files",
        "the kernel of the machine has a number of them for each user, on all engines",
        "import ctypes\nlibc = ctypes.CDLL(None)\nprint([libc.inotify_init1(0) for _ in range(2000)][-1])",
        late=False,
    ),
    _bomb(
        "open files",
        "a process holds a number of them",
        "held = []\ntry:\n    while True: held.append(open('/dev/null'))\n"
        "except OSError as error: print(error); del held",
        late=False,
    ),
    _bomb(
        "a repr without end",
        "what is shown is computed by the student",
        "class Long:\n    def __repr__(self): return 'x' * (500 << 20)\nLong()",
        "output|memory|s for one cell",
    ),
    _bomb(
        "an answer without end",
        "an answer is computed by the student when it is asked for",
        "import grader.expect.answer_data as said\n"
        "def say(*given):\n    while True:\n"
        "        try:\n            while True: pass\n        except BaseException: pass\n"
        "said.say = say\ntotal = 42",
    ),
    _bomb(
        "connections to the engine",
        "an engine that waits for a thousand others hears nobody",
        "import socket\nheld = []\n"
        "try:\n"
        "    for _ in range(900):\n"
        "        s = socket.socket(socket.AF_UNIX); s.settimeout(1); s.connect('/run/docker.sock')\n"
        "        s.send(b'POST /v1.41/containers/create HTTP/1.1\\r\\nHost: x\\r\\n')\n"
        "        s.send(b'Content-Length: 99999\\r\\n\\r\\n{')\n"
        "        held.append(s)\n"
        "except OSError as error: print(error)",
    ),
    _bomb(
        "questions that never end",
        "event streams, log streams and waits held by the hundred",
        "import socket\nheld = []\n"
        "for n in range(300):\n"
        "    s = socket.socket(socket.AF_UNIX); s.connect('/run/docker.sock')\n"
        "    s.send(b'GET /v1.41/events HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); held.append(s)",
    ),
]

DIE = [
    Attack(18, "os._exit", "no kernel, no outputs", "import os\nos._exit(0)", told="kernel ended"),
    Attack(18, "sys.exit", "the shell leaves its loop", "import sys\nsys.exit(0)", told="SystemExit"),
    Attack(
        18,
        "quit",
        "IPython's own way to leave: the kernel ends a moment later, in the next cell",
        "quit()",
        told="ended the kernel",
    ),
    Attack(
        18,
        "shut down",
        "the kernel says good-bye in good order, and its parent may believe the work done",
        "get_ipython().kernel.do_shutdown(False)\nimport time\ntime.sleep(3)",
        late=True,
    ),
    Attack(
        18, "a segfault", "not even Python sees it", "import ctypes\nctypes.string_at(0)", told="kernel ended"
    ),
    Attack(
        18,
        "SIGKILL",
        "nothing is said at the end",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    ),
    Attack(
        18,
        "abort",
        "a core is dumped, perhaps where others read it",
        "import os\nos.abort()",
        told="kernel ended",
    ),
    Attack(
        18,
        "stopped",
        "a kernel that is alive and stopped answers nothing and is not dead",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    ),
    Attack(
        18,
        "exit at a check",
        "the runner may take a dead kernel for no error",
        "import os\nget_ipython().events.register('pre_run_cell',"
        " lambda info: os._exit(0) if 'check(' in info.raw_cell or 'assert' in info.raw_cell else None)",
    ),
    Attack(
        18,
        "another program in its place",
        "the process is there and is no kernel",
        "import os\nos.execvp('sleep', ['sleep', '100'])",
        told="s for one cell",
        late=True,
        stock="the runner waits without end",
    ),
    Attack(
        18,
        "an interrupt at every cell",
        "an interrupted notebook may count as run",
        "def stop(*given): raise KeyboardInterrupt\n"
        "import sys\nget_ipython().events.register('post_run_cell', stop)\nraise KeyboardInterrupt",
        told="KeyboardInterrupt",
    ),
    Attack(
        18,
        "a start-up file that kills",
        "every further kernel dies as it starts",
        "import os, pathlib\n"
        "folder = pathlib.Path.home() / '.ipython/profile_default/startup'\n"
        "folder.mkdir(parents=True, exist_ok=True)\n"
        "(folder / '00.py').write_text('import os; os._exit(0)')\nos._exit(0)",
        told="kernel could not be started again|kernel ended",
        late=True,
        damages=True,
    ),
    Attack(
        18,
        "no folder to go on in",
        "a fresh kernel needs the working folder, and a copy of the files",
        "import os, shutil\nos.chdir('/')\nshutil.rmtree('/home/student', ignore_errors=True)\n"
        "open('/home/student/work', 'w').close()\nos._exit(0)",
        told="kernel",
        late=True,
        damages=True,
    ),
    Attack(
        18,
        "sockets closed",
        "the kernel is alive and cannot be reached",
        "kernel = get_ipython().kernel\nkernel.session.send = lambda *given, **named: None",
        told="s for one cell",
        late=True,
        stock="the runner waits without end",
    ),
]

ATTACKS = [*EXHAUST, *DIE]
BOMBS = EXHAUST
