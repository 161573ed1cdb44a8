"""./dockbook, the one door: with a made-up Python and made-up package tools, so that nothing is installed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

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
  '-Im pip install'*)
    env | grep '^PIP_' | sort >>"$FAKE_LOG"
    sleep "${FAKE_PIP_SECONDS:-0}"
    [ "${FAKE_PIP:-0}" = 0 ] || { echo 'no network'; exit 1; }
    here=$(dirname "$0")
    printf '#!/bin/sh\\necho "ran: $*"\\n' >"$here/dockbook" && chmod +x "$here/dockbook" ;;
  '-I -S -c '*) BUILDER ;;
esac
""".replace("BUILDER", BUILDER)


class Door:
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

    def installs(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("-Im pip install")]


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path)


def test_arguments_and_exit_code_are_handed_over(door):
    code, out, err = door.run("check", "two words", "--x=*")
    assert (code, out) == (0, "ran: check two words --x=*\n")
    assert "making the environment" in err


def test_the_second_run_makes_nothing(door):
    door.run("doctor")
    code, out, err = door.run("doctor")
    assert (code, out, err) == (0, "ran: doctor\n", "")
    assert len(door.installs()) == 1


def test_it_works_through_a_symlink_and_from_another_folder(door):
    link = door.folder / "elsewhere"
    link.symlink_to(door.clone / "dockbook")
    result = subprocess.run([link, "x"], cwd="/", env=door.env, capture_output=True, text=True, check=True)
    assert result.stdout == "ran: x\n"
    assert (door.venv / ".dockbook-stamp").exists()


def test_a_changed_pyproject_updates_in_place(door):
    door.run("doctor")
    keep = door.venv / "keep"
    keep.touch()
    (door.clone / "pyproject.toml").write_text("[project]\nname='x'\n")
    _, _, err = door.run("doctor")
    assert "updating the environment" in err
    assert keep.exists()
    assert len(door.installs()) == 2


def test_another_python_remakes_the_environment(door):
    door.run("doctor")
    keep = door.venv / "keep"
    keep.touch()
    _, _, err = door.run("doctor", FAKE_VERSION="3.13")
    assert "making the environment" in err
    assert not keep.exists()


def test_the_test_extra_is_added_and_stays(door):
    door.run("doctor")
    door.run("test")
    assert door.installs()[1].endswith("[test]")
    (door.clone / "pyproject.toml").write_text("changed")
    door.run("doctor")
    assert door.installs()[2].endswith("[test]")


def test_an_interrupted_set_up_is_made_again(door):
    process = door.start("doctor", FAKE_PIP_SECONDS="30")
    deadline = time.monotonic() + 10
    while not door.installs() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (door.venv / ".dockbook-stamp").exists()
    leftover = door.venv / "half-written"
    leftover.touch()
    code, out, _ = door.run("doctor")
    assert (code, out) == (0, "ran: doctor\n")
    assert not leftover.exists()


def test_two_at_once_make_one_environment(door):
    first = door.start("one", FAKE_PIP_SECONDS="1")
    second = door.start("two", FAKE_PIP_SECONDS="1")
    outs = {first.communicate(timeout=30)[0], second.communicate(timeout=30)[0]}
    assert outs == {"ran: one\n", "ran: two\n"}
    assert len(door.installs()) == 1


def test_a_failed_install_says_so_and_is_tried_again(door):
    code, out, err = door.run("doctor", FAKE_PIP="1")
    assert (code, out) == (3, "")
    assert "no network" in err
    assert "Next: check the network" in err
    assert door.run("doctor")[0] == 0


def test_a_folder_with_other_files_is_left_alone(door):
    other = door.folder / "documents"
    other.mkdir()
    (other / "letter").write_text("dear")
    code, _, err = door.run("doctor", DOCKBOOK_VENV=str(other))
    assert code == 3
    assert "holds other files" in err
    assert (other / "letter").read_text() == "dear"


def test_pip_is_told_where_packages_are_and_nothing_else_of_somebodys(door):
    config = (
        "global.extra-index-url='\\nfile:///a\\nfile:///b'\n"
        "global.retries='9'\n"
        "global.target='/elsewhere'\n"
        "install.user='true'\n"
        ":env:.user='1'\n"
    )
    given = {"PIP_USER": "1", "PIP_TARGET": "/x", "PIP_DRY_RUN": "1", "PIP_RETRIES": "7", "PIP_PROXY": "p:1"}
    code, _, _ = door.run("doctor", FAKE_PIP_CONFIG=config, **given)
    assert code == 0
    assert [line for line in door.log.read_text().splitlines() if line.startswith("PIP_")] == [
        "PIP_CONFIG_FILE=/dev/null",
        "PIP_EXTRA_INDEX_URL=file:///a file:///b",
        "PIP_PROXY=p:1",
        "PIP_RETRIES=7",
    ]


