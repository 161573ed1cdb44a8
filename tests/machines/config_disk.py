"""What a machine is given for one run: keys, and how this host reaches its package sources.

It arrives as an archive on a second disk, which the machine unpacks over its own at its start: so nothing
of it is in a cached disk, and no name of a server is in this repository.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

from tests.machines.recipe import LOGIN

LOGIN_ID = 1000
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
PASSED_ON = re.compile(r"(?i)^((https?|all|no)_proxy|PIP_(INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT|PROXY))$")
"""Variables that say how packages are fetched."""
APT_OPTIONS = re.compile(r"(?m)^Acquire::(?:Check-|https?\b|Retries|Force).*;$")


def write(folder: Path) -> Path:
    """An archive in ``folder``, beside the keys of this run.

    ``key`` there opens the machine for ssh, ``known_hosts`` tells that it is this machine.
    """
    keys = {}
    for name in ("key", "host"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(argv, check=True)
        keys[name] = (folder / f"{name}.pub").read_text()
    (folder / "known_hosts").write_text(f"machine {keys['host']}")
    private = (folder / "host").read_text()
    target = folder / "setup.tar"
    with tarfile.open(target, "w") as tar:
        for home, owner in (("root", 0), (f"home/{LOGIN}", LOGIN_ID)):
            _folder(tar, f"{home}/.ssh", 0o700, owner)
            _file(tar, f"{home}/.ssh/authorized_keys", keys["key"], 0o600, owner)
        _file(tar, "etc/ssh/ssh_host_ed25519_key", private, 0o600)
        _file(tar, "etc/ssh/ssh_host_ed25519_key.pub", keys["host"])
        for name, text in client_configuration().items():
            _file(tar, name, text)
    return target


def client_configuration() -> dict[str, str]:
    """How this host's apt and pip reach their sources, as files for a machine: path to text."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    files = {"etc/apt/apt.conf.d/90host": "".join(f"{line}\n" for line in APT_OPTIONS.findall(dump))}
    variables = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
    files["etc/environment"] = "".join(f'{name}="{value}"\n' for name, value in sorted(variables.items()))
    authorities = Path("/", AUTHORITIES)
    if authorities.is_file():
        # A host behind a proxy that answers for other servers trusts an authority of its own.
        files[AUTHORITIES] = authorities.read_text()
        files["etc/pip.conf"] = f"[global]\ncert = /{AUTHORITIES}\n"
    return files


def _folder(tar: tarfile.TarFile, name: str, mode: int, owner: int) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, owner, owner
    tar.addfile(info)


def _file(tar: tarfile.TarFile, name: str, text: str, mode: int = 0o644, owner: int = 0) -> None:
    data = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.uid, info.gid = len(data), mode, owner, owner
    tar.addfile(info, io.BytesIO(data))
