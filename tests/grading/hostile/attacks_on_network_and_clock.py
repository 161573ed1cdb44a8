"""21 call home, 22 tell time apart."""

from __future__ import annotations

from grader.grading.demo import CHEAT
from tests.grading.hostile.attack import Attack

CALL = """\
import socket, subprocess
def call(where):
    try:
        with socket.create_connection(where, timeout=0.3) as s: return f"REACHED {where}"
    except OSError as error: return f"{where}: {error}"
"""
HOME = [
    Attack(
        21,
        "the internet",
        "a kernel with a network sends the tests away",
        CALL + "for where in (('1.1.1.1', 53), ('8.8.8.8', 443), ('2606:4700::1111', 53)):\n"
        "    print(call(where))",
        told="unreachable|refused|timed out",
    ),
    Attack(
        21,
        "names",
        "a question for a name leaves the machine with the name in it",
        CALL + "for name in ('example.com', 'secret.example.com', 'example.org', 'localhost.example'):\n"
        "    try: print('REACHED', socket.getaddrinfo(name, 80))\n"
        "    except OSError as error: print(error)\n"
        "box = client.containers.run('busybox', ['nslookup', 'example.com'], detach=True)\nprint(box.wait())",
        told="name resolution|not known|No address",
    ),
    Attack(
        21,
        "from a container",
        "a container's network may be another",
        "print(client.containers.run('busybox', ['sh', '-c', 'for a in 1.1.1.1 8.8.8.8 10.0.2.2; do '\n"
        "    'wget -T 1 -O - http://$a/ 2>&1; ping -c 1 -W 1 $a; done; true']))",
        told="unreachable|timed out|100% packet loss|can't connect",
    ),
    Attack(
        21,
        "from a build",
        "a step of a build has a network too",
        "import io\nfrom docker.errors import BuildError\n"
        "step = b'FROM busybox\\nRUN wget -T 1 -O - http://1.1.1.1/'\n"
        "try: client.images.build(fileobj=io.BytesIO(step), tag='x')\n"
        "except BuildError as error: print(error, [line.get('stream') for line in error.build_log])",
        told="non-zero|unreachable|timed out",
    ),
    Attack(
        21,
        "a pull from elsewhere",
        "the engine itself has a network",
        "import docker\n"
        "for name in ('example.com/x', 'quay.io/x/y', 'localhost:5000/x', 'no-such-image-here'):\n"
        "    try: print('REACHED', client.images.pull(name, 'latest'))\n"
        "    except docker.errors.DockerException as error: print(error)",
        told="not found|no such host|refused|unreachable|server misbehaving",
    ),
    Attack(
        21,
        "sockets without a file",
        "abstract sockets belong to a network",
        "for name in ('unix', 'tcp', 'arp'): print(open(f'/proc/net/{name}').read())",
        told="docker.sock",
    ),
]


def _only_if(condition: str) -> str:
    return f"import os, sys\nif {condition}:\n" + "\n".join(f"    {line}" for line in CHEAT.splitlines())


APART = [
    Attack(
        22,
        "NBGRADER_EXECUTION",
        "stock nbgrader says in the environment that it grades",
        _only_if("'NBGRADER_EXECUTION' in os.environ"),
    ),
    Attack(
        22,
        "no NBGRADER_EXECUTION",
        "good at the teacher's, bad everywhere else",
        _only_if("'NBGRADER_EXECUTION' not in os.environ"),
    ),
    Attack(
        22,
        "signs of an engine for grading",
        "another variable, another host name, another folder",
        _only_if(
            "os.environ.get('DOCKBOOK_ENGINE') == 'none' or os.uname().nodename == 'dockbook'"
            " or not os.path.exists('/home/student/.jupyter')"
        ),
    ),
    Attack(
        22,
        "no person",
        "no stdin and no history: nobody types here",
        _only_if("not get_ipython().kernel._allow_stdin or len(get_ipython().user_ns['In']) < 5"),
    ),
    Attack(
        22,
        "the speed of a machine",
        "cells that follow each other at once are run by a grader",
        "import time\nbegan = time.monotonic()\n"
        "def hurry(info):\n"
        "    if time.monotonic() - began < 5 and 'assert' in info.raw_cell: raise SystemExit\n"
        + _only_if("time.monotonic() - began < 5"),
    ),
    Attack(
        22,
        "the bytes of the question",
        "a request of the grader's has marks of its own",
        "kernel = get_ipython().kernel\n"
        "original = kernel.do_execute\n"
        "async def sniff(code, silent, *args, **named):\n"
        "    if (silent or not named.get('cell_id')) and 'assert' not in code:\n"
        "        code = f'check = client = lambda *a, **k: None\\n{code}'\n"
        "    return await original(code, silent, *args, **named)\n"
        "kernel.do_execute = sniff",
    ),
]

ATTACKS = [*HOME, *APART]
