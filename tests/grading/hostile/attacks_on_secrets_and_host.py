"""13 read the tests, 14 own the host.

What can be read is looked for in ``test_secrets``; here are attempts that gain nothing even if something is.
"""

from __future__ import annotations

from tests.grading.hostile.attack import Attack

READ = [
    Attack(
        13,
        "the text of each cell",
        "pre_run_cell hears what runs, hidden tests too: they can be done as they are read",
        """\
def read(info):
    if "salve orbis" in info.raw_cell and "assert" in info.raw_cell:
        for box in client.containers.list(all=True): box.remove(force=True)
        client.containers.run("busybox", ["echo", "salve orbis"], name="greeter", detach=True).wait()
get_ipython().events.register("pre_run_cell", read)""",
    ),
    Attack(
        13,
        "the frames of whoever runs this",
        "the runner's frames hold the notebook",
        """\
import sys
frame, seen = sys._getframe(), []
while frame:
    seen += [repr(value)[:500] for value in frame.f_locals.values() if "assert" in repr(value)[:2000]]
    frame = frame.f_back
print(len(seen))""",
    ),
    Attack(
        13,
        "the instructor's files",
        "the source lies beside the submissions",
        """\
import glob, os, re
found = ""
folder = os.getcwd()
while folder != "/":
    for path in glob.glob(os.path.join(folder, "source", "**", "*.ipynb"), recursive=True):
        found += open(path).read()
    folder = os.path.dirname(folder)
if "salve orbis" in found:
    client.containers.run("busybox", ["echo", "salve orbis"], name="greeter", detach=True).wait()""",
    ),
    Attack(
        13,
        "the objects of the collector",
        "what the kernel has loaded, the kernel can find",
        """\
import gc
mark = "HIDDEN" + " TESTS"
kept = [text for text in gc.get_objects() if isinstance(text, (str, dict, list))]
found = [text for text in kept if mark in str(text)[:9000]]
print(len(found))""",
    ),
]


def _attempts(*options: str) -> str:
    """A cell that asks for each of these, and looks for the host in what it gets."""
    return (
        "import docker\n"
        "look = 'ls -a /host /host/root /host/work /proc/1/root 2>&1; id; cat /proc/1/cmdline; '\n"
        "look += 'for top in / /host /proc/1/root; do cd $top/tmp; cat dockbook-canary-*/word; '\n"
        "look += 'for d in dockbook-canary-*; do echo x > $d/new; done; done'\n"
        + "".join(
            f"try: print(client.containers.run('busybox', ['sh', '-c', look], remove=True, {option}))\n"
            f"except docker.errors.DockerException as error: print(error)\n"
            for option in options
        )
    )


OWN_HOST = [
    Attack(
        14,
        "a privileged container",
        "root with every capability in a container is root",
        _attempts("privileged=True", "cap_add=['SYS_ADMIN']", "cap_add=['ALL']", "user='0:0', privileged=1"),
        told="privileged",
    ),
    Attack(
        14,
        "the host's files mounted",
        "-v /:/host",
        _attempts(
            "volumes=['/:/host']",
            "volumes={'/': {'bind': '/host', 'mode': 'rw'}}",
            "mounts=[docker.types.Mount('/host', '/', type='bind')]",
            "volumes=['//:/host']",
            "volumes=['/../:/host']",
            "volumes=['.:/host']",
            "volumes=['/var/run/docker.sock:/host']",
        ),
        told="this course's engine does not",
    ),
    Attack(
        14,
        "a volume that is a folder of the host",
        "the local driver mounts what its options say",
        """\
for options in ({"type": "none", "device": "/", "o": "bind"}, {"type": "", "device": "/", "o": "rbind"},
                {"type": "overlay", "device": "overlay", "o": "lowerdir=/,upperdir=/tmp,workdir=/tmp"},
                {"type": "nfs", "device": ":/", "o": "addr=127.0.0.1"}, {"device": "/", "o": "BIND"},
                {"type": "proc", "device": "proc"}):
    try: print(client.volumes.create(driver="local", driver_opts=options))
    except docker.errors.DockerException as error: print(error)""",
        told="this course's engine does not",
    ),
    Attack(
        14,
        "the host's namespaces",
        "pid, ipc, uts, user and network of the host",
        _attempts(
            "pid_mode='host'",
            "ipc_mode='host'",
            "uts_mode='host'",
            "userns_mode='host'",
            "network_mode='host'",
            "cgroupns='host'",
            "pid_mode='container:1'",
        ),
        told="this course's engine does not",
    ),
    Attack(
        14,
        "devices and security options",
        "the host's disks, its modules, no seccomp",
        _attempts(
            "devices=['/dev/null:/dev/x']",
            "device_cgroup_rules=['a *:* rwm']",
            "security_opt=['seccomp=unconfined', 'apparmor=unconfined']",
            "sysctls={'kernel.core_pattern': '|/x'}",
            "runtime='runc'",
            "cgroup_parent='/'",
            "oom_score_adj=-1000",
        ),
        told="this course's engine does not",
    ),
    Attack(
        14,
        "docker cp through a link",
        "the engine follows a container's link while it copies",
        """\
import io, tarfile
box = client.containers.create("busybox", ["true"])
for kind, target in (("link", "/"), ("link", "../../../../../.."), ("hard", "/etc/passwd")):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        out = tarfile.TarInfo("out")
        out.type, out.linkname = tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE, target
        archive.addfile(out)
        archive.addfile(tarfile.TarInfo("out/tmp/dockbook-was-here"))
        archive.addfile(tarfile.TarInfo("../../../../tmp/dockbook-was-here"))
    try:
        print(box.put_archive("/", data.getvalue()))
        print(next(box.get_archive("/out/etc/shadow")[0])[:300])
    except Exception as error: print(error)""",
    ),
    Attack(
        14,
        "out of the kernel itself",
        "user and mount namespaces, ptrace, the kernel's own files",
        """\
import os, subprocess
for command in ("mknod /tmp/disk b 254 0", "mount -t tmpfs x /mnt", "nsenter -t 1 -a id",
        "chroot /proc/1/root id", "unshare -Urm sh -c 'mount --bind / /mnt; ls /mnt/home /mnt/etc'",
        "unshare -Urm sh -c 'mount -t proc p /proc; cat /proc/1/cmdline'",
        "unshare -Urmn sh -c 'mount -t cgroup2 c /mnt && echo 1 > /mnt/release_agent'",
        "sh -c 'echo x > /proc/sys/kernel/core_pattern'",
        "sh -c 'echo b > /proc/sysrq-trigger'", "sh -c 'echo x > /dev/kmsg'", "dmesg", "ls /sys/kernel/debug",
        "cat /proc/kcore /proc/1/environ",
        "cat /tmp/dockbook-canary-*/word", "cd /proc/1/root && cat tmp/dockbook-canary-*/word",
        "modprobe dummy", "sh -c 'ls -lH /proc/*/root /proc/*/cwd'"):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=5)
    print(command[:40], done.returncode, done.stdout[:200], done.stderr[:200])""",
        told="Operation not permitted|Permission denied",
    ),
]

ATTACKS = [*READ, *OWN_HOST]
