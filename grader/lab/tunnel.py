"""How a user who has logged in over ssh opens JupyterLab on their own machine."""

from __future__ import annotations

import getpass
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def ssh_command(url: str, environment: Mapping[str, str]) -> str:
    """The `ssh -L` line after which ``url``, an address of 127.0.0.1 here, opens there, too.

    Empty without ssh.
    The machine is named as it was reached: sshd(8) has its address and port in SSH_CONNECTION.
    """
    found = environment.get("SSH_CONNECTION", "").split()
    port = urlsplit(url).port
    if len(found) != 4 or not port:
        return ""
    try:
        host = ipaddress.ip_address(found[2].partition("%")[0])
    except ValueError:
        return ""
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
        host = host.ipv4_mapped
    other_port = "" if found[3] == "22" else f"-p {found[3]} "
    return f"ssh {other_port}-L {port}:127.0.0.1:{port} {getpass.getuser()}@{host}"
