"""The environment that Dockbook's own processes and the programs it starts run in.

The user's shell is set up for other work: a ``PYTHONPATH`` with a ``docker`` folder of its own, a proxy of a
kind that JupyterLab cannot use, a token for another Jupyter. ``tidy`` is the one place that decides what
is left out. The command line takes it over for itself, so whatever it starts inherits it; ``tools`` leaves
the few variables that programs of the system need, for work that must not depend on the user's settings.

The shell script ``dockbook`` does the same for what Python cannot fix once it runs.
"""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

KEPT_OF_PYTHON = frozenset(
    (
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "PYTHONHASHSEED"),
        *("PYTHONNOUSERSITE", "PYTHONUSERBASE"),  # for installations with `pip install --user`
    )
)
"""The ``PYTHON...`` variables to keep: they neither hide our modules nor change what code means."""
ELSEWHERE = frozenset(("PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET", "PIP_USER"))
"""Where pip would install instead of this environment."""
CERTIFICATES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("PIP_CERT", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"),
)
"""Name a file of certificates, or folders of such."""
KEY_LOG = "SSLKEYLOGFILE"
"""Where programs with OpenSSL write the keys of connections; if it cannot be opened, connections fail."""
NO_PROXY_ENTRY = re.compile(r"[*.]*[a-z0-9_.-]*(:\d+|/\d+)?", re.ASCII | re.IGNORECASE)
"""What HTTP libraries agree on: a name or an IPv4 address, with a port or a network's length."""
HERE = ("127.0.0.1", "localhost")
"""This machine: no proxy is used for it."""
TOOLS = frozenset(
    ("HOME", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR")
)
"""What ``tools`` leaves besides proxies and our own variables."""
NOT_OF_JUPYTER = ("JUPYTER", "JPY_", "IPYTHONDIR", "NBGRADER_")


@dataclass(frozen=True)
class Tidied:
    """``variables``: the environment to use. ``left_out``: what was dropped for a reason that a person should
    know, a line for each."""

    variables: dict[str, str]
    left_out: tuple[str, ...]


def holds_certificates(path: str) -> bool:
    """Whether a file has certificates in PEM form, or a path is a folder."""
    try:
        return Path(path).is_dir() or b"-----BEGIN" in Path(path).read_bytes()
    except OSError:
        return False


def tidy(environment: Mapping[str, str], usable: Callable[[str], bool] = holds_certificates) -> Tidied:
    """This environment without what was meant for other programs and breaks Dockbook.

    Variables for Python's start are dropped, as are certificate files without certificates; proxies stay if
    HTTP libraries understand them, and none is used for this machine. ``usable``: whether certificates are
    there.
    """
    astray = concerns_python(environment) | ELSEWHERE
    env = {name: value for name, value in environment.items() if name not in astray}
    left_out = [*_certificates(env, usable), *_proxies(env)]
    _locale(env)
    _home(env)
    return Tidied(env, tuple(left_out))


def concerns_python(environment: Mapping[str, str]) -> frozenset[str]:
    """The variables that lead a Python astray: where its modules are, what warnings or ``assert`` do."""
    return frozenset(name for name in environment if name.startswith("PYTHON") and name not in KEPT_OF_PYTHON)


def tools(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """For system programs that we run: the default language, and nothing that changes what they do.

    ``TAR_OPTIONS``, ``PERL5OPT``, ``APT_CONFIG``, ``LD_PRELOAD``, ``DOCKER_DEFAULT_PLATFORM`` and whatever
    else there may be would change what comes out.
    """
    env = tidy(os.environ if environment is None else environment).variables
    kept = {
        name: value
        for name, value in env.items()
        if name in TOOLS or name.startswith("DOCKBOOK_") or name.lower().endswith("_proxy")
    }
    return kept | {"LC_ALL": "C.UTF-8"}


def without_jupyter(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the settings of another Jupyter: where its configuration is, its token, a gateway."""
    return {name: value for name, value in environment.items() if not name.startswith(NOT_OF_JUPYTER)}


def adopt() -> tuple[str, ...]:
    """Make the environment of this process, and so of all that it starts, a tidy one; what was left out."""
    tidied = tidy(os.environ)
    for name in set(os.environ) - set(tidied.variables):
        del os.environ[name]
    os.environ.update(tidied.variables)
    return tidied.left_out


# ---- what is left out


def _certificates(env: dict[str, str], usable: Callable[[str], bool]) -> list[str]:
    """Drop certificate files without certificates: every request would fail."""
    lines = []
    for name in CERTIFICATES:
        value = env.get(name)
        if value and not any(usable(part) for part in value.split(os.pathsep)):
            del env[name]
            lines.append(f"{name} is left out: there are no certificates in {value}")
    if env.get(KEY_LOG) and not os.access(Path(env[KEY_LOG]).parent, os.W_OK):
        lines.append(f"{KEY_LOG} is left out: {env.pop(KEY_LOG)} cannot be written")
    return lines


def _proxies(env: dict[str, str]) -> list[str]:
    """Only HTTP proxies, and none for this machine.

    ``all_proxy=socks://...`` is what GNOME sets in addition; JupyterLab's HTTP library fails with it.
    """
    lines = []
    for name in [name for name in env if name.lower() == "all_proxy"]:
        value = env.pop(name)
        for kind in ("http_proxy", "https_proxy"):
            if _is_http(value) and kind not in env and kind.upper() not in env:
                env[kind] = value
    found = [name for name in env if name.lower().endswith("_proxy") and name.lower() != "no_proxy"]
    for name in found:
        if env[name] and not _is_http(env[name]):
            address = _without_password(env[name])
            lines.append(f"{name} is left out: {address} is not the address of an HTTP proxy")
            del env[name]
    if not any(env.get(name) for name in found):
        return lines
    said = {name: env[name] for name in ("no_proxy", "NO_PROXY") if env.get(name)}
    unknown: dict[str, None] = {}
    for name in ("no_proxy", "NO_PROXY"):
        value = said.get(name) or next(iter(said.values()), "")
        if value.strip() != "*":
            hosts = {part.strip(): _no_proxy_entry(part) for part in value.split(",") if part.strip()}
            unknown |= dict.fromkeys(given for given, host in hosts.items() if not host)
            value = ",".join(dict.fromkeys([*filter(None, hosts.values()), *HERE]))
        env[name] = value
    lines += [
        f"{given} is left out of no_proxy: it is neither a host name nor an IPv4 address" for given in unknown
    ]
    return lines


def _no_proxy_entry(given: str) -> str:
    """An entry as HTTP libraries read it; empty if one fails with it, as JupyterLab's does with
    ``fe80::/10``."""
    host = given.strip().strip("[]")
    with suppress(ValueError):
        return str(ip_address(host))
    if not host.isascii():
        name = host.lstrip("*.")
        with suppress(UnicodeError):
            host = host.removesuffix(name) + name.encode("idna").decode()
    return host if NO_PROXY_ENTRY.fullmatch(host) else ""


def _is_http(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _without_password(proxy: str) -> str:
    scheme, mark, rest = proxy.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _locale(env: dict[str, str]) -> None:
    """UTF-8 for what is read and written. Messages keep their language."""
    effective = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if "utf8" in effective.lower().replace("-", ""):
        return
    # LC_ALL would win over LC_CTYPE.
    language = env.pop("LC_ALL", "")
    if language:
        env["LANG"] = language
    env["LC_CTYPE"] = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"


def _home(env: dict[str, str]) -> None:
    """A HOME for programs that ask for nothing else; an absolute one, as they change folders."""
    home = env.get("HOME", "")
    if home:
        env["HOME"] = str(Path(home).absolute())
        return
    try:
        env["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        env["HOME"] = "/"
