"""What an engine says, across API versions, read into questions."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.state import Binding, Container, Image, ImageConfig, Network, Reference, familiar, repository

BOX_ID = "f0b093f579a6c2f294e9d5725614d90f1c4cd8481b4509b6f80a69681eacf281"
IMAGE_ID = "sha256:054e3161799b96c623a402343d8ea1cb64f44f73b9a1a6dcd7c5ce120a426fd6"
NETWORK_ID = "0f05ff5980f15d9b049163a74053917a66ce0dd129ae9b2fddb4eb6703600857"

# `docker run -d --init --name web -p 5001:80 --network back -l team=blue busybox sleep 60`, as three engines
# report it: 1.41 (20.10) writes out everything that is empty, 1.45 (26.1) adds DNSNames, 1.52 (29) leaves out
# what is empty and the top-level address.
INSPECT_1_41: dict[str, Any] = {
    "Id": BOX_ID,
    "Created": "2026-11-24T03:33:28.193926107Z",
    "Path": "sleep",
    "Args": ["60"],
    "State": {
        "Status": "running",
        "Running": True,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "Pid": 11960,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": "2026-11-24T03:33:28.517643361Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
    },
    "Image": IMAGE_ID,
    "Name": "/web",
    "RestartCount": 0,
    "Platform": "linux",
    "ExecIDs": None,
    "HostConfig": {
        "Binds": None,
        "NetworkMode": "back",
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "5001"}]},
        "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
        "AutoRemove": False,
        "Links": None,
        "PublishAllPorts": False,
        "ConsoleSize": [0, 0],
        "KernelMemory": 0,
        "Init": True,
    },
    "Mounts": [],
    "Config": {
        "User": "",
        "ExposedPorts": {"80/tcp": {}},
        "Tty": False,
        "OpenStdin": False,
        "Env": ["PATH=/usr/bin", "EMPTY=", "EQUATION=a=b"],
        "Cmd": ["sleep", "60"],
        "Image": "busybox",
        "Volumes": None,
        "WorkingDir": "",
        "Entrypoint": None,
        "Labels": {"team": "blue"},
    },
    "NetworkSettings": {
        "Ports": {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5001"}, {"HostIp": "::", "HostPort": "5001"}]
        },
        "IPAddress": "",
        "Networks": {
            "back": {
                "IPAMConfig": {},
                "Links": None,
                "Aliases": ["f0b093f579a6"],
                "NetworkID": NETWORK_ID,
                "IPAddress": "172.18.0.2",
            }
        },
    },
}


def _api_1_45() -> dict[str, Any]:
    data = copy.deepcopy(INSPECT_1_41)
    data["HostConfig"]["RestartPolicy"]["Name"] = "no"
    del data["HostConfig"]["KernelMemory"]
    place = data["NetworkSettings"]["Networks"]["back"]
    place |= {"Aliases": None, "DNSNames": ["web", "f0b093f579a6"], "MacAddress": "02:42:ac:12:00:02"}
    return data


def _api_1_52() -> dict[str, Any]:
    data = _api_1_45()
    for name in ("User", "Volumes", "WorkingDir", "Entrypoint", "Tty", "OpenStdin"):
        del data["Config"][name]
    del data["NetworkSettings"]["IPAddress"]
    del data["HostConfig"]["Links"]
    data["ImageManifestDescriptor"] = {"mediaType": "application/vnd.oci.image.manifest.v1+json"}
    return data


VERSIONS = {"1.41": INSPECT_1_41, "1.45": _api_1_45(), "1.52": _api_1_52()}


@pytest.mark.parametrize("version", VERSIONS)
def test_one_container_reads_the_same_in_every_version(version: str) -> None:
    box = Container.from_inspect(VERSIONS[version])
    assert (box.id, box.name, box.image, box.image_id) == (BOX_ID, "web", "busybox", IMAGE_ID)
    assert (box.argv, box.cmd, box.entrypoint) == (("sleep", "60"), ("sleep", "60"), ())
    assert (box.status, box.running, box.stopped, box.exit_code, box.error) == ("running", True, False, 0, "")
    assert box.started_at == datetime(2026, 11, 24, 3, 33, 28, 517643, UTC)
    assert box.finished_at is None
    assert not box.started_again
    assert (box.tty, box.open_stdin, box.init, box.publish_all, box.auto_remove) == (
        (False, False, True, False, False)
    )
    assert box.env == {"PATH": "/usr/bin", "EMPTY": "", "EQUATION": "a=b"}
    assert box.labels == {"team": "blue"}
    assert (box.restart_policy, box.user, box.working_dir) == ("no", "", "")
    assert box.requested == (Binding(80, "tcp", "", 5001),)
    assert box.bindings == (Binding(80, "tcp", "0.0.0.0", 5001), Binding(80, "tcp", "::", 5001))
    assert [str(binding) for binding in box.bindings] == ["0.0.0.0:5001->80/tcp", "[::]:5001->80/tcp"]
    place = box.endpoint("back")
    assert place is not None
    assert (place.address, place.network_id) == ("172.18.0.2", NETWORK_ID)
    assert "f0b093f579a6" in place.aliases
    assert box.endpoint("bridge") is None


def test_a_stopped_container_keeps_the_ports_it_asked_for() -> None:
    data = copy.deepcopy(INSPECT_1_41)
    data["State"] |= {
        "Status": "exited",
        "ExitCode": 137,
        "FinishedAt": "2026-11-24T03:40:00Z",
        "OOMKilled": True,
    }
    data["NetworkSettings"]["Ports"] = {}
    box = Container.from_inspect(data)
    assert box.stopped
    assert box.oom_killed
    assert box.exit_code == 137
    assert box.bindings == (Binding(80, "tcp", "", 5001),)


def test_started_again_is_a_later_start_after_an_end() -> None:
    data = copy.deepcopy(INSPECT_1_41)
    data["State"]["FinishedAt"] = "2026-11-24T03:33:20Z"
    assert Container.from_inspect(data).started_again
    data["State"]["Status"] = "exited"
    assert not Container.from_inspect(data).started_again


def test_links_and_mounts() -> None:
    data = copy.deepcopy(INSPECT_1_41)
    data["HostConfig"]["Links"] = ["/db:/web/database"]
    data["Mounts"] = [
        {"Type": "volume", "Name": "data", "Source": "/var/lib/x", "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": False},
    ]
    box = Container.from_inspect(data)
    assert box.links == (("db", "database"),)
    assert [(mount.kind, mount.source, mount.writable) for mount in box.mounts] == [
        ("volume", "data", True),
        ("bind", "/srv", False),
    ]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = st.sampled_from(
    [
        *(
            "Id",
            "Name",
            "Path",
            "Args",
            "State",
            "HostConfig",
            "Config",
            "NetworkSettings",
            "Mounts",
            "Created",
        ),
        *("State.Status", "State.StartedAt", "State.Pid", "Config.Env", "Config.Labels", "Config.Entrypoint"),
        *("HostConfig.PortBindings", "HostConfig.Links", "NetworkSettings.Ports", "NetworkSettings.Networks"),
    ]
)


@given(PLACES, JUNK)
def test_junk_in_a_field_is_an_empty_field_and_no_error(place: str, junk: Any) -> None:
    data = copy.deepcopy(INSPECT_1_41)
    *outer, last = place.split(".")
    (data[outer[0]] if outer else data)[last] = junk
    box = Container.from_inspect(data)
    assert isinstance(box.name, str)
    assert all(isinstance(word, str) for word in box.argv)


def test_an_empty_answer_is_a_container_of_nothing() -> None:
    box = Container.from_inspect({})
    assert (box.argv, box.bindings, box.networks, box.status) == ((), (), (), "")


IMAGE_1_41 = {
    "Id": IMAGE_ID,
    "RepoTags": ["mine:v1"],
    "Comment": "",
    "Author": "",
    "ContainerConfig": {"Cmd": None},
    "Config": {"Env": None, "Cmd": None, "Entrypoint": None, "User": "", "WorkingDir": "", "Labels": None},
    "Architecture": "amd64",
    "RootFS": {"Type": "layers", "Layers": ["sha256:aa", "sha256:bb"]},
}
IMAGE_1_52 = {
    "Id": IMAGE_ID,
    "RepoTags": ["mine:v1"],
    "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json"},
    "Config": {},
    "Architecture": "amd64",
    "RootFS": {"Type": "layers", "Layers": ["sha256:aa", "sha256:bb"]},
}


def test_an_image_without_author_or_command_reads_the_same_in_every_version() -> None:
    old, new = ImageConfig.from_inspect(IMAGE_1_41), ImageConfig.from_inspect(IMAGE_1_52)
    assert old == new
    assert (old.author, old.comment, old.cmd, old.layers) == ("", "", (), ("sha256:aa", "sha256:bb"))


def test_an_untagged_image_has_no_tags() -> None:
    data = {
        "Id": IMAGE_ID,
        "RepoTags": ["<none>:<none>"],
        "RepoDigests": ["<none>@<none>"],
        "Created": 1795491108,
    }
    image = Image.from_list(data)
    assert (image.tags, image.digests, image.name) == ((), (), "054e3161799b")
    assert image.created_at == datetime.fromtimestamp(1795491108, UTC)
    assert Image.from_list({"Id": "x", "RepoTags": None}).tags == ()


def test_a_network_reads_its_ranges() -> None:
    data = {
        "Name": "back",
        "Id": "n",
        "Driver": "bridge",
        "Internal": True,
        "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]},
    }
    net = Network.from_list(data)
    assert (net.name, net.internal, net.subnets, net.predefined) == ("back", True, ("10.0.0.0/24",), False)
    assert Network.from_list({"Name": "none", "IPAM": {"Config": None}}).predefined


@pytest.mark.parametrize(
    ("typed", "short"),
    [
        ("debian", "debian:latest"),
        ("debian:trixie", "debian:trixie"),
        ("docker.io/library/debian", "debian:latest"),
        ("index.docker.io/library/debian:trixie", "debian:trixie"),
        ("library/debian", "debian:latest"),
        ("training/webapp", "training/webapp:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("localhost:5000/web:v2", "localhost:5000/web:v2"),
        ("debian:trixie@sha256:ab", "debian@sha256:ab"),
        ("sha256:ab", "sha256:ab"),
        (" busybox ", "busybox:latest"),
        ("docker.io/training/webapp:latest", "training/webapp:latest"),
        ("docker.io/library/a/b", "library/a/b:latest"),
        ("library/a/b", "library/a/b:latest"),
        ("ghcr.io/library/debian", "ghcr.io/library/debian:latest"),
        ("Shop/lamp:V1", "Shop/lamp:V1"),
        ("[::1]:5000/web", "[::1]:5000/web:latest"),
        ("registry-1.docker.io/library/debian", "registry-1.docker.io/library/debian:latest"),
    ],
)
def test_many_ways_to_write_one_name(typed: str, short: str) -> None:
    assert familiar(typed) == short
    assert familiar(short) == short


SHA = "sha256:" + 64 * "a"


@pytest.mark.parametrize(
    ("typed", "tagged", "tag", "digest"),
    [
        ("busybox", "busybox:latest", "", ""),
        ("docker.io/busybox:1.37", "busybox:1.37", "1.37", ""),
        (f"index.docker.io/library/busybox:latest@{SHA}", "busybox:latest", "latest", SHA),
        ("localhost/web__a/b-c:v1.0_x", "localhost/web__a/b-c:v1.0_x", "v1.0_x", ""),
        ("registry.example.org:5000/web", "registry.example.org:5000/web:latest", "", ""),
    ],
)
def test_a_name_that_docker_takes(typed: str, tagged: str, tag: str, digest: str) -> None:
    found = Reference.parse(typed)
    assert found is not None
    assert (found.tagged, found.tag, found.digest) == (tagged, tag, digest)


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "Busybox",
            "busybox:",
            "busybox:a b",
            "a//b",
            "-a",
            "a_-b",
            "https://docker.io/library/busybox",
        ),
        *("busybox@sha256:ab", "busybox:latest:1", "busybox:" + 129 * "x", "a/" + 260 * "b", SHA, 64 * "a"),
        *("busybox@", "hello world", "docker.io/", "busybox:-x"),
    ],
)
def test_a_name_that_docker_refuses(typed: str) -> None:
    assert Reference.parse(typed) is None


def test_a_repository_is_the_name_without_tag_or_digest() -> None:
    assert repository("debian:trixie") == repository("docker.io/library/debian@sha256:ab") == "debian"
    assert repository("localhost:5000/a/b:v1") == "localhost:5000/a/b"
