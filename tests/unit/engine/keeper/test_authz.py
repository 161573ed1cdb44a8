"""The authorization plugin's rules: what Docker's clients send passes, what reaches outside does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.engine.keeper.authz import Decision, Gate, decide

TOKEN = "0123456789abcdef"
JSON = {"Content-Type": "application/json"}
CREATE = "/v1.45/containers/create"
# Recorded from docker 20.10, 26.1 with buildx, 28.2, and docker-py 7: who, method, address, body, type.
RECORDED = json.loads((Path(__file__).parent / "authz_requests.json").read_text())


def ask(method: str, uri: str, body: object = None, headers: Mapping[str, str] = JSON) -> Decision:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return decide(method, uri, data, headers=headers)


def create(**host_config: object) -> Decision:
    return ask("POST", CREATE, {"Image": "busybox", "HostConfig": host_config})


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: f"{row[0]}: {row[1]} {row[2].split('?')[0]}")
def test_what_real_clients_send_passes(row: list[str]) -> None:
    _, method, uri, body, kind = row
    headers = {"Content-Type": kind} if kind else {}
    decision = decide(method, uri, body.encode() if body else None, headers=headers, buildkit_grpc=True)
    assert decision == Decision(True)


OUTSIDE: dict[str, object] = {
    "Privileged": True,
    "NetworkMode": "host",
    "PidMode": "host",
    "IpcMode": "host",
    "UTSMode": "host",
    "UsernsMode": "host",
    "CgroupnsMode": "host",
    "CgroupParent": "/x",
    "Cgroup": "container:x",
    "Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}],
    "DeviceRequests": [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}],
    "DeviceCgroupRules": ["c 1:3 rwm"],
    "CapAdd": ["SYS_ADMIN"],
    "SecurityOpt": ["seccomp=unconfined"],
    "Sysctls": {"kernel.core_pattern": "|/x"},
    "Runtime": "runc",
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "OomScoreAdj": -1000,
    "StorageOpt": {"size": "1G"},
    "LogConfig": {"Type": "syslog", "Config": {}},
    "Annotations": {"run.oci.handler": "krun"},
    "Binds": ["/:/host"],
    "Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}],
    "VolumeDriver": "other",
    "Isolation": "hyperv",
    "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 10}],
    "Capabilities": ["SYS_ADMIN"],
    "NotYetInvented": {"Privileged": True},
}


@pytest.mark.parametrize("option", OUTSIDE)
def test_options_that_reach_outside_are_denied_in_words(option: str) -> None:
    decision = create(**{option: OUTSIDE[option]})
    assert not decision.allow
    assert decision.reason.startswith("this course's engine does not ")


@pytest.mark.parametrize("option", OUTSIDE)
def test_go_folds_the_case_of_keys(option: str) -> None:
    """encoding/json takes any case, and K (Kelvin) for k, the long s for s."""
    assert not create(**{option.swapcase(): OUTSIDE[option]}).allow
    assert not create(**{option.lower(): OUTSIDE[option]}).allow
    for plain, folded in (("k", "\N{KELVIN SIGN}"), ("s", "\N{LATIN SMALL LETTER LONG S}")):
        if plain in option.lower():
            assert not create(**{option.lower().replace(plain, folded): OUTSIDE[option]}).allow


@pytest.mark.parametrize(
    "values",
    [
        {"CapAdd": ["ALL"]},
        {"CapAdd": ["cap_sys_ptrace"]},
        {"CapAdd": ["NET_RAW", "NET_ADMIN"]},
        {"CapAdd": "SYS_ADMIN"},
        {"SecurityOpt": ["no-new-privileges", "apparmor=unconfined"]},
        {"SecurityOpt": ["systempaths=unconfined"]},
        {"SecurityOpt": ["label=disable"]},
        {"Binds": ["./x:/y"]},
        {"Binds": [".:/y"]},
        {"Binds": ["..:/y"]},
        {"Binds": ["x/../..:/y"]},
        {"Binds": ["data:/d:rshared"]},
        {"Binds": ["data:/d", "/var/run/docker.sock:/s"]},
        {"Binds": ["\\\\.\\pipe\\x:/y"]},
        {"Binds": "/:/host"},
        {"Binds": [["/:/host"]]},
        {"Mounts": [{"Type": "volume", "Source": "/etc", "Target": "/x"}]},
        {"Mounts": [{"type": "bind", "Source": "/", "Target": "/x"}]},
        {"Mounts": [{"Type": "BIND", "Source": "/", "Target": "/x"}]},
        {"Mounts": [{"Source": "/", "Target": "/x"}]},
        {"Mounts": [{"Type": "npipe", "Source": "/", "Target": "/x"}]},
        {"Mounts": [{"Type": "image", "Source": "busybox", "Target": "/x"}]},
        {"Mounts": [{"Type": "volume", "Target": "/x", "BindOptions": {"Propagation": "rshared"}}]},
        {
            "Mounts": [
                {
                    "Type": "volume",
                    "Target": "/x",
                    "VolumeOptions": {
                        "DriverConfig": {"Options": {"type": "none", "device": "/", "o": "bind"}}
                    },
                }
            ]
        },
        {"Mounts": [{"Type": "volume", "Target": "/x", "VolumeOptions": {"DriverConfig": {"Name": "nfs"}}}]},
        {"Sysctls": {"net.ipv4/../../kernel.core_pattern": "x"}},
        {"Sysctls": {"net..x": "1"}},
        {"Sysctls": ["net.ipv4.ip_forward"]},
        {"NetworkMode": "Host/../host"},
        {"NetworkMode": ["host"]},
        {"PidMode": "container:"},
        {"PidMode": "host "},
        {"LogConfig": {"Type": "json-file", "Config": {"path": "/x"}}},
        {"OomScoreAdj": True},
        {"Privileged": "yes"},
        {"Privileged": 1},
    ],
    ids=str,
)
def test_variants_are_denied(values: dict[str, object]) -> None:
    assert not create(**values).allow


@pytest.mark.parametrize(
    "values",
    [
        {"Privileged": False, "NetworkMode": "", "PidMode": "", "Devices": [], "CapAdd": None},
        {"MaskedPaths": None, "ReadonlyPaths": None, "OomScoreAdj": 500, "Runtime": ""},
        {"CapAdd": ["NET_RAW", "cap_chown", "Kill"], "CapDrop": ["ALL"]},
        {"Binds": ["data:/data", "data:/data:ro", "data:/d:rw,nocopy", "/anonymous"]},
        {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/x", "VolumeOptions": {"NoCopy": True}}]},
        {"Mounts": [{"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 1000, "Mode": 1023}}]},
        {"NetworkMode": "container:web", "PidMode": "container:web", "IpcMode": "container:web"},
        {"NetworkMode": "hostess", "VolumesFrom": ["web"], "Links": ["web:alias"], "Init": True},
        {"SecurityOpt": ["no-new-privileges:true"], "Sysctls": {"net.ipv4.ip_forward": "1"}},
        {"Memory": 1 << 26, "NanoCpus": 5, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]},
        {"LogConfig": {"Type": "local", "Config": {"max-size": "1m"}}, "RestartPolicy": {"Name": "always"}},
    ],
    ids=str,
)
def test_what_stays_inside_passes(values: dict[str, object]) -> None:
    assert create(**values) == Decision(True)


BODY = b'{"Image": "busybox", "HostConfig": {"Memory": 4}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        BODY + b"{}",
        BODY + b" x",
        BODY.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + BODY,
        b'{"Image": "\xff"}',
        b'{"Memory": NaN}',
        b'{"HostConfig": {"Privileged": true}, "HostConfig": {}}',
        b'{"HostConfig": {"Privileged": true}, "hostconfig": {}}',
        b'{"HostConfig": {"Privileged": false, "Privileged": true}}',
        b'{"HostConfig": {"Privi\\u006ceged": true}}',
        b'{"Privileged": true}',
        b'{"HostConfig": [{"Privileged": true}]}',
        b'{"NetworkingConfig": {"EndpointsConfig": {"host": {}}}}',
        b'{"NetworkingConfig": {"EndpointsConfig": {"net": {"DriverOpts": {"a": 1}}}}}',
        b'{"HostConfig":' * 100_000,
        b"[" * 1_000_000,
        b'{"Memory":' + b"9" * 100_000 + b"}",
    ],
    ids=lambda body: str(body[:60]),
)
def test_a_body_that_is_not_one_plain_object_is_denied(body: bytes) -> None:
    assert ask("POST", CREATE, BODY).allow
    assert not ask("POST", CREATE, body).allow


def test_a_body_that_dockerd_did_not_hand_on_is_denied() -> None:
    """Over 1 MiB, or of another content type: dockerd reads it all the same."""
    for uri in (CREATE, "/containers/x/exec", "/containers/x/update", "/volumes/create", "/networks/create"):
        assert "body" in ask("POST", uri, None).reason


@pytest.mark.parametrize(
    "uri",
    [
        "/v1.24/containers/create",
        "/v1.40/containers/create",
        "/v2.0/containers/create",
        "/v1.450/containers/create",
        "/v1.45/v1.45/containers/create",
        "//containers/create",
        "/containers//create",
        "/containers/create/",
        "/containers/./create",
        "/containers/x/../create",
        "/containers/%63reat",
        "/containers/create%2fx",
        "/containers%2Fx%2Fcreate",
        "/containers/x/%2e%2e/create",
        "/containers/create%",
        "/containers/create%ff",
        "/containers/x%2f..%2fcreate",
        "/containers/create%00",
        "/containers/create#x",
        "/containers/create;x",
        "http://docker/containers/create",
        "*",
        "",
        "/",
        "containers/create",
        "/containers/cr\N{LATIN SMALL LETTER E WITH ACUTE}ate",
        "/Containers/create",
        "/containers/create\n",
        "/containers/create?name=a&name=b",
        "/build?q=1&q=1",
        "/containers/create?name=a;b",
        "/containers/create?name=%zz",
        "/containers/create?%6eame=x",
        "/containers/create?surprise=1",
    ],
)
def test_addresses_that_are_not_plain_are_denied(uri: str) -> None:
    assert not ask("POST", uri, BODY).allow


def test_docker_py_sends_a_dockerfile_from_beside_its_context_twice() -> None:
    """Its name and its text; dockerd reads the first, net/http's FormValue."""
    assert ask("POST", "/v1.45/build?dockerfile=.dockerfile.1&dockerfile=FROM+busybox", headers={}).allow


