"""What of somebody's environment stays out, and that a command runs in what others would stumble over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import dockbook_entry
from grader.environment import holds_certificates, tidy, tools, without_jupyter

DOCKBOOK = Path(sys.executable).with_name("dockbook")


def tidied(**environment: str) -> dict[str, str]:
    return tidy(
        {"HOME": "/h", "LANG": "C.UTF-8"} | environment, usable=lambda path: path == "/there"
    ).variables


@pytest.mark.parametrize(
    "name",
    [
        *("PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONINSPECT"),
        *("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONOFNEXTYEAR"),
        *("PIP_USER", "PIP_TARGET", "all_proxy", "ALL_PROXY"),
    ],
)
def test_what_leads_astray_is_left_out(name):
    assert name not in tidied(**{name: "socks://x"})


@pytest.mark.parametrize("name", ["PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE", "PIP_INDEX_URL", "EDITOR"])
def test_what_does_no_harm_stays(name):
    assert tidied(**{name: "x"})[name] == "x"


@pytest.mark.parametrize(
    "value", ["http://proxy:3128", "https://u:p@proxy", "proxy:3128", "http://[::1]:8080/"]
)
def test_an_http_proxy_stays_and_none_stands_before_this_machine(value):
    env = tidied(http_proxy=value)
    assert env["http_proxy"] == value
    assert env["no_proxy"] == env["NO_PROXY"] == "127.0.0.1,localhost"


@pytest.mark.parametrize(
    "value", ["socks://proxy:1080", "socks5h://proxy", "http://[bad", "http://proxy:port", "//x"]
)
@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ftp_proxy"])
def test_another_proxy_is_left_out_and_named(name, value):
    found = tidy({"HOME": "/h", "LANG": "C.UTF-8", name: value})
    assert name not in found.variables
    assert "no_proxy" not in found.variables
    assert found.left_out == (f"{name} is left out: {value} is not the address of an HTTP proxy",)


def test_a_password_is_not_told():
    (line,) = tidy({"https_proxy": "socks5://me:secret@proxy"}).left_out
    assert "secret" not in line


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"no_proxy": "example.org, 10.0.0.0/8"}, "example.org,10.0.0.0/8,127.0.0.1,localhost"),
        ({"NO_PROXY": "localhost,::1"}, "localhost,::1,127.0.0.1"),
        ({"no_proxy": "*"}, "*"),  # only alone does it mean everything
        ({"no_proxy": ""}, "127.0.0.1,localhost"),
        (
            {"no_proxy": "[::1],.ü.de,::1,a:8080,10.0.0.0/8"},
            "::1,.xn--tda.de,a:8080,10.0.0.0/8,127.0.0.1,localhost",
        ),
    ],
)
def test_what_needs_no_proxy_already_is_kept(given, wanted):
    env = tidied(https_proxy="http://proxy:3128", **given)
    assert (env["no_proxy"], env["NO_PROXY"]) == (wanted, wanted)


@pytest.mark.parametrize("entry", ["fe80::/10", "::1/128", "a b", "http://x"])
def test_what_some_library_ends_at_is_left_out_of_no_proxy(entry):
    found = tidy({"http_proxy": "http://p", "no_proxy": f"a,{entry}"})
    assert found.variables["no_proxy"] == "a,127.0.0.1,localhost"
    why = "it is neither a host name nor an IPv4 address"
    assert found.left_out == (f"{entry} is left out of no_proxy: {why}",)


def test_every_no_proxy_that_stays_is_one_for_jupyterlabs_library(monkeypatch):
    given = "localhost,127.0.0.0/8,::1,[::1],fe80::/10,*.local,.local,*,ü.de,a:1,x y,,10.0.0.0/33, b"
    for name, value in tidy({"http_proxy": "http://p:1", "no_proxy": given}).variables.items():
        monkeypatch.setenv(name, value)
    httpx.AsyncClient()


def test_a_key_log_that_cannot_be_written_is_left_out(tmp_path):
    assert "SSLKEYLOGFILE" in tidied(SSLKEYLOGFILE=str(tmp_path / "keys"))
    found = tidy({"SSLKEYLOGFILE": "/nonexistent/keys"})
    assert "SSLKEYLOGFILE" not in found.variables
    assert found.left_out == ("SSLKEYLOGFILE is left out: /nonexistent/keys cannot be written",)


def test_a_file_without_certificates_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "notes").write_text("certificates")
    assert [holds_certificates(str(tmp_path / name)) for name in ("ca.pem", "notes", "gone", ".")] == [
        *(True, False, False, True)
    ]


def test_an_http_proxy_for_everything_is_one_for_http():
    env = tidied(all_proxy="http://proxy:3128")
    assert (env["http_proxy"], env["https_proxy"]) == ("http://proxy:3128",) * 2


def test_without_a_proxy_nothing_is_said_of_one():
    # On macOS, `no_proxy` alone would switch the system's own proxies off.
    assert not [name for name in tidied() if name.lower().endswith("_proxy")]


def test_certificates_that_are_not_there_are_left_out_and_named():
    found = tidy(
        {"SSL_CERT_FILE": "/there", "REQUESTS_CA_BUNDLE": "/gone", "SSL_CERT_DIR": "/gone:/there"},
        usable=lambda path: path == "/there",
    )
    assert found.variables.keys() >= {"SSL_CERT_FILE", "SSL_CERT_DIR"}
    assert found.left_out == ("REQUESTS_CA_BUNDLE is left out: there are no certificates in /gone",)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"LC_ALL": "C"}, {"LANG": "C", "LC_CTYPE": "C.UTF-8"}),
        ({"LC_ALL": "de_DE.ISO-8859-1"}, {"LANG": "de_DE.ISO-8859-1", "LC_CTYPE": "C.UTF-8"}),
        ({"LANG": "de_DE"}, {"LANG": "de_DE", "LC_CTYPE": "C.UTF-8"}),
        ({"LANG": "C", "LC_ALL": "de_DE.UTF-8"}, {"LANG": "C", "LC_ALL": "de_DE.UTF-8"}),
        ({"LANG": "", "LC_CTYPE": "en_US.utf8"}, {"LANG": "", "LC_CTYPE": "en_US.utf8"}),
    ],
)
def test_text_is_utf_8(given, wanted, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert tidy({"HOME": "/h"} | given).variables == {"HOME": "/h"} | wanted


def test_home_is_there_and_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert tidy({"HOME": "x"}).variables["HOME"] == str(tmp_path / "x")
    assert Path(tidy({}).variables["HOME"]).is_absolute()


def test_tools_get_nothing_that_steers_them():
    steering = (
        "TAR_OPTIONS",
        "PERL5OPT",
        "APT_CONFIG",
        "LD_PRELOAD",
        "DOCKER_HOST",
        "LANGUAGE",
        "LC_ALL",
        "LANG",
    )
    env = tools(
        {"PATH": "/bin", "http_proxy": "http://p:1", "DOCKBOOK_CACHE": "/c"} | dict.fromkeys(steering, "x")
    )
    assert env.keys() - {"HOME"} == {"PATH", "http_proxy", "no_proxy", "NO_PROXY", "DOCKBOOK_CACHE", "LC_ALL"}
    assert env["LC_ALL"] == "C.UTF-8"


def test_another_jupyters_settings_stay_out():
    foreign = ("JUPYTER_CONFIG_PATH", "JUPYTER_TOKEN", "JUPYTERLAB_DIR", "JUPYTER_GATEWAY_URL", "IPYTHONDIR")
    assert without_jupyter(dict.fromkeys(foreign, "x") | {"PATH": "/bin"}) == {"PATH": "/bin"}


def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DOCKBOOK, *argv], env=os.environ | env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", ["grader", "click", "docker", "json"])
def test_a_module_of_somebody_elses_is_not_taken_for_ours(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("raise SystemExit('not mine')")
    done = run("--version", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_folder_that_it_is_in_may_be_named_there_too(tmp_path):
    done = run("--version", PYTHONPATH=f"{tmp_path}:{Path(dockbook_entry.__file__).parent}")
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_standard_streams_are_no_harm():
    script = f'"{DOCKBOOK}" engine run --help <&-; "{DOCKBOOK}" --version >&- 2>&-'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage" in done.stdout
