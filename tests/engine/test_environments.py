"""The table of environments, lived in; and a clone under a name and a umask that few try."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine import sandbox
from grader.engine.choose import open_engine
from grader.engine.doctor.rehearsal import rehearse
from grader.engine.image.engine_image import find_image
from tests.engine.environments import ENGINES, LABS, QUICK, Environment
from tests.engine.kernels import Notebook
from tests.users import Session, User, ordinary_user

ROOT = Path(__file__).resolve().parents[2]
LAB_S = 240


@pytest.fixture(scope="module")
def user() -> User:
    return ordinary_user()


@pytest.fixture(scope="module")
def with_image(engine_image: None, user: User) -> None:
    """The user has an engine image."""
    user.ensure_image()


@pytest.fixture
def here() -> Iterator[Path]:
    """A folder that whoever lives in an environment may write in; its path is short, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="dkb-env-", dir="/var/tmp"))
    folder.chmod(0o777)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def script(one: Environment, here: Path, command: str) -> str:
    return (
        f"HERE={shlex.quote(str(here))} PORT={free_port()}\nexport HERE PORT\n{one.setup}\n"
        f"{shlex.quote(str(ROOT / 'dockbook'))} {command}"
    )


def session(user: User, one: Environment, text: str) -> list[str]:
    """The command line of a login session in which a script runs, with the environment's own mounts."""
    command = user.command(["sh", "-c", text])
    if not one.mounts:
        return command
    assert os.geteuid() == 0, "only root can mount what this environment has; run these tests as root"
    # What is mounted over a folder above the clone would hide it.
    tree, aside = shlex.quote(str(ROOT)), shlex.quote(tempfile.mkdtemp(prefix="dkb-clone-", dir="/run"))
    keep = f"mount --bind {tree} {aside}; {one.mounts}; mkdir -p {tree}; mountpoint -q {tree}"
    keep = f"{keep} || [ -e {tree}/dockbook ] || mount --bind {aside} {tree}; umount {aside}; rmdir {aside}"
    mount = f"HOME={shlex.quote(user.home)}; {keep}; exec " + shlex.join(command)
    return ["unshare", "--mount", "sh", "-euc", mount]


def live(user: User, one: Environment, here: Path) -> tuple[int, str]:
    """How the command ended, and all that it said."""
    process = user.start(
        session(user, one, script(one, here, one.command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        try:
            said = process.communicate(timeout=LAB_S)[0]
        except BaseException:
            process.end()
            raise
    return process.returncode, said


def check(one: Environment, here: Path, code: int, said: str) -> None:
    assert code == one.code, said
    for words in one.reads:
        assert words.replace("$HERE", str(here)) in said, said
    assert "Traceback" not in said, said
    assert "Not checked" not in said, said


@pytest.mark.parametrize("one", QUICK, ids=lambda one: one.name)
def test_a_command_works_or_says_what_to_do(user: User, here: Path, one: Environment) -> None:
    check(one, here, *live(user, one, here))


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, marks=[pytest.mark.root] if one.mounts else []) for one in ENGINES],
    ids=[one.name for one in ENGINES],
)
def test_an_engine_starts(with_image: None, user: User, here: Path, one: Environment) -> None:
    check(one, here, *live(user, one, here))


def read_address(process: Session) -> str:
    """The address that a lab prints; its last words where it ends without one."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if line.startswith("JupyterLab: "):
            return line.removeprefix("JupyterLab: ").strip()
    raise AssertionError(said)


@pytest.mark.parametrize("one", LABS, ids=lambda one: one.name)
def test_a_lab_comes_up_and_takes_its_token(
    with_image: None, user: User, here: Path, one: Environment
) -> None:
    process = user.start(
        session(user, one, script(one, here, one.command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        try:
            address = read_address(process)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(address.replace("/lab?", "/api/kernelspecs?"), timeout=30) as answer:
                assert json.load(answer)["default"] == "python3"
        finally:
            process.end()


# ---- a clone


CLONE = r"""
set -eu
clone=$1 tree=$2 python=$3 libraries=$4
umask 077
mkdir "$clone"
cd "$tree"
tar -cf - --exclude=__pycache__ dockbook dockbook_entry.py pyproject.toml grader course |
  tar -C "$clone" --no-same-permissions -xf -
cd "$clone"
"$python" -m venv --without-pip .venv
printf '%s\n' "$clone" "$libraries" >"$(echo .venv/lib/python3*/site-packages)/clone.pth"
cat >.venv/bin/dockbook <<EOF
#!/bin/sh
exec "$clone/.venv/bin/python" -c 'import sys
from dockbook_entry import main
sys.exit(main())' "\$@"
EOF
chmod +x .venv/bin/dockbook
key=$({ cat pyproject.toml && printf '%s' "$clone"; } | cksum)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
printf '%s\n' "$key" base "$version" >.venv/.dockbook-stamp
"""
"""What a clone and the first run of its script come to, without the network: these tests' own libraries."""


@pytest.fixture(scope="module")
def clone(user: User) -> Iterator[Path]:
    """A clone that is its owner's alone, as under a umask of 077, at a path with a space and an umlaut."""
    folder = Path(tempfile.mkdtemp(prefix="dkb-clone-", dir="/var/tmp"))
    os.chown(folder, user.uid, user.gid)
    place = folder / "Kurs für Ann"
    python, libraries = os.path.realpath(sys.executable), sysconfig.get_path("purelib")
    done = user.run(["sh", "-c", CLONE, "sh", str(place), str(ROOT), python, libraries])
    assert done.returncode == 0, done.stderr
    yield place
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("language", ["C", "C.UTF-8", "de_DE.ISO-8859-1"])
def test_a_clones_path_is_read_in_every_language(user: User, clone: Path, language: str) -> None:
    script = f"LC_ALL={language} ./dockbook status --workspace /nonexistent"
    done = user.run(["sh", "-c", script], cwd=str(clone))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("dockbook: There is no workspace at /nonexistent.")


def test_what_only_its_owner_may_read_is_imported_inside(
    engine_image: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A clone made under a umask of 077: the student's kernel is another user, and has the package all the
    same. Without, every cell fails there, and the student has no points for it."""
    before = os.umask(0o077)
    try:
        parts = {}
        for name, path in sandbox.student_parts().items():
            parts[name] = tmp_path / name
            parts[name].parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, parts[name], copy_function=shutil.copyfile)
            else:
                shutil.copyfile(path, parts[name])
        for path in tmp_path.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        monkeypatch.setattr(sandbox, "student_parts", lambda: parts)
        with open_engine("sandbox") as engine, Notebook(engine.start_kernel()) as notebook:
            assert notebook.run("import grader.notebook.extension, grader.expect; print('here')") == "here\n"
    finally:
        os.umask(before)


# ---- what the doctor tries


def test_the_rehearsal_leaves_nothing(engine_image: None) -> None:
    from grader.engine.running_engines import running

    before = {one.id for one in running()}
    assert rehearse(find_image()) is None
    assert {one.id for one in running() if one.label == "doctor"} <= before


def test_a_relay_that_cannot_enter_is_what_the_rehearsal_says(
    engine_image: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.engine.sandbox import Sandbox

    nowhere = {"user": "/proc/self/ns/pid", "net": "/proc/self/ns/net"}
    monkeypatch.setattr(Sandbox, "namespaces", lambda _: nowhere)
    said = rehearse(find_image())
    assert said is not None
    assert said.startswith("The process that forwards published ports did not start: ")
