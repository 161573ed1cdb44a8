"""The docker command's contexts in made-up folders: found as it finds them, and what a broken one says."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from grader.engine.docker_context import DEFAULT_SOCKET, DockerContext, current_context
from grader.engine.endpoint import DockerHost, find_docker_host, reach, tls_variables
from grader.errors import EngineUnavailable
from grader.variables import DOCKER_TLS

HOST = "tcp://lab.example:2376"


class Home:
    """A home with ~/.docker, in which a test makes contexts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.docker = folder / ".docker"
        self.docker.mkdir()
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", *DOCKER_TLS):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(folder))

    def use(self, name: str) -> None:
        (self.docker / "config.json").write_text(json.dumps({"currentContext": name}))

    def meta(self, name: str) -> Path:
        return self.docker / "contexts/meta" / sha256(name.encode()).hexdigest() / "meta.json"

    def certificates(self, name: str) -> Path:
        return self.docker / "contexts/tls" / sha256(name.encode()).hexdigest() / "docker"

    def make(self, name: str, *certificates: str, **endpoint: Any) -> None:
        """A context, in the docker command's own form, with these files for TLS."""
        self.meta(name).parent.mkdir(parents=True)
        endpoints = {"docker": {"Host": HOST, "SkipTLSVerify": False} | endpoint}
        self.meta(name).write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))
        for one in certificates:
            self.certificates(name).mkdir(parents=True, exist_ok=True)
            (self.certificates(name) / one).touch()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def refused() -> EngineUnavailable:
    with pytest.raises(EngineUnavailable) as caught:
        find_docker_host()
    return caught.value


@pytest.mark.parametrize("config", [None, "{}", "{broken", "[]", '{"currentContext": "default"}'])
def test_without_a_context_it_is_the_default(home: Home, config: str | None) -> None:
    if config is not None:
        (home.docker / "config.json").write_text(config)
    assert current_context() == DockerContext("default", "", DEFAULT_SOCKET)


