"""Docker's command lines, written from what the Engine API is told or tells about a container.

The options are those of ``docker run``; the JSON is that of ``POST /containers/create`` and of inspect, see
https://docs.docker.com/reference/cli/docker/container/run/ and https://docs.docker.com/reference/api/engine/.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from grader.state import json_fields as fields

Data = Mapping[str, Any]
_SHM_BYTES = 64 << 20
_DEFAULT_NETWORKS = ("", "default", "bridge")
_QUOTE = '"'
_OF_CONTAINER = "container:"
_ID = 64
_UNITS = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10))


def run_line(
    config: Data,
    host: Data,
    *,
    name: str = "",
    hostname: str = "",
    networks: Data | None = None,
    image: Data | None = None,
    verb: str = "run",
) -> str:
    """The ``docker run`` (or ``create``) line that creates such a container.

    ``config``, ``host``: its Config and HostConfig. ``hostname``: the one that it has by default: that takes
    no option. ``networks``: its endpoints by network. ``image``: the Config of its image: what the image says
    already is left out.
    """
    image = image or {}
    options = [
        *_manner(config, host, verb),
        *(["--name", name] if name else []),
        *_identity(config, host, image, hostname),
        *_ports(config, host, image),
        *_storage(config, host, image),
        *_network(config, host, networks or {}),
        *_limits(host),
        *_rights(host),
        *_rest(config, host, image),
    ]
    entry, command = _command(config, image)
    words = ["docker", verb, *options, *entry, fields.text(config, "Image"), *command]
    return shlex.join(words)


def _manner(config: Data, host: Data, verb: str) -> Iterator[str]:
    attached = any(fields.flag(config, f"Attach{stream}") for stream in ("Stdin", "Stdout", "Stderr"))
    letters = "d" * (verb == "run" and not attached)
    letters += "i" * fields.flag(config, "OpenStdin") + "t" * fields.flag(config, "Tty")
    if letters:
        yield f"-{letters}"
    if fields.flag(host, "AutoRemove"):
        yield "--rm"


def _identity(config: Data, host: Data, image: Data, hostname: str) -> Iterator[str]:
    # With another's network comes its host name.
    borrowed = fields.text(host, "NetworkMode").startswith((_OF_CONTAINER, "host"))
    for option, key in (("--hostname", "Hostname"), ("--domainname", "Domainname")):
        value = fields.text(config, key)
        if value and value != hostname and not borrowed:
            yield from (option, value)
    for option, key in (("--user", "User"), ("--workdir", "WorkingDir"), ("--stop-signal", "StopSignal")):
        value = fields.text(config, key)
        if value and value != fields.text(image, key):
            yield from (option, value)
    for pair in fields.texts(config, "Env"):
        if pair not in fields.texts(image, "Env"):
            yield from ("--env", pair)
    known = fields.labels(image)
    for key, value in fields.labels(config).items():
        if known.get(key) != value:
            yield from ("--label", f"{key}={value}")


def _ports(config: Data, host: Data, image: Data) -> Iterator[str]:
    if fields.flag(host, "PublishAllPorts"):
        yield "--publish-all"
    bound = fields.table(host, "PortBindings")
    for key in bound:
        port, _, protocol = key.partition("/")
        inside = port if protocol in ("", "tcp") else f"{port}/{protocol}"
        for item in fields.tables(bound, key):
            address, outside = fields.text(item, "HostIp"), fields.text(item, "HostPort")
            address = f"[{address}]" if ":" in address else address
            front = [address] if address else []
            front += [outside] if outside and outside != "0" else [""] if address else []
            yield from ("--publish", ":".join([*front, inside]))
    for key in fields.table(config, "ExposedPorts"):
        if key not in bound and key not in fields.table(image, "ExposedPorts"):
            yield from ("--expose", key.removesuffix("/tcp"))


def _storage(config: Data, host: Data, image: Data) -> Iterator[str]:
    binds = fields.texts(host, "Binds")
    for bind in binds:
        yield from ("--volume", bind)
    # docker-py declares the target of a bind here, too; what is declared alone is a volume without a name.
    known = {bind if ":" not in bind else bind.split(":")[1] for bind in binds}
    for path in fields.table(config, "Volumes"):
        if path not in known and path not in fields.table(image, "Volumes"):
            yield from ("--volume", path)
    for item in fields.tables(host, "Mounts"):
        yield from ("--mount", _mount(item))
    if fields.text(host, "VolumeDriver"):
        yield from ("--volume-driver", fields.text(host, "VolumeDriver"))
    for path, given in fields.table(host, "Tmpfs").items():
        yield from ("--tmpfs", f"{path}:{given}" if given else path)
    for other in fields.texts(host, "VolumesFrom"):
        yield from ("--volumes-from", other)
    if fields.flag(host, "ReadonlyRootfs"):
        yield "--read-only"
    if fields.number(host, "ShmSize") not in (0, _SHM_BYTES):
        yield from ("--shm-size", _size(fields.number(host, "ShmSize")))


def _mount(item: Data) -> str:
    parts = [f"type={fields.text(item, 'Type')}"]
    parts += [f"source={fields.text(item, 'Source')}"] if fields.text(item, "Source") else []
    parts += [f"target={fields.text(item, 'Target')}"]
    parts += ["readonly"] if fields.flag(item, "ReadOnly") else []
    passing = fields.text(fields.table(item, "BindOptions"), "Propagation")
    parts += [f"bind-propagation={passing}"] if passing else []
    parts += ["volume-nocopy"] if fields.flag(fields.table(item, "VolumeOptions"), "NoCopy") else []
    memory = fields.table(item, "TmpfsOptions")
    parts += (
        [f"tmpfs-size={fields.number(memory, 'SizeBytes')}"] if fields.number(memory, "SizeBytes") else []
    )
    parts += [f"tmpfs-mode={fields.number(memory, 'Mode'):o}"] if fields.number(memory, "Mode") else []
    # The option is read as a line of CSV.
    return ",".join(f'"{part.replace(_QUOTE, _QUOTE * 2)}"' if "," in part else part for part in parts)


def _network(config: Data, host: Data, networks: Data) -> Iterator[str]:
    mode = fields.text(host, "NetworkMode")
    if mode not in _DEFAULT_NETWORKS:
        yield from ("--network", _scope(mode))
        place = fields.table(networks, mode)
        for alias in fields.texts(place, "Aliases"):
            yield from ("--network-alias", alias)
        address = fields.text(fields.table(place, "IPAMConfig"), "IPv4Address")
        if address:
            yield from ("--ip", address)
    for link in fields.texts(host, "Links"):
        other, _, inside = link.removeprefix("/").partition(":")
        alias = inside.rpartition("/")[2]
        yield from ("--link", other if alias in ("", other) else f"{other}:{alias}")
    if fields.text(config, "MacAddress"):
        yield from ("--mac-address", fields.text(config, "MacAddress"))
    for option, key in (
        ("--dns", "Dns"),
        ("--dns-search", "DnsSearch"),
        ("--dns-option", "DnsOptions"),
        ("--add-host", "ExtraHosts"),
    ):
        for value in fields.texts(host, key):
            yield from (option, value)


def _limits(host: Data) -> Iterator[str]:
    for option, key in (("--memory", "Memory"), ("--memory-reservation", "MemoryReservation")):
        if fields.number(host, key) > 0:
            yield from (option, _size(fields.number(host, key)))
    swap = fields.number(host, "MemorySwap")
    # By default the engine sets twice the memory; without a memory limit it means nothing.
    if fields.number(host, "Memory") > 0 and swap not in (0, 2 * fields.number(host, "Memory")):
        yield from ("--memory-swap", _size(swap) if swap > 0 else "-1")
    if isinstance(host.get("MemorySwappiness"), int) and 0 <= fields.number(host, "MemorySwappiness") <= 100:
        yield from ("--memory-swappiness", str(fields.number(host, "MemorySwappiness")))
    if fields.number(host, "NanoCpus") > 0:
        yield from ("--cpus", _billionths(fields.number(host, "NanoCpus")))
    for option, key in (
        ("--cpu-shares", "CpuShares"),
        ("--cpu-period", "CpuPeriod"),
        ("--cpu-quota", "CpuQuota"),
        ("--blkio-weight", "BlkioWeight"),
        ("--pids-limit", "PidsLimit"),
    ):
        if fields.number(host, key) > 0:
            yield from (option, str(fields.number(host, key)))
    for option, key in (("--cpuset-cpus", "CpusetCpus"), ("--cpuset-mems", "CpusetMems")):
        if fields.text(host, key):
            yield from (option, fields.text(host, key))
    # No --oom-score-adj: an engine without root sets one for every container.
    if fields.flag(host, "OomKillDisable"):
        yield "--oom-kill-disable"
    for item in fields.tables(host, "Ulimits"):
        name, soft, hard = (
            fields.text(item, "Name"),
            fields.number(item, "Soft"),
            fields.number(item, "Hard"),
        )
        yield from ("--ulimit", f"{name}={soft}:{hard}")


def _rights(host: Data) -> Iterator[str]:
    if fields.flag(host, "Privileged"):
        yield "--privileged"
    for option, key in (
        ("--cap-add", "CapAdd"),
        ("--cap-drop", "CapDrop"),
        ("--security-opt", "SecurityOpt"),
        ("--group-add", "GroupAdd"),
    ):
        for value in fields.texts(host, key):
            yield from (option, value)
    for item in fields.tables(host, "Devices"):
        outside, inside = fields.text(item, "PathOnHost"), fields.text(item, "PathInContainer")
        rights = fields.text(item, "CgroupPermissions")
        may = f":{rights}" if rights not in ("", "rwm") else ""
        yield from ("--device", (outside if outside == inside and not may else f"{outside}:{inside}") + may)
    for rule in fields.texts(host, "DeviceCgroupRules"):
        yield from ("--device-cgroup-rule", rule)
    for option, key, usual in (
        ("--pid", "PidMode", ""),
        ("--ipc", "IpcMode", "private"),
        ("--uts", "UTSMode", ""),
        ("--userns", "UsernsMode", ""),
        ("--cgroupns", "CgroupnsMode", "private"),
        ("--cgroup-parent", "CgroupParent", ""),
    ):
        if fields.text(host, key) not in ("", usual):
            yield from (option, _scope(fields.text(host, key)))
    for key, value in fields.labels(host, "Sysctls").items():
        yield from ("--sysctl", f"{key}={value}")


def _rest(config: Data, host: Data, image: Data) -> Iterator[str]:
    policy = fields.table(host, "RestartPolicy")
    if fields.text(policy, "Name") not in ("", "no"):
        most = fields.number(policy, "MaximumRetryCount")
        yield from ("--restart", fields.text(policy, "Name") + (f":{most}" if most else ""))
    if fields.flag(host, "Init"):
        yield "--init"
    log = fields.table(host, "LogConfig")
    if fields.text(log, "Type") not in ("", "json-file"):
        yield from ("--log-driver", fields.text(log, "Type"))
    for key, value in fields.table(log, "Config").items():
        yield from ("--log-opt", f"{key}={value}")
    yield from _health(fields.table(config, "Healthcheck"), fields.table(image, "Healthcheck"))
    # A time of 0 is one: kill at once.
    if isinstance(config.get("StopTimeout"), int):
        yield from ("--stop-timeout", str(fields.number(config, "StopTimeout")))


def _health(wanted: Data, image: Data) -> Iterator[str]:
    test = fields.texts(wanted, "Test")
    if test[:1] == ("NONE",):
        yield "--no-healthcheck"
        return
    if test and test != fields.texts(image, "Test"):
        yield from ("--health-cmd", shlex.join(test[1:]) if test[0] == "CMD" else " ".join(test[1:]))
    for option, key in (
        ("--health-interval", "Interval"),
        ("--health-timeout", "Timeout"),
        ("--health-start-period", "StartPeriod"),
        ("--health-start-interval", "StartInterval"),
    ):
        if fields.number(wanted, key) not in (0, fields.number(image, key)):
            yield from (option, f"{_billionths(fields.number(wanted, key))}s")
    if fields.number(wanted, "Retries") not in (0, fields.number(image, "Retries")):
        yield from ("--health-retries", str(fields.number(wanted, "Retries")))


def _command(config: Data, image: Data) -> tuple[list[str], list[str]]:
    """The option for another entry point, and the command after the image."""
    entry, command = fields.texts(config, "Entrypoint"), fields.texts(config, "Cmd")
    if entry == fields.texts(image, "Entrypoint"):
        return [], list(command) if command != fields.texts(image, "Cmd") else []
    if not entry:
        return ["--entrypoint", ""], list(command)
    # The option takes one word; what follows it can only come before the command.
    return ["--entrypoint", entry[0]], [*entry[1:], *command]


def _scope(words: str) -> str:
    """A name space as a person types it: of a container by its short id."""
    other = words.removeprefix(_OF_CONTAINER)
    return words if other == words or len(other) != _ID else _OF_CONTAINER + other[:12]


def _billionths(number: int) -> str:
    """``1.5`` of 1 500 000 000, however large."""
    whole, rest = divmod(number, 10**9)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


def _size(number: int) -> str:
    for unit, factor in _UNITS:
        if number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}b"
