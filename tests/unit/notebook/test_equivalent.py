"""For each call of the Engine API the command that does the same; and calls that are none."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.notebook.equivalent import _RULES, Request, equivalent, without_version
from tests.unit.notebook.test_command_line import JUNK

ID = "0123456789ab" + "c" * 52
NAMES = {ID: "web"}


def said(
    method: str, path: str, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
) -> str:
    return equivalent(Request(method, path, query or {}, body or {}, NAMES))


CASES: list[tuple[str, str, dict[str, str], dict[str, Any], str]] = [
    (
        "POST",
        "/containers/create",
        {"name": "web"},
        {"Image": "busybox", "Cmd": ["echo", "a b"], "HostConfig": {"AutoRemove": True}},
        "docker create --rm --name web busybox echo 'a b'",
    ),
    (
        "POST",
        "/containers/create",
        {},
        {
            "Image": "busybox",
            "HostConfig": {"NetworkMode": "net"},
            "NetworkingConfig": {"EndpointsConfig": {"net": {"Aliases": ["a"]}}},
        },
        "docker create --network net --network-alias a busybox",
    ),
    ("GET", "/containers/json", {}, {}, "docker ps"),
    (
        "GET",
        "/containers/json",
        {"all": "1", "size": "true", "limit": "2", "filters": '{"name": ["web"], "status": ["exited"]}'},
        {},
        "docker ps --all --size --last 2 --filter name=web --filter status=exited",
    ),
    (
        "GET",
        "/containers/json",
        {"limit": "-1", "filters": '{"label": {"a=b": true}}', "all": "0"},
        {},
        "docker ps --filter label=a=b",
    ),
    ("GET", "/images/json", {"filters": '{"dangling": true}'}, {}, "docker images --filter dangling=true"),
    ("GET", f"/containers/{ID}/json", {}, {}, "docker inspect web"),
    ("GET", f"/containers/{'d' * 64}/json", {}, {}, "docker inspect dddddddddddd"),
    ("GET", "/containers/web/json", {}, {}, "docker inspect web"),
    (
        "GET",
        f"/containers/{ID}/logs",
        {"follow": "1", "timestamps": "1", "tail": "5", "stdout": "1"},
        {},
        "docker logs --follow --timestamps --tail 5 web",
    ),
    ("GET", f"/containers/{ID}/logs", {"tail": "all"}, {}, "docker logs web"),
    ("GET", f"/containers/{ID}/top", {}, {}, "docker top web"),
    ("GET", f"/containers/{ID}/stats", {}, {}, "docker stats web"),
    ("GET", f"/containers/{ID}/changes", {}, {}, "docker diff web"),
    ("GET", f"/containers/{ID}/export", {}, {}, "docker export web"),
    ("GET", f"/containers/{ID}/archive", {"path": "/etc"}, {}, "docker cp web:/etc -"),
    ("PUT", f"/containers/{ID}/archive", {"path": "/etc"}, {}, "docker cp - web:/etc"),
    ("POST", f"/containers/{ID}/attach", {}, {}, "docker attach web"),
    ("POST", f"/containers/{ID}/start", {}, {}, "docker start web"),
    ("POST", f"/containers/{ID}/wait", {}, {}, "docker wait web"),
    ("POST", f"/containers/{ID}/pause", {}, {}, "docker pause web"),
    ("POST", f"/containers/{ID}/unpause", {}, {}, "docker unpause web"),
    ("POST", f"/containers/{ID}/stop", {"t": "3"}, {}, "docker stop --time 3 web"),
    ("POST", f"/containers/{ID}/restart", {}, {}, "docker restart web"),
    ("POST", f"/containers/{ID}/kill", {"signal": "SIGKILL"}, {}, "docker kill web"),
    ("POST", f"/containers/{ID}/kill", {"signal": "HUP"}, {}, "docker kill --signal HUP web"),
    ("POST", f"/containers/{ID}/rename", {"name": "shop"}, {}, "docker rename web shop"),
    (
        "POST",
        f"/containers/{ID}/exec",
        {},
        {
            "AttachStdin": True,
            "Tty": True,
            "User": "root",
            "WorkingDir": "/",
            "Env": ["A=1"],
            "Cmd": ["ls", "-l"],
        },
        "docker exec -it --user root --workdir / --env A=1 web ls -l",
    ),
    ("POST", f"/containers/{ID}/exec", {}, {"Cmd": ["ls"], "Detach": True}, "docker exec -d web ls"),
    ("DELETE", f"/containers/{ID}", {}, {}, "docker rm web"),
    ("DELETE", f"/containers/{ID}", {"force": "1", "v": "True"}, {}, "docker rm --force --volumes web"),
    ("POST", "/containers/prune", {}, {}, "docker container prune"),
    (
        "POST",
        "/commit",
        {"container": ID, "repo": "mine", "tag": "v2", "comment": "a b", "author": "Ann"},
        {},
        "docker commit --message 'a b' --author Ann web mine:v2",
    ),
    ("POST", "/commit", {"container": ID}, {}, "docker commit web"),
    ("GET", "/images/json", {"all": "1"}, {}, "docker images --all"),
    ("GET", "/images/search", {"term": "httpd", "limit": "5"}, {}, "docker search --limit 5 httpd"),
    ("POST", "/images/create", {"fromImage": "busybox", "tag": "latest"}, {}, "docker pull busybox:latest"),
    (
        "POST",
        "/images/create",
        {"fromImage": "hub:5000/a", "tag": "sha256:abc", "platform": "linux/arm64"},
        {},
        "docker pull --platform linux/arm64 hub:5000/a@sha256:abc",
    ),
    ("POST", "/images/create", {"fromSrc": "-", "repo": "mine"}, {}, "docker import - mine"),
    ("POST", "/images/create", {}, {}, ""),
    ("POST", "/images/load", {}, {}, "docker load"),
    ("POST", "/images/prune", {}, {}, "docker image prune"),
    ("GET", "/images/hub:5000/a/b:1/json", {}, {}, "docker image inspect hub:5000/a/b:1"),
    ("GET", f"/images/sha256:{'d' * 64}/history", {}, {}, "docker history dddddddddddd"),
    ("GET", "/images/a/get", {}, {}, "docker save a"),
    ("POST", "/images/hub:5000/a/push", {"tag": "v1"}, {}, "docker push hub:5000/a:v1"),
    ("POST", "/images/a/tag", {"repo": "b", "tag": "c"}, {}, "docker tag a b:c"),
    ("DELETE", "/images/a/b:1", {"force": "true"}, {}, "docker rmi --force a/b:1"),
    (
        "POST",
        "/build",
        {
            "t": "mine",
            "dockerfile": "Other",
            "nocache": "1",
            "pull": "1",
            "target": "base",
            "buildargs": '{"A": "1"}',
        },
        {},
        "docker build --tag mine --file Other --no-cache --pull --target base --build-arg A=1 .",
    ),
    ("POST", "/build", {"dockerfile": "Dockerfile", "buildargs": "[]"}, {}, "docker build ."),
    ("GET", "/networks", {}, {}, "docker network ls"),
    (
        "POST",
        "/networks/create",
        {},
        {
            "Name": "n",
            "Driver": "macvlan",
            "Internal": True,
            "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}, None]},
        },
        "docker network create --driver macvlan --internal --subnet 10.0.0.0/24 n",
    ),
    ("POST", "/networks/create", {}, {"Name": "n", "Driver": "bridge"}, "docker network create n"),
    (
        "POST",
        "/networks/n/connect",
        {},
        {"Container": ID, "EndpointConfig": {"Aliases": ["a"]}},
        "docker network connect --alias a n web",
    ),
    ("POST", "/networks/n/disconnect", {}, {"Container": ID}, "docker network disconnect n web"),
    ("GET", "/networks/n", {}, {}, "docker network inspect n"),
    ("DELETE", "/networks/n", {}, {}, "docker network rm n"),
    ("GET", "/volumes", {"filters": '{"name": ["v"]}'}, {}, "docker volume ls --filter name=v"),
    ("POST", "/volumes/create", {}, {"Name": "v"}, "docker volume create v"),
    ("POST", "/volumes/create", {}, {}, "docker volume create"),
    ("GET", "/volumes/v", {}, {}, "docker volume inspect v"),
    ("DELETE", "/volumes/v", {}, {}, "docker volume rm v"),
    ("GET", "/info", {}, {}, "docker info"),
    ("GET", "/version", {}, {}, "docker version"),
    ("GET", "/events", {}, {}, "docker events"),
    ("GET", "/system/df", {}, {}, "docker system df"),
    ("POST", "/auth", {}, {"username": "ann", "password": "secret"}, "docker login"),
    ("GET", "/nothing", {}, {}, ""),
    ("POST", "/info", {}, {}, ""),
    ("GET", "", {}, {}, ""),
]


@pytest.mark.parametrize(("method", "path", "query", "body", "expected"), CASES)
def test_each_rule(
    method: str, path: str, query: dict[str, str], body: dict[str, Any], expected: str
) -> None:
    assert said(method, path, query, body) == expected


def test_no_rule_is_without_a_case() -> None:
    for method, pattern, _ in _RULES:
        assert any(case[0] == method and pattern.fullmatch(case[1]) for case in CASES), pattern.pattern


@pytest.mark.parametrize(
    ("path", "expected"), [("/v1.45/info", "/info"), ("/info", "/info"), ("/v1/info", "/v1/info")]
)
def test_a_version_is_taken_off(path: str, expected: str) -> None:
    assert without_version(path) == expected


DEEP = "[" * 100_000


@pytest.mark.parametrize("filters", ["{", "3", "[1]", "null", DEEP, '{"a":' * 50_000])
def test_filters_and_arguments_that_are_none(filters: str) -> None:
    assert said("GET", "/containers/json", {"filters": filters}) == "docker ps"
    assert said("POST", "/build", {"buildargs": filters}) == "docker build ."


@given(
    st.sampled_from([(method, pattern.pattern) for method, pattern, _ in _RULES]),
    st.text(alphabet=st.characters(), min_size=1, max_size=30).filter(lambda text: "/" not in text),
    st.dictionaries(
        st.sampled_from(["all", "filters", "tail", "t", "signal", "fromImage", "tag", "buildargs", "name"]),
        st.text(max_size=20) | JUNK.map(lambda junk: json.dumps(junk, default=str)),
        max_size=4,
    ),
    st.dictionaries(
        st.sampled_from(
            ["Name", "Driver", "IPAM", "Cmd", "Env", "Container", "EndpointConfig", "HostConfig", "Image"]
        ),
        JUNK,
        max_size=5,
    ),
)
@settings(max_examples=250, deadline=None)
def test_whatever_is_asked_gives_a_line_or_none(
    rule: tuple[str, str], part: str, query: dict[str, str], body: dict[str, Any]
) -> None:
    method, pattern = rule
    line = said(method, pattern.replace("([^/]+)", part).replace("(.+)", part), query, body)
    assert line == "" or shlex.split(line)[0] == "docker"