def test_the_context_in_use_is_the_configured_one_or_that_of_the_environment(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.make("server")
    home.make("laptop", Host="unix:///laptop.sock")
    home.use("server")
    assert current_context() == DockerContext("server", "config.json", HOST)
    monkeypatch.setenv("DOCKER_CONTEXT", "laptop")
    assert current_context() == DockerContext("laptop", "DOCKER_CONTEXT", "unix:///laptop.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert current_context() == DockerContext()


def test_another_configuration_folder_hides_that_of_the_home(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.make("server")
    home.use("server")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    assert current_context() == DockerContext()


@pytest.mark.parametrize(
    ("skip", "variable"), [(False, "DOCKER_TLS_VERIFY"), (True, "DOCKER_TLS")], ids=["verify", "trust"]
)
def test_a_context_with_certificates_is_reached_over_tls(home: Home, skip: bool, variable: str) -> None:
    home.make("server", "ca.pem", "cert.pem", "key.pem", SkipTLSVerify=skip)
    home.use("server")
    tls = {"DOCKER_CERT_PATH": str(home.certificates("server")), variable: "1"}
    assert find_docker_host() == DockerHost(HOST, tls)
    # A lab's own commands are given these variables, and find the same again.
    assert tls_variables({"DOCKER_HOST": HOST, **tls}) == tls


def test_variables_for_tls_need_no_context() -> None:
    assert tls_variables({"DOCKER_CERT_PATH": "/x"}) == {}, "nor does `docker` use them alone"
    assert tls_variables({"DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": "/x"}) == {}
    assert tls_variables({"DOCKER_TLS_VERIFY": "1"}) == {"DOCKER_TLS_VERIFY": "1"}


@pytest.mark.parametrize("there", [["ca.pem"], ["ca.pem", "cert.pem"]])
def test_an_incomplete_set_of_certificates_is_not_ignored(home: Home, there: list[str]) -> None:
    home.make("server", *there)
    home.use("server")
    error = refused()
    missing = " and no ".join(one for one in ("ca.pem", "cert.pem", "key.pem") if one not in there)
    assert f"{home.certificates('server')} has no {missing}." in error.what
    assert "create it again; or `docker context use default`" in error.next_step


BROKEN = {
    "not JSON": ("{broken", "Expecting property name"),
    "empty": ("", "Expecting value"),
    "not a dictionary": ("[1]", "list"),
    "no endpoints": ('{"Name": "server", "Metadata": {}}', "it has no 'Endpoints'"),
    "no metadata": (
        '{"Name": "server", "Endpoints": {"docker": {"Host": "unix:///x"}}}',
        "it has no 'Metadata'",
    ),
    "an endpoint of another kind": ('{"Name": "server", "Metadata": {}, "Endpoints": {"docker": 1}}', "int"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_damaged_context_names_the_file_and_the_way_out(
    home: Home, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    content, reason = BROKEN[case]
    home.make("server")
    home.use("server")
    home.meta("server").write_text(content)
    error = refused()
    assert error.what.startswith("The Docker context 'server', named by config.json, cannot be read: ")
    assert f"{home.meta('server')} is damaged (" in error.what and reason in error.what
    assert error.next_step == (
        "`docker context rm --force server`, then create it again; "
        "or `docker context use default` to return to the default."
    )
    monkeypatch.setenv("DOCKER_CONTEXT", "server")
    assert refused().next_step.endswith("; or unset DOCKER_CONTEXT to return to the default.")


@pytest.mark.parametrize("endpoints", [{"kubernetes": {"Host": "https://x"}}, {"docker": {"Host": ""}}])
def test_a_context_that_leads_nowhere(home: Home, endpoints: dict[str, Any]) -> None:
    home.make("server")
    home.use("server")
    home.meta("server").write_text(json.dumps({"Name": "server", "Metadata": {}, "Endpoints": endpoints}))
    assert f"has no address for Docker in {home.meta('server')}." in refused().what


def test_a_name_that_does_not_exist_is_said_with_who_named_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.use("lost")
    error = refused()
    assert error.what == (
        "The Docker context 'lost', named by config.json, does not exist: there is none of that name in "
        f"{home.docker}/contexts."
    )
    assert error.next_step == (
        "`docker context ls` lists all; or `docker context use default` to return to the default."
    )
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert "'gone', named by DOCKER_CONTEXT, does not exist" in refused().what
    assert "unset DOCKER_CONTEXT" in refused().next_step


def test_without_config_json_no_other_folder_is_read(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """docker-py would read `contexts` in the current folder, whoever made that."""
    home.make("server")
    monkeypatch.setenv("DOCKER_CONTEXT", "server")
    monkeypatch.chdir(home.docker)
    error = refused()
    assert f"next to config.json, and {home.docker} has none" in error.what
    assert "`docker context use server` writes one; or unset DOCKER_CONTEXT" in error.next_step


def test_an_engine_answers_over_tls_with_a_contexts_certificates(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # requests would take these before docker-py's
    home.make("server", "ca.pem", "cert.pem", "key.pem")
    home.use("server")
    files = home.certificates("server")
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    alternative = ("-addext", "subjectAltName=DNS:localhost")
    into = ("-keyout", files / "key.pem", "-out", files / "cert.pem")
    subprocess.run([*make.split(), *alternative, *into], check=True, capture_output=True)
    (files / "ca.pem").write_bytes((files / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    context.load_verify_locations(files / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED  # as dockerd with --tlsverify
    server = ThreadingHTTPServer(("127.0.0.1", 0), Version)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"tcp://localhost:{server.server_port}"
        assert reach(address, find_docker_host().tls).engine_version == "28.1"
        assert reach(address).trouble == "not-docker"
    finally:
        server.shutdown()
        server.server_close()


class Version(BaseHTTPRequestHandler):
    """What an engine says of itself."""

    def do_GET(self) -> None:
        body = b'{"Version": "28.1", "ApiVersion": "1.49"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