def test_what_leads_a_python_astray_does_not_reach_it(door):
    door.tool("locale", "#!/bin/sh\necho ${LC_ALL:-UTF-8}\n")
    door.run("doctor")
    (door.venv / "bin/dockbook").write_text(
        "#!/bin/sh\nenv | grep -v '^PATH\\|^PWD\\|^FAKE\\|^HOME\\|^DOCK\\|^_=' | sort\n"
    )
    given = {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "PYTHONUTF8": "0", "PYTHONUNBUFFERED": "1"}
    given |= {"all_proxy": "socks://p", "https_proxy": "http://p", "LC_ALL": "ASCII", "CDPATH": "/"}
    given |= {"http_proxy": "socks5://p", "SSL_CERT_FILE": "/gone", "CURL_CA_BUNDLE": "/dev"}
    code, out, err = door.run("doctor", **given)
    assert code == 0
    assert out.splitlines() == [
        *("CURL_CA_BUNDLE=/dev", "LANG=ASCII", "LC_CTYPE=C.UTF-8", "PYTHONUNBUFFERED=1"),
        "https_proxy=http://p",
    ]
    assert err.splitlines() == [
        "dockbook: http_proxy is left out: it is not the address of an HTTP proxy",
        "dockbook: SSL_CERT_FILE is left out: there are no certificates in /gone",
    ]


def test_an_environment_that_somebody_made_is_used_not_removed(door):
    subprocess.run([door.bin / "python3", "-Im", "venv", door.venv], env=door.env, check=True)
    (door.venv / "theirs").touch()
    assert door.run("doctor")[0] == 0
    assert (door.venv / "theirs").exists()


def test_dockbook_venv_chooses_the_folder(door):
    assert door.run("doctor", DOCKBOOK_VENV=str(door.folder / "with space"))[0] == 0
    assert (door.folder / "with space/bin/dockbook").exists()
    assert not door.venv.exists()


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.10"])
def test_an_old_python_is_named(door, version):
    # /usr/bin/python3 is tried too and may be new enough on this machine: take it out of this copy.
    script = (door.clone / "dockbook").read_text()
    (door.clone / "dockbook").write_text(script.replace("/usr/bin/python3", "/nowhere/python3"))
    code, out, err = door.run("doctor", FAKE_VERSION=version)
    assert (code, out) == (3, "")
    assert f"found: {version}" in err
    assert "Next: install one with your system's package manager, or set DOCKBOOK_PYTHON" in err


@pytest.mark.parametrize(
    ("tool", "says", "step"),
    [
        ("apt-get", "", "sudo apt-get install python3.11 python3.11-venv"),
        ("uname", "Darwin", "brew install python@3.13"),
    ],
)
def test_where_a_newer_python_comes_from(door, tool, says, step):
    script = (door.clone / "dockbook").read_text()
    (door.clone / "dockbook").write_text(script.replace("/usr/bin/python3", "/nowhere/python3"))
    (door.bin / tool).unlink(missing_ok=True)
    door.tool(tool, f"#!/bin/sh\necho {says}\n")
    code, _, err = door.run("doctor", FAKE_VERSION="3.9")
    assert code == 3
    assert f"Next: {step}, or set DOCKBOOK_PYTHON" in err


