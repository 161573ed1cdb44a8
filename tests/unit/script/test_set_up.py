"""./dockbook, the one door: what it hands over, and the environment that it makes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from tests.unit.script.clone import ROOT


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


def test_uv_installs_the_tested_versions_and_is_told_what_pip_is(door):
    door.with_lock()
    config = "global.extra-index-url='file:///a\\nfile:///b'\nglobal.find-links='/w /v'\nglobal.cert='/ca'\n"
    given = {"UV_INDEX": "/theirs", "UV_DRY_RUN": "1", "PIP_PROXY": "http://p:1", "FAKE_UV": "works"}
    code, out, _ = door.run("doctor", FAKE_PIP_CONFIG=config, **given)
    assert (code, out) == (0, "ran: doctor\n")
    (asked,) = door.told("uv ")
    lock = f"--constraint {door.clone}/requirements/lock.txt"
    assert f"--python {door.venv}/bin/python {lock} --editable {door.clone}" in asked
    assert door.told("HTTP") == ["HTTPS_PROXY=http://p:1", "HTTP_PROXY=http://p:1"]
    assert door.told("SSL_") == ["SSL_CERT_FILE=/ca"]
    assert door.told("UV_") == [
        "UV_FIND_LINKS=/w,/v",
        "UV_INDEX=file:///a file:///b",
        "UV_INDEX_STRATEGY=unsafe-best-match",
        "UV_NO_CONFIG=1",
        "UV_PYTHON_DOWNLOADS=never",
        "UV_SYSTEM_CERTS=true",
    ]
    assert len(door.installs()) == 1, "pip installed uv, and nothing else"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"FAKE_UV": "fails"}, 1),
        ({"FAKE_UV": "none"}, 0),
        ({"FAKE_UV": "works", "PIP_CLIENT_CERT": "/mine"}, 0),
        ({"FAKE_UV": "works", "PIP_KEYRING_PROVIDER": "import"}, 0),
    ],
)
def test_where_uv_does_not_do_pip_does(door, given, asked):
    door.with_lock()
    code, out, err = door.run("doctor", **given)
    assert (code, out) == (0, "ran: doctor\n"), err
    assert len(door.told("uv ")) == asked
    assert f"--constraint {door.clone}/requirements/lock.txt" in door.installs()[-1]


def test_a_failure_of_both_is_told_in_pips_words(door):
    door.with_lock()
    code, _, err = door.run("doctor", FAKE_UV="fails", FAKE_PIP="1")
    assert code == 3
    assert "no network" in err and "tornado" not in err


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


def test_the_door_names_no_place_of_one_machine():
    text = (ROOT / "dockbook").read_text() + (ROOT / ".ci/run").read_text()
    assert "/home/" not in text
    assert "/root" not in text
    assert not re.search(r"://\w", text)
