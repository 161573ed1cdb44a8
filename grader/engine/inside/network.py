"""The hub's place on the network: a separate host next to the engine, reached by a veth pair.

In a network namespace of its own it takes no port from the student: 80, 443 and 5000 stay free to publish.
Runs inside the sandbox as root there; standard library only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from grader.engine.system import linux
from grader.engine.system.places import GATEWAY_ADDRESS, HUB_ADDRESS

HUB_NETNS = "/run/hub/net"
DEVICES = "/sys/class/net"


def make_hub_host() -> None:
    """Make the namespace, hold it by a bind mount, and wire it to the engine's own."""
    with open(HUB_NETNS, "w"):
        pass
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            linux.unshare(linux.CLONE_NEWNET)
            linux.link_up("lo")
            linux.bind("/proc/self/ns/net", HUB_NETNS)
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the hub's network namespace could not be made")
    _ip(
        f"link add hub type veth peer name eth0 netns {HUB_NETNS}",
        f"addr add {GATEWAY_ADDRESS}/30 dev hub",
        "link set hub up",
    )
    _ip(
        f"addr add {HUB_ADDRESS}/30 dev eth0",
        "link set eth0 up",
        f"route add default via {GATEWAY_ADDRESS}",
        inside=True,
    )


def _ip(*commands: str, inside: bool = False) -> None:
    """``ip -batch`` in the engine's namespace, or in the hub's."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.dup2(read, 0)
            os.closerange(3, 1024)
            prefix = ["nsenter", f"--net={HUB_NETNS}"] if inside else []
            argv = [*prefix, "ip", "-batch", "-"]
            os.execvpe(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        finally:
            os._exit(127)
    os.close(read)
    os.write(write, "\n".join(commands).encode() + b"\n")
    os.close(write)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"ip failed to run: {'; '.join(commands)}")


def remove_links(run: Callable[[list[str]], None]) -> None:
    """Remove the devices of dockerd's networks. ``run`` raises RuntimeError for a command that fails."""
    for name in os.listdir(DEVICES):
        if name.startswith(("br-", "veth")):
            try:
                run(["ip", "link", "delete", name])
            except RuntimeError:
                # A killed container's end of a pair disappears after a while, and the other end with it.
                if os.path.exists(f"{DEVICES}/{name}"):
                    raise