class TestPackages:
    """System packages: only what is missing, installed only where root or sudo allows."""

    @pytest.fixture(autouse=True)
    def machine(self, door):
        door.tool("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$FAKE_LOG"\nexit "${FAKE_APT:-0}"\n')
        door.tool(
            "sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 9\n[ "${FAKE_SUDO:-0}" = 0 ] || exit 1\nshift\n"$@"\n'
        )
        door.tool("id", '#!/bin/sh\necho "${FAKE_UID:-1000}"\n')
        door.tool("true", "#!/bin/sh\n")
        for name in ("newuidmap", "chromium"):
            (door.bin / name).unlink()
        script = (door.clone / "dockbook").read_text()
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (door.clone / "dockbook").write_text(script.replace(keyring, str(door.clone)))
        os_release = door.folder / "os-release"
        os_release.write_text("ID=debian\n")
        script = (door.clone / "dockbook").read_text()
        (door.clone / "dockbook").write_text(script.replace("/etc/os-release", str(os_release)))

    def calls(self, door):
        return [line for line in door.log.read_text().splitlines() if line.startswith("apt-get")]

    def test_without_sudo_the_exact_line_is_printed(self, door):
        code, out, err = door.run("test", FAKE_SUDO="1")
        assert (code, out) == (3, "")
        assert "Next: sudo apt-get install --no-install-recommends uidmap chromium" in err
        assert self.calls(door) == []

    @pytest.mark.parametrize("uid", ["0", "1000"])
    def test_root_and_sudo_install_what_is_missing(self, door, uid):
        assert door.run("lab", FAKE_UID=uid)[0] == 0
        assert self.calls(door) == ["apt-get -q install -y --no-install-recommends uidmap"]

    def test_a_virtual_machine_needs_qemu(self, door):
        (door.bin / "qemu-system-x86_64").unlink()
        (door.bin / "qemu-img").unlink()
        assert door.run("lab", "--boot", "vm")[0] == 0
        wanted = "uidmap qemu-system-x86 qemu-utils"
        assert self.calls(door) == [f"apt-get -q install -y --no-install-recommends {wanted}"]

    @pytest.mark.parametrize(
        ("arguments", "works", "docker", "qemu"),
        [
            (("lab",), False, False, True),
            (("engine", "run", "--", "true"), False, False, True),
            (("lab",), True, False, False),
            (("lab",), False, True, False),
            (("lab", "--boot", "sandbox"), False, False, False),
            (("grade", "ch01"), False, False, False),
        ],
    )
    def test_where_nothing_else_works_it_is_a_virtual_machine(self, door, arguments, works, docker, qemu):
        script = (door.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)
        for tool in ("qemu-system-x86_64", "qemu-img"):
            (door.bin / tool).unlink()
        door.tool("unshare", f"#!/bin/sh\nexit {0 if works else 1}\n")
        if docker:
            door.tool("docker", "#!/bin/sh\n")
        assert door.run(*arguments)[0] == 0
        assert ("qemu-system-x86" in self.calls(door)[0]) is qemu

    @pytest.mark.parametrize(("uid", "pretends"), [("0", False), ("1000", True)])
    def test_who_is_neither_root_nor_may_make_namespaces_pretends(self, door, uid, pretends):
        script = (door.clone / "dockbook").read_text()
        for place in ("/var/run/docker.sock", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)
        door.tool("unshare", "#!/bin/sh\nexit 1\n")
        assert door.run("lab", FAKE_UID=uid)[0] == 0
        (call,) = self.calls(door)
        assert call.endswith("recommends fakechroot fakeroot" if pretends else "recommends uidmap")

    def test_where_a_docker_carries_the_engine_nothing_is_built_here(self, door):
        # The path of a socket has at most 108 bytes.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/docker.sock")
            script = (door.clone / "dockbook").read_text()
            script = script.replace("/var/run/docker.sock", f"{folder}/docker.sock")
            script = script.replace("/proc/sys/kernel/apparmor_restrict", f"{folder}/nothing")
            (door.clone / "dockbook").write_text(script)
            door.tool("unshare", "#!/bin/sh\nexit 1\n")
            assert door.run("lab", FAKE_SUDO="1")[0] == 0
            code, _, err = door.run("lab", "--boot", "sandbox", FAKE_SUDO="1")
            assert code == 3 and "these system packages are missing" in err

    def test_stale_lists_are_renewed_once(self, door):
        code, _, err = door.run("lab", FAKE_APT="100")
        assert code == 3
        assert "could not install: uidmap" in err
        assert [line.split()[2] for line in self.calls(door)] == ["install", "update"]

    @pytest.mark.parametrize(
        "arguments", [("doctor",), ("lab", "--help"), ("lab", "--boot", "host"), ("engine", "status"), ()]
    )
    def test_what_needs_no_engine_needs_no_packages(self, door, arguments):
        assert door.run(*arguments, FAKE_SUDO="1")[0] == 0

    def test_a_python_without_ensurepip_gets_its_venv_package(self, door):
        _, _, err = door.run("doctor", FAKE_SUDO="1", FAKE_ENSUREPIP="1")
        assert "Next: sudo apt-get install --no-install-recommends python3.12-venv" in err

    def test_ubuntu_gets_no_chromium_package(self, door):
        (door.folder / "os-release").write_text("ID=ubuntu\n")
        assert door.run("test")[0] == 0
        assert "chromium" not in self.calls(door)[0]

    def test_elsewhere_nothing_is_installed(self, door):
        (door.bin / "apt-get").unlink()
        assert door.run("lab", FAKE_SUDO="1")[0] == 0


def test_the_door_names_no_place_of_one_machine():
    text = (ROOT / "dockbook").read_text() + (ROOT / ".ci/run").read_text()
    assert "/home/" not in text
    assert "/root" not in text
    assert not re.search(r"://\w", text)


class TestWhileItTakesMinutes:
    """The engine image is begun while pip is at work; what is done is shown; all can be interrupted."""

    @pytest.fixture(autouse=True)
    def machine(self, door: Door) -> None:
        door.tool("unshare", "#!/bin/sh\n")
        door.tool("true", "#!/bin/sh\n")
        script = (door.clone / "dockbook").read_text()
        for place in ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "/usr/share/keyrings"):
            script = script.replace(place, str(door.folder / "nothing"))
        (door.clone / "dockbook").write_text(script)

    def begun(self, door: Door) -> bool:
        return door.log.with_suffix(".builds").exists()

    def cleared(self, door: Door) -> bool:
        return door.log.with_suffix(".cleared").exists()

    def test_the_command_that_the_script_becomes_has_the_builder_as_its_child(self, door: Door) -> None:
        command = '#!/bin/sh\\nps -o ppid= -p "$DOCKBOOK_IMAGE_BUILDER"; kill "$DOCKBOOK_IMAGE_BUILDER"\\n'
        python = (door.bin / "python3").read_text().replace('#!/bin/sh\\necho "ran: $*"\\n', command)
        door.tool("python3", python)
        (door.bin / "ps").symlink_to(str(shutil.which("ps")))
        process = door.start("lab", FAKE_PIP_SECONDS="0.5")
        out, _ = process.communicate(timeout=30)
        assert out.strip() == str(process.pid)

    @pytest.mark.parametrize(
        "arguments",
        [
            *(("doctor",), ("lab", "--help"), ("lab", "--boot", "host"), ("engine", "status")),
            *(("engine", "build", "--rebuild"), ("engine", "build", "--suite", "forky")),
        ],
    )
    def test_what_needs_no_image_or_another_one_begins_none(
        self, door: Door, arguments: tuple[str, ...]
    ) -> None:
        assert door.run(*arguments)[0] == 0
        assert not self.begun(door)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    @pytest.mark.parametrize("whom", [os.kill, os.killpg])
    def test_an_interrupt_ends_both_and_says_what_it_waits_for(
        self, door: Door, number: int, code: int, whom: Callable[[int, int], None]
    ) -> None:
        process = door.start("lab", FAKE_PIP_SECONDS="60")
        wait_until(lambda: self.begun(door) and bool(door.installs()))
        whom(process.pid, number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, "")
        assert "waiting until the unfinished engine image is cleared away" in err
        assert "Terminated" not in err
        assert self.cleared(door)
        assert not (door.venv / ".dockbook-stamp").exists()
        assert not (door.venv / ".dockbook-scratch").exists()

    def test_a_pip_that_fails_ends_the_builder_and_has_the_words(self, door: Door) -> None:
        code, out, err = door.run("lab", FAKE_PIP="1", FAKE_PIP_SECONDS="1")
        assert (code, out) == (3, "")
        assert "no network" in err and "Next: check the network" in err
        assert self.begun(door) and self.cleared(door)

    @pytest.mark.parametrize("columns", [40, 80])
    def test_a_terminal_has_one_line_that_moves(self, door: Door, columns: int) -> None:
        python = (door.bin / "python3").read_text()
        libraries = (
            "echo Collecting a; echo Collecting b; sleep 1; echo 'Installing collected packages: b, a'\n"
            'mkdir -p "$FAKE_VENV/lib/python3.12/site-packages/a-1.dist-info"; sleep 1\n'
        )
        door.tool("python3", python.replace('    sleep "${FAKE_PIP_SECONDS:-0}"\n', libraries))
        (door.bin / "stty").symlink_to(str(shutil.which("stty")))
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [door.clone / "dockbook", "lab"],
            env=door.env | {"FAKE_VENV": str(door.venv)},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more
            while data := os.read(ours, 4096):
                shown += data
                if b"1/2" in shown:
                    os.killpg(process.pid, signal.SIGTERM)
        os.close(ours)
        process.wait(30)
        lines = [line.removeprefix("\x1b[K") for line in shown.decode().replace("\n", "\r").split("\r")]
        moving = [line for line in lines if line.startswith("libraries")]
        wanted = "libraries: 1/2; engine image: 31% engine: unpacking tini"
        assert moving[-1] == wanted[: columns - 1]
        assert any(line.startswith("libraries: 2 fetched; engine image: 3") for line in moving)


def wait_until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)