def test_an_escaped_endpoint_is_judged_as_the_endpoint_that_it_is() -> None:
    assert ask("POST", "/%63ontainers/%63reate", BODY).allow
    assert not ask("POST", "/%63ontainers/%63reate", {"HostConfig": {"Privileged": True}}).allow
    assert not ask("POST", "/networks/%68ost/connect", {"Container": "x"}).allow


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /plugins",
        "GET /plugins/no-such-name/json",
        "GET /plugins/vieux/sshfs:latest/json",
        "GET /containers/a%20b/json",
        "GET /images/a%20b/json",
        "GET /images/Ann%2FShop/json",
        "DELETE /networks/a%20b",
        "DELETE /volumes/-x",
        "DELETE /containers/m%C3%BCller",
        "GET /networks/a+b",
        "GET /volumes/_",
        "POST /swarm/leave?force=True",
    ],
)
def test_dockerd_itself_answers_for_a_name_that_no_object_can_have(request_line: str) -> None:
    method, uri = request_line.split()
    assert ask(method, f"/v1.45{uri}") == Decision(True)


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /swarm/init",
        "GET /services",
        "GET /nodes",
        "GET /tasks",
        "POST /secrets/create",
        "POST /configs/create",
        "GET /plugins/privileges",
        "POST /plugins/pull?remote=x",
        "GET /containers/x/checkpoints",
        "POST /containers/x/checkpoints",
        "POST /containers/x/copy",
        "GET /debug/pprof/",
        "GET /metrics",
        "PUT /volumes/x",
        "OPTIONS /containers/json",
        "PATCH /containers/json",
        "get /containers/json",
        "POST /containers/json",
        "POST /grpc",
        "POST /containers/x/start?checkpoint=c",
        "POST /build?networkmode=host",
        "POST /build?networkmode=&networkmode=host",
        "POST /build?networkmode=%68ost",
        "POST /build?cgroupparent=/x",
        "POST /build?securityopt=x",
        "POST /build?isolation=hyperv",
        "POST /build?unknown=1",
        "GET /containers/x/top?ps_args=$(x)",
        "GET /containers/x/top?ps_args=-ef&ps_args=%3Bx",
    ],
)
def test_endpoints_that_are_denied(request_line: str) -> None:
    method, uri = request_line.split(" ", 1)
    decision = ask(method, uri)
    assert not decision.allow
    assert decision.reason


