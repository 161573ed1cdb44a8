"""./dockbook in a folder of its own, with a made-up Python and package tools: nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# What the door may use of a Debian system. A tool that is not here is a tool that it must not need.
TOOLS = (
    *("sh", "env", "id", "dirname", "readlink", "cksum", "cat", "sed", "grep", "tail", "find"),
    *("mkdir", "mv", "rm", "cp", "chmod", "touch", "mktemp", "flock", "sleep", "uname", "tr", "sort"),
)

# Stands in for the builder of the engine image: says how far it is until it is ended, and then clears up.
BUILDER = """
    trap 'sleep 0.2; : >"$FAKE_LOG.cleared"; exit 143' TERM
    : >"$FAKE_LOG.builds"
    echo '31% engine: unpacking tini'
    n=0; while [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
"""

# Stands in for Python: answers its version, makes a "venv", installs a "dockbook" that prints its arguments.
PYTHON = """#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case "$*" in
  -ISc*) echo "${FAKE_VERSION:-3.12}" ;;
  '-Ic import ensurepip'*) exit "${FAKE_ENSUREPIP:-0}" ;;
  '-Im venv '*)
    for folder; do :; done # the last argument
    mkdir -p "$folder/bin" && touch "$folder/pyvenv.cfg" && cp "$0" "$folder/bin/python" ;;
  '-Im pip config list') printf '%s' "${FAKE_PIP_CONFIG:-}" ;;
  '-Im pip install'*'uv<1')
    [ "${FAKE_UV:-none}" != none ] || { echo 'no such package'; exit 1; }
    cp "$(dirname "$FAKE_LOG")/fake-uv" "$(dirname "$0")/uv" ;;
  '-Im pip install'*)
    env | grep '^PIP_' | sort >>"$FAKE_LOG"
    sleep "${FAKE_PIP_SECONDS:-0}"
    [ "${FAKE_PIP:-0}" = 0 ] || { echo 'no network'; exit 1; }
    here=$(dirname "$0")
    printf '#!/bin/sh\\necho "ran: $*"\\n' >"$here/dockbook" && chmod +x "$here/dockbook" ;;
  '-I -S -c '*) BUILDER ;;
esac
""".replace("BUILDER", BUILDER)


# Stands in for uv: notes what it is told, and installs the same "dockbook", unless it is to fail.
UV = """#!/bin/sh
{ echo "uv $*"; env | grep -E '^(UV_|SSL_CERT_FILE|HTTPS?_PROXY)' | sort; } >>"$FAKE_LOG"
[ "$FAKE_UV" = works ] || { echo 'no version of tornado'; exit 1; }
here=$(dirname "$0")
printf '#!/bin/sh\\necho "ran: $*"\\n' >"$here/dockbook" && chmod +x "$here/dockbook"
"""


class Clone:
    """A copy of the door in a folder of its own, and the little world it sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clone = folder / "clone"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.venv = self.clone / ".venv"
        self.clone.mkdir()
        self.bin.mkdir()
        shutil.copy(ROOT / "dockbook", self.clone)
        (self.clone / "pyproject.toml").write_text("[project]\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.tool("python3", PYTHON)
        there = ("mmdebstrap", "newuidmap", "dockerd", "chromium", "shellcheck", "busybox")
        for tool in (*there, "qemu-system-x86_64", "qemu-img", "mke2fs"):
            self.tool(tool, "#!/bin/sh\n")
        self.env = {
            "PATH": str(self.bin),
            "HOME": str(folder),
            "FAKE_LOG": str(self.log),
            "DOCKBOOK_PYTHON": str(self.bin / "python3"),
        }

    def tool(self, name: str, text: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.clone / "dockbook", *arguments],
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def with_lock(self) -> None:
        """As a real clone, it has a list of tested versions; an index has uv where FAKE_UV is set."""
        (self.clone / "requirements").mkdir()
        (self.clone / "requirements" / "lock.txt").write_text("tornado==6.5\n")
        (self.folder / "fake-uv").write_text(UV)
        (self.folder / "fake-uv").chmod(0o755)

    def told(self, prefix: str) -> list[str]:
        """What the tools were told, the lines that begin so."""
        return [line for line in self.log.read_text().splitlines() if line.startswith(prefix)]

    def installs(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("-Im pip install")]


def wait_until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)
