"""The authorization plugin's gate: its token, the moment after which it is closed, and what it was told."""

from __future__ import annotations

import json

import pytest

from grader.engine.keeper.authz import Gate

TOKEN = "0123456789abcdef"
JSON = {"Content-Type": "application/json"}
CREATE = "/v1.45/containers/create"


def test_the_bell_closes_the_engine_to_all_but_the_token() -> None:
    gate = Gate(TOKEN)
    assert gate.decide("GET", "/containers/json", None, {}).allow
    gate.closed = True
    assert "the bell has rung" in gate.decide("GET", "/containers/json", None, {}).reason
    assert not gate.decide("GET", "/_ping", None, {}).allow
    assert gate.decide("GET", "/containers/json", None, {"X-Dockbook-Token": TOKEN}).allow
    gate.closed = False
    assert gate.decide("GET", "/containers/json", None, {}).allow


def test_the_token_overrides_the_rules_and_cannot_be_guessed_in_parts() -> None:
    gate = Gate(TOKEN)
    body = json.dumps({"HostConfig": {"Privileged": True}}).encode()
    assert gate.decide("POST", CREATE, body, JSON | {"X-Dockbook-Token": TOKEN}).allow
    for wrong in ("", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\udcff", "é"):
        assert not gate.decide("POST", CREATE, body, JSON | {"X-Dockbook-Token": wrong}).allow
        assert TOKEN not in gate.decide("POST", CREATE, body, JSON | {"X-Dockbook-Token": wrong}).reason


@pytest.mark.parametrize(
    ("uri", "body", "limits"),
    [
        (CREATE, {"Image": "busybox", "HostConfig": {"NanoCpus": 500_000_000}}, True),
        (f"{CREATE}?name=mine", {"image": "busybox", "hostconfig": {"nanocpus": 1}}, True),
        ("/containers/mine/update", {"NanoCPUs": 1}, True),
        (CREATE, {"Image": "busybox", "HostConfig": {"NanoCpus": 0, "Memory": 1 << 26}}, False),
        (CREATE, {"Image": "busybox", "HostConfig": {"CpuShares": 512}}, False),
        (CREATE, {"Image": "busybox", "HostConfig": None}, False),
        ("/containers/mine/update", {"Memory": 1 << 26}, False),
        ("/containers/mine/exec", {"Cmd": ["NanoCpus"]}, False),
    ],
)
def test_a_limit_of_processors_where_there_is_none_is_refused_with_what_to_do(
    uri: str, body: object, limits: bool
) -> None:
    gate, data = Gate(TOKEN), json.dumps(body).encode()
    assert gate.decide("POST", uri, data, JSON).allow
    gate.cpus = False
    decision = gate.decide("POST", uri, data, JSON)
    assert decision.allow is not limits
    assert ("leave out --cpus" in decision.reason) is limits


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        Gate("short")


def test_buildkits_own_api_needs_the_daemons_consent() -> None:
    assert "BuildKit" in Gate(TOKEN).decide("POST", "/grpc", None, {}).reason
    assert Gate(TOKEN, buildkit_grpc=True).decide("POST", "/grpc", None, {}).allow
    assert Gate(TOKEN).decide("POST", "/session", None, {}).allow
