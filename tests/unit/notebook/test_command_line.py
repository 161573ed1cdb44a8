"""Docker's command lines from a container's settings: every option, and settings that are none."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.notebook.command_line import run_line


def line(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> str:
    """The options of a line, between `docker run -d` and the image with its command."""
    said = run_line({"Image": "busybox", "Cmd": ["true"], **(config or {})}, host or {}, **more)
    assert said.startswith("docker run -d ") and said.endswith("busybox true"), said
    return said.removeprefix("docker run -d").removesuffix("busybox true").strip()


@pytest.mark.parametrize(
    ("config", "host", "expected"),
    [
        ({}, {}, ""),
        ({"Hostname": "web"}, {}, "--hostname web"),
        ({"Domainname": "example.com"}, {}, "--domainname example.com"),
        ({"Hostname": "other"}, {"NetworkMode": "container:db"}, "--network container:db"),
        ({"Hostname": "machine"}, {"NetworkMode": "host"}, "--network host"),
        ({"User": "1000:1000"}, {}, "--user 1000:1000"),
        ({"WorkingDir": "/a b"}, {}, "--workdir '/a b'"),
        ({"StopSignal": "SIGINT"}, {}, "--stop-signal SIGINT"),
        ({"StopTimeout": 3}, {}, "--stop-timeout 3"),
        ({"StopTimeout": 0}, {}, "--stop-timeout 0"),
        ({"Env": ["A=1", "B=two words"]}, {}, "--env A=1 --env 'B=two words'"),
        ({"Labels": {"a": "b", "c": ""}}, {}, "--label a=b --label c="),
        ({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}, {}, "--expose 80 --expose 53/udp"),
        ({"Volumes": {"/data": {}}}, {}, "--volume /data"),
        ({"Volumes": {"/data": {}}}, {"Binds": ["store:/data:ro"]}, "--volume store:/data:ro"),
        ({"Volumes": {"/data": {}}}, {"Binds": ["/data"]}, "--volume /data"),
        ({"MacAddress": "02:42:ac:11:00:99"}, {}, "--mac-address 02:42:ac:11:00:99"),
        ({}, {"AutoRemove": True}, "--rm"),
        ({}, {"PublishAllPorts": True}, "--publish-all"),
        ({}, {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}, "--publish 8080:80"),
        ({}, {"PortBindings": {"80/tcp": [{"HostPort": "0"}]}}, "--publish 80"),
        ({}, {"PortBindings": {"80/tcp": [{}]}}, "--publish 80"),
        ({}, {"PortBindings": {"80/tcp": None}}, ""),
        (
            {},
            {"PortBindings": {"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}]}},
            "--publish 127.0.0.1:53:53/udp",
        ),
        (
            {},
            {"PortBindings": {"80/tcp": [{"HostIp": "::1", "HostPort": ""}]}},
            "--publish '[::1]::80'",
        ),
        (
            {"ExposedPorts": {"80/tcp": {}}},
            {"PortBindings": {"80/tcp": [{"HostPort": "1"}, {"HostPort": "2"}]}},
            "--publish 1:80 --publish 2:80",
        ),
        (
            {},
            {"Mounts": [{"Type": "volume", "Source": "store", "Target": "/d", "ReadOnly": True}]},
            "--mount type=volume,source=store,target=/d,readonly",
        ),
        (
            {},
            {
                "Mounts": [
                    {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1024, "Mode": 0o700}}
                ]
            },
            "--mount type=tmpfs,target=/t,tmpfs-size=1024,tmpfs-mode=700",
        ),
        (
            {},
            {
                "Mounts": [
                    {
                        "Type": "bind",
                        "Source": "/a,b",
                        "Target": "/t",
                        "BindOptions": {"Propagation": "rslave"},
                    }
                ]
            },
            """--mount 'type=bind,"source=/a,b",target=/t,bind-propagation=rslave'""",
        ),
        (
            {},
            {"Mounts": [{"Type": "volume", "Target": "/t", "VolumeOptions": {"NoCopy": True}}]},
            "--mount type=volume,target=/t,volume-nocopy",
        ),
        ({}, {"VolumeDriver": "local"}, "--volume-driver local"),
        ({}, {"Tmpfs": {"/tmp": "size=1m", "/x": ""}}, "--tmpfs /tmp:size=1m --tmpfs /x"),
        ({}, {"VolumesFrom": ["db:ro"]}, "--volumes-from db:ro"),
        ({}, {"ReadonlyRootfs": True}, "--read-only"),
        ({}, {"ShmSize": 64 << 20}, ""),
        ({}, {"ShmSize": 32 << 20}, "--shm-size 32m"),
        ({}, {"NetworkMode": "bridge"}, ""),
        ({}, {"NetworkMode": "none"}, "--network none"),
        ({}, {"NetworkMode": f"container:{'0123456789ab' + 'c' * 52}"}, "--network container:0123456789ab"),
        ({}, {"Links": ["/db:/web/database"]}, "--link db:database"),
        ({}, {"Links": ["/db:/web/db"]}, "--link db"),
        (
            {},
            {
                "Dns": ["1.1.1.1"],
                "DnsSearch": ["x.org"],
                "DnsOptions": ["ndots:2"],
                "ExtraHosts": ["a:10.0.0.1"],
            },
            "--dns 1.1.1.1 --dns-search x.org --dns-option ndots:2 --add-host a:10.0.0.1",
        ),
        ({}, {"Memory": 64 << 20, "MemorySwap": 128 << 20}, "--memory 64m"),
        ({}, {"Memory": 64 << 20, "MemorySwap": 96 << 20}, "--memory 64m --memory-swap 96m"),
        ({}, {"Memory": 1 << 30, "MemorySwap": -1}, "--memory 1g --memory-swap -1"),
        ({}, {"Memory": 0, "MemorySwap": -1}, ""),
        ({}, {"MemoryReservation": 1025}, "--memory-reservation 1025b"),
        ({}, {"MemoryReservation": 1024}, "--memory-reservation 1k"),
        ({}, {"MemorySwappiness": 0}, "--memory-swappiness 0"),
        ({}, {"MemorySwappiness": -1}, ""),
        ({}, {"MemorySwappiness": None}, ""),
        ({}, {"NanoCpus": 500_000_000}, "--cpus 0.5"),
        ({}, {"NanoCpus": 2_000_000_000}, "--cpus 2"),
        ({}, {"NanoCpus": 1}, "--cpus 0.000000001"),
        (
            {},
            {"CpuShares": 512, "CpuPeriod": 50_000, "CpuQuota": 25_000, "BlkioWeight": 300, "PidsLimit": 100},
            "--cpu-shares 512 --cpu-period 50000 --cpu-quota 25000 --blkio-weight 300 --pids-limit 100",
        ),
        ({}, {"PidsLimit": -1}, ""),
        ({}, {"CpusetCpus": "0,1", "CpusetMems": "0"}, "--cpuset-cpus 0,1 --cpuset-mems 0"),
        ({}, {"OomKillDisable": True}, "--oom-kill-disable"),
        ({}, {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, "--ulimit nofile=1:2"),
        ({}, {"Privileged": True}, "--privileged"),
        (
            {},
            {"CapAdd": ["CHOWN"], "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]},
            "--cap-add CHOWN --cap-drop ALL --security-opt no-new-privileges",
        ),
        ({}, {"GroupAdd": ["1000"]}, "--group-add 1000"),
        ({}, {"Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/a"}]}, "--device /dev/a"),
        ({}, {"Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b"}]}, "--device /dev/a:/dev/b"),
        (
            {},
            {
                "Devices": [
                    {"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "r"},
                    {"PathOnHost": "/dev/b", "PathInContainer": "/dev/b", "CgroupPermissions": "rwm"},
                ]
            },
            "--device /dev/a:/dev/a:r --device /dev/b",
        ),
        ({}, {"DeviceCgroupRules": ["c 42:* rmw"]}, "--device-cgroup-rule 'c 42:* rmw'"),
        (
            {},
            {"PidMode": "host", "IpcMode": "shareable", "UTSMode": "host", "UsernsMode": "host"},
            "--pid host --ipc shareable --uts host --userns host",
        ),
        ({}, {"IpcMode": "private", "CgroupnsMode": "private"}, ""),
        ({}, {"CgroupnsMode": "host", "CgroupParent": "/x"}, "--cgroupns host --cgroup-parent /x"),
        ({}, {"Sysctls": {"net.ipv4.ip_forward": "1"}}, "--sysctl net.ipv4.ip_forward=1"),
        ({}, {"RestartPolicy": {"Name": "no"}}, ""),
        ({}, {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}, "--restart always"),
        ({}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, "--restart on-failure:3"),
        ({}, {"Init": True}, "--init"),
        ({}, {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}, "--log-opt max-size=1m"),
        ({}, {"LogConfig": {"Type": "none", "Config": {}}}, "--log-driver none"),
        ({"Healthcheck": {"Test": ["NONE"]}}, {}, "--no-healthcheck"),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "a && b"]}}, {}, "--health-cmd 'a && b'"),
        (
            {
                "Healthcheck": {
                    "Test": ["CMD", "wget", "a b"],
                    "Interval": 3_500_000_000,
                    "Timeout": 2_000_000_000,
                    "StartPeriod": 1_000_000,
                    "StartInterval": 10**9,
                    "Retries": 4,
                }
            },
            {},
            (
                """--health-cmd 'wget '"'"'a b'"'"'' --health-interval 3.5s --health-timeout 2s """
                "--health-start-period 0.001s --health-start-interval 1s --health-retries 4"
            ),
        ),
    ],
)
def test_each_option(config: dict[str, Any], host: dict[str, Any], expected: str) -> None:
    assert line(config, host) == expected


def test_a_place_in_a_network() -> None:
    place = {"Aliases": ["a", "b"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}
    said = line({}, {"NetworkMode": "net"}, networks={"net": place, "other": {"Aliases": ["x"]}})
    assert said == "--network net --network-alias a --network-alias b --ip 10.0.0.9"


def test_a_name_and_the_host_name_that_comes_by_itself() -> None:
    assert line({"Hostname": "0123456789ab"}, {}, hostname="0123456789ab", name="web") == "--name web"


@pytest.mark.parametrize(
    ("config", "verb", "expected"),
    [
        ({}, "run", "docker run -d busybox"),
        ({"AttachStdout": True, "AttachStderr": True}, "run", "docker run busybox"),
        ({"Tty": True, "OpenStdin": True}, "run", "docker run -dit busybox"),
        ({"Tty": True, "OpenStdin": True, "AttachStdin": True}, "run", "docker run -it busybox"),
        ({"Tty": True, "AttachStdout": True}, "run", "docker run -t busybox"),
        ({"OpenStdin": True, "AttachStdin": True}, "run", "docker run -i busybox"),
        ({}, "create", "docker create busybox"),
        ({"Tty": True, "OpenStdin": True}, "create", "docker create -it busybox"),
    ],
)
def test_in_front_or_in_the_background(config: dict[str, Any], verb: str, expected: str) -> None:
    assert run_line({"Image": "busybox", **config}, {}, verb=verb) == expected


@pytest.mark.parametrize(
    ("config", "image", "expected"),
    [
        ({"Cmd": ["sh"]}, {"Cmd": ["sh"]}, "docker run -d it"),
        ({"Cmd": ["sh", "-c", "echo $X"]}, {}, "docker run -d it sh -c 'echo $X'"),
        ({"Cmd": ["-d"], "Entrypoint": ["ls"]}, {"Entrypoint": ["ls"]}, "docker run -d it -d"),
        ({"Cmd": ["-d"], "Entrypoint": ["ls"]}, {}, "docker run -d --entrypoint ls it -d"),
        (
            {"Cmd": ["x"], "Entrypoint": ["sh", "-c", "echo $0"]},
            {"Entrypoint": ["old"]},
            "docker run -d --entrypoint sh it -c 'echo $0' x",
        ),
        ({"Cmd": ["x"], "Entrypoint": None}, {"Entrypoint": ["old"]}, "docker run -d --entrypoint '' it x"),
    ],
)
def test_the_command_and_the_entry_point(
    config: dict[str, Any], image: dict[str, Any], expected: str
) -> None:
    assert run_line({"Image": "it", **config}, {}, image=image) == expected


def test_what_the_image_says_already_is_left_out() -> None:
    image = {
        "User": "app",
        "WorkingDir": "/app",
        "StopSignal": "SIGINT",
        "Env": ["PATH=/bin", "A=1"],
        "Labels": {"a": "1", "b": "2"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**9, "Retries": 2},
    }
    assert line(image, {}, image=image) == ""
    own = {"Env": ["PATH=/bin", "A=2"], "Labels": {"a": "1", "b": "3"}}
    assert line(image | own, {}, image=image) == "--env A=2 --label b=3"


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CONFIG = (
    *("Hostname", "Domainname", "User", "WorkingDir", "StopSignal", "Env", "Labels", "ExposedPorts"),
    *("Volumes", "MacAddress", "Healthcheck", "StopTimeout", "Entrypoint", "Cmd", "Image", "Tty"),
)
HOST = (
    *("PortBindings", "Binds", "Mounts", "Tmpfs", "VolumesFrom", "ShmSize", "NetworkMode", "Links", "Dns"),
    *("Memory", "MemorySwap", "MemorySwappiness", "NanoCpus", "CpuShares", "CpuQuota", "Ulimits", "Devices"),
    *("CapAdd", "PidMode", "IpcMode", "Sysctls", "RestartPolicy", "LogConfig", "PidsLimit", "BlkioWeight"),
)


@given(
    st.dictionaries(st.sampled_from(CONFIG), JUNK, max_size=6),
    st.dictionaries(st.sampled_from(HOST), JUNK, max_size=6),
    st.dictionaries(st.text(max_size=8), JUNK, max_size=3),
    st.dictionaries(st.sampled_from(CONFIG), JUNK, max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_junk_gives_a_line_that_a_shell_can_read(
    config: dict[str, Any], host: dict[str, Any], networks: dict[str, Any], image: dict[str, Any]
) -> None:
    said = run_line(config, host, networks=networks, image=image)
    assert shlex.split(said)[:2] == ["docker", "run"]


@pytest.mark.parametrize("word", ["$(reboot)", "a;b", "`x`", "'", '"', "\n", "\x1b[31m", "*", "~", "#", "\\"])
def test_words_of_others_stay_words(word: str) -> None:
    config = {"Image": "busybox", "Cmd": [word], "Env": [f"A={word}"], "Labels": {word: word}, "User": word}
    said = run_line(config, {"Binds": [word], "Links": [f"/{word}:/x/y"]}, name=word)
    assert shlex.split(said).count(word) == 4
