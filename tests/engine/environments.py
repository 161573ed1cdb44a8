"""Environments that people have, as a table: how each is set up, and what its owner must read there.

Each is lived in by an ordinary user in a login session, through the clone's own script. A new one is a row
here, and nothing else.
"""

from __future__ import annotations

import pwd
from dataclasses import dataclass

DECOYS = """
mkdir -p $HERE/decoys/docker
for name in grader docker/__init__ click json; do
  echo 'raise SystemExit("a decoy")' >$HERE/decoys/$name.py
done
"""
CONFIGURED = """
mkdir -p $HERE/jupyter
echo 'c.IdentityProvider.token = "another"' >$HERE/jupyter/jupyter_server_config.py
echo 'c.ServerApp.base_url = "/elsewhere/"' >>$HERE/jupyter/jupyter_server_config.py
"""
STATUS = ("There is no workspace at $HERE/course. Next: make one with `dockbook lab`.",)
"""What a command says that has looked: where others run engines meanwhile, too."""
ROOTS = pwd.getpwuid(0).pw_dir
LOOK = "status --workspace $HERE/course"
HELLO = ("hi from a container",)
HI = "engine run -- docker run --rm busybox echo 'hi from a container'"
ASK = """
import docker, os, time, urllib.request
client = docker.from_env()
serve = ["sh", "-c", "echo hi from a container >index.html; exec httpd -f -p 80"]
client.containers.run("busybox", serve, ports={"80/tcp": int(os.environ["PORT"])}, detach=True)
for _ in range(200):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:" + os.environ["PORT"]).read().decode())
        break
    except OSError:
        time.sleep(0.1)
"""
"""What chapter 6 does: a browser's request to a port that a container publishes."""


@dataclass(frozen=True)
class Environment:
    """``setup``: lines of shell before the command; ``$HERE`` is a folder of the user's own, ``$PORT`` free.

    ``command``: what `./dockbook` is given. ``reads``: what must be in its output, ``code`` how it ends.
    ``mounts``: what root has mounted there, seen by this session alone.
    """

    name: str
    setup: str
    command: str
    reads: tuple[str, ...]
    code: int = 0
    mounts: str = ""


def fine(name: str, setup: str) -> Environment:
    """One in which a command works as everywhere."""
    return Environment(name, setup, LOOK, STATUS, 2)


def lab(name: str, *setup: str) -> Environment:
    """One in which a lab comes up."""
    return Environment(name, "\n".join(setup), "lab --no-browser --fresh --workspace $HERE/course", ())


CANNOT_BE_MADE = "Next: set DOCKBOOK_CACHE to a folder that you can write in."
QUICK = (
    fine("as it is", ""),
    # What Python reads before anybody could look
    fine("PYTHONPATH", f"{DECOYS}export PYTHONPATH=$HERE/decoys"),
    fine("PYTHONHOME", "export PYTHONHOME=/nonexistent"),
    fine("PYTHONWARNINGS", "export PYTHONWARNINGS=error PYTHONOPTIMIZE=2"),
    fine("PYTHONINSPECT", "export PYTHONINSPECT=1 PYTHONSTARTUP=/nonexistent"),
    fine("PYTHONUTF8=0", "export PYTHONUTF8=0 PYTHONIOENCODING=ascii"),
    fine("modules here", f"{DECOYS}cd $HERE/decoys"),
    fine("VIRTUAL_ENV", "export VIRTUAL_ENV=/gone CONDA_PREFIX=/gone"),
    # Languages
    fine("LC_ALL=C", "export LC_ALL=C"),
    fine("not generated", "export LANG=de_DE.ISO-8859-1 LC_ALL=xx_XX"),
    fine("LANGUAGE", "export LANGUAGE=de LC_MESSAGES=de_DE.UTF-8"),
    # Shells and terminals
    fine("BASH_ENV", "export BASH_ENV=/nonexistent ENV=/nonexistent CDPATH=/:/tmp"),
    fine("GREP_OPTIONS", "export GREP_OPTIONS=-v POSIXLY_CORRECT=1"),
    fine("TERM=dumb", "export TERM=dumb COLUMNS=20 LINES=3"),
    fine("no TERM", "unset TERM SHELL USER LOGNAME MAIL"),
    fine("no standard input", "exec <&-"),
    fine("GIT_DIR", "export GIT_DIR=/nonexistent GIT_WORK_TREE=/nonexistent"),
    fine("few files", "ulimit -n 64"),
    # Certificates and proxies
    Environment(
        "no certificates",
        "export REQUESTS_CA_BUNDLE=/gone SSL_CERT_FILE=/gone",
        LOOK,
        ("REQUESTS_CA_BUNDLE is left out: there are no certificates in /gone", *STATUS),
        2,
    ),
    Environment(
        "a key log",
        "export SSLKEYLOGFILE=/nonexistent/keys",
        "doctor",
        ("SSLKEYLOGFILE is left out: /nonexistent/keys cannot be written", "Engines"),
    ),
    fine("GNOME's proxy", "export all_proxy=socks://127.0.0.1:9/"),
    Environment(
        "a SOCKS proxy",
        "export http_proxy=socks5h://127.0.0.1:9",
        LOOK,
        ("http_proxy is left out: ", *STATUS),
        2,
    ),
    # Folders
    fine("no HOME", "unset HOME"),
    fine("a HOME that is not there", "export HOME=/nonexistent"),
    Environment(
        "another's HOME",
        f"export HOME={ROOTS}",
        "doctor",
        (
            f"{ROOTS}/.cache/dockbook cannot be made: Permission denied",
            f"!!  notebooks  {ROOTS} cannot be written",
        ),
        3,
    ),
    Environment(
        "no cache",
        "export HOME=/nonexistent",
        "engine images",
        ("/nonexistent/.cache/dockbook cannot be made: ", CANNOT_BE_MADE),
        3,
    ),
    Environment(
        "a closed HOME",
        "mkdir $HERE/closed; chmod 500 $HERE/closed; export HOME=$HERE/closed",
        "doctor",
        (
            "!!  notebooks  $HERE/closed cannot be written: Permission denied",
            "dockbook lab --workspace FOLDER",
            "!!  disk       the cache cannot be used",
            "ok  memory",
            "Dockbook is not ready",
        ),
        3,
    ),
    Environment(
        "a workspace in it",
        "mkdir $HERE/closed; chmod 500 $HERE/closed; export DOCKBOOK_WORKSPACE=$HERE/closed/course",
        "lab --no-browser --fresh",
        ("The workspace $HERE/closed/course cannot be written: Permission denied", "--workspace"),
        3,
    ),
    Environment(
        "a closed DOCKBOOK_VENV",
        "mkdir -p $HERE/closed; chmod 500 $HERE/closed; export DOCKBOOK_VENV=$HERE/closed",
        "engine status",
        ("$HERE/closed cannot be written. Next: set DOCKBOOK_VENV to a folder of your own.",),
        3,
    ),
    fine("TMPDIR is not there", "export TMPDIR=/nonexistent"),
    fine("XDG_RUNTIME_DIR is not there", "export XDG_RUNTIME_DIR=/nonexistent"),
    fine("XDG_RUNTIME_DIR is root's", "export XDG_RUNTIME_DIR=/run"),
    # Another Docker
    Environment(
        "DOCKER_HOST leads nowhere",
        "export DOCKER_HOST=unix://$HERE/none.sock",
        "engine run -- true",
        (
            "DOCKER_HOST names unix://$HERE/none.sock, and no Docker Engine answers there",
            "`--backend sandbox`",
        ),
        3,
    ),
    Environment(
        "DOCKER_HOST, examined",
        "export DOCKER_HOST=tcp://127.0.0.1:9",
        "doctor",
        ("!!  engine     DOCKER_HOST is tcp://127.0.0.1:9", "unset DOCKER_HOST", "Dockbook is not ready"),
        3,
    ),
)
"""These need no engine."""