def test_swarm_and_plugins_are_named_in_the_reason() -> None:
    assert "Swarm" in ask("POST", "/swarm/init").reason
    assert "plugins" in ask("POST", "/v1.45/plugins/pull").reason


def test_a_form_in_the_body_is_denied() -> None:
    """dockerd would read its parameters before those of the address, and hands no plugin such a body."""
    for kind in ("application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x", "text/html"):
        assert not ask("POST", "/build", headers={"Content-Type": kind}).allow
    assert ask("POST", "/build", headers={"Content-Type": "application/x-tar"}).allow
    assert ask("POST", "/build", headers={}).allow


def test_settings_at_the_start_are_denied() -> None:
    assert ask("POST", "/containers/x/start").allow
    assert not ask("POST", "/containers/x/start", {"Privileged": True}).allow


@pytest.mark.parametrize(
    ("uri", "good", "bad"),
    [
        ("/containers/x/exec", {"Cmd": ["sh"], "Privileged": False}, {"Cmd": ["sh"], "Privileged": True}),
        ("/containers/x/update", {"Memory": 1, "RestartPolicy": {"Name": "no"}}, {"Devices": [{"a": "b"}]}),
        ("/containers/x/update", {"PidsLimit": 4}, {"CgroupParent": "/"}),
        ("/volumes/create", {"Name": "data"}, {"Name": "../x"}),
        ("/volumes/create", {"Driver": "local", "DriverOpts": None}, {"Driver": "sshfs"}),
        (
            "/volumes/create",
            {"DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=7"}},
            {"DriverOpts": {"type": "none", "device": "/", "o": "bind"}},
        ),
        (
            "/volumes/create",
            {"DriverOpts": {"type": "tmpfs", "device": "tmpfs"}},
            {"DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,bind"}},
        ),
        ("/volumes/create", {"Labels": {}}, {"DriverOpts": {"type": "tmpfs", "device": "/"}}),
        ("/volumes/create", {"Labels": {}}, {"DriverOpts": {"Type": "tmpfs", "device": "tmpfs", "o": ""}}),
        ("/volumes/create", {"Labels": {}}, {"ClusterVolumeSpec": {"Group": "x"}}),
        ("/networks/create", {"Name": "n", "Driver": "bridge"}, {"Name": "n", "Driver": "macvlan"}),
        ("/networks/create", {"Name": "n", "Internal": True}, {"Name": "n", "Driver": "host"}),
        ("/networks/create", {"Name": "n", "Options": {}}, {"Name": "n", "Options": {"parent": "eth0"}}),
        (
            "/networks/create",
            {"Name": "n", "Options": {"com.docker.network.driver.mtu": "1400"}},
            {"Name": "n", "Options": {"com.docker.network.bridge.name": "docker0"}},
        ),
        ("/networks/create", {"Name": "n", "ConfigOnly": False}, {"Name": "n", "ConfigOnly": True}),
        ("/networks/create", {"Name": "n", "IPAM": {"Driver": "default"}}, {"IPAM": {"Driver": "remote"}}),
        (
            "/networks/n/connect",
            {"Container": "x"},
            {"Container": "x", "EndpointConfig": {"DriverOpts": {"a/b": "c"}}},
        ),
    ],
)
def test_other_bodies(uri: str, good: object, bad: object) -> None:
    assert ask("POST", uri, good) == Decision(True)
    assert not ask("POST", uri, bad).allow


def test_connecting_to_the_hosts_network_is_denied() -> None:
    assert not ask("POST", "/networks/host/connect", {"Container": "x"}).allow


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_only_false_is_not_privileged(value: object) -> None:
    assert create(Privileged=value).allow == (not value)


@given(st.binary(max_size=200), st.sampled_from(["POST", "GET", "PUT", "DELETE"]), st.text(max_size=60))
def test_no_request_breaks_the_rules(body: bytes, method: str, uri: str) -> None:
    assert isinstance(Gate(TOKEN).decide(method, "/" + uri, body, {}), Decision)