ENGINES = (
    Environment(
        "a proxy, and a port",
        "export http_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 all_proxy=socks://127.0.0.1:9",
        f"engine run -- python -c '{ASK}'",
        HELLO,
    ),
    Environment(
        "another Docker's orders",
        "export DOCKER_DEFAULT_PLATFORM=linux/s390x DOCKER_CONTENT_TRUST=1 BUILDX_BUILDER=none\n"
        "export COMPOSE_FILE=/nonexistent DOCKER_API_VERSION=1.12 DOCKER_CONFIG=/nonexistent",
        "engine run -- sh -c 'docker pull -q busybox && docker run --rm busybox echo hi from a container'",
        HELLO,
    ),
    Environment(
        "tools told otherwise",
        "export TAR_OPTIONS=--none PERL5OPT=-Mnone LD_PRELOAD=/nonexistent.so APT_CONFIG=/nonexistent",
        HI,
        HELLO,
    ),
    Environment(
        "a long TMPDIR",
        "export TMPDIR=$HERE/$(printf 'x%.0s' $(seq 120)); mkdir $TMPDIR; unset XDG_RUNTIME_DIR",
        HI,
        HELLO,
    ),
    Environment("umask 077", "umask 077", HI, HELLO),
    Environment("no standard streams", "exec <&- 3>&1 >&- 2>&-", f"{HI} >&3", HELLO),
    Environment(
        "the doctor", "", "doctor", ("tried: it starts, and a container's port answers", "Dockbook is ready")
    ),
    Environment(
        "/tmp runs no programs",
        "unset XDG_RUNTIME_DIR TMPDIR",
        HI,
        HELLO,
        mounts="mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 none /tmp",
    ),
    Environment(
        "a HOME that is mounted to be read",
        "",
        HI,
        HELLO,
        mounts="mount --bind $HOME $HOME; mount -o remount,bind,ro $HOME",
    ),
)
"""These start one."""

LABS = (
    lab(
        "another Jupyter",
        CONFIGURED,
        "export JUPYTER_CONFIG_PATH=$HERE/jupyter JUPYTER_TOKEN=x JUPYTER_DATA_DIR=/nonexistent",
        "export JUPYTER_GATEWAY_URL=http://127.0.0.1:9 IPYTHONDIR=/nonexistent JUPYTERLAB_DIR=/nonexistent",
    ),
    lab(
        "decoys, and no shell",
        DECOYS,
        "export SHELL=/nonexistent PYTHONPATH=$HERE/decoys PIP_USER=1 all_proxy=socks://127.0.0.1:9/",
    ),
)
"""Labs that come up, with an API that takes the token they print. A login user's whole lab, with proxies and
umasks: tests/login."""
