"""Docker's command lines, written from what the Engine API is told or tells about a container.

The options are those of ``docker run``; the JSON is that of ``POST /containers/create`` and of inspect, see
https://docs.docker.com/reference/cli/docker/container/run/ and https://docs.docker.com/reference/api/engine/.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from grader.state import _shape as shape

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
    """The ``docker run`` (or ``create``) line that makes such a container.

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
    words = ["docker", verb, *options, *entry, shape.text(config, "Image"), *command]
    return shlex.join(words)


def _manner(config: Data, host: Data, verb: str) -> Iterator[str]:
    attached = any(shape.flag(config, f"Attach{stream}") for stream in ("Stdin", "Stdout", "Stderr"))
    letters = "d" * (verb == "run" and not attached)
    letters += "i" * shape.flag(config, "OpenStdin") + "t" * shape.flag(config, "Tty")
    if letters:
        yield f"-{letters}"
    if shape.flag(host, "AutoRemove"):
        yield "--rm"


def _identity(config: Data, host: Data, image: Data, hostname: str) -> Iterator[str]:
    # With another's network comes its host name.
    borrowed = shape.text(host, "NetworkMode").startswith((_OF_CONTAINER, "host"))
    for option, key in (("--hostname", "Hostname"), ("--domainname", "Domainname")):
        value = shape.text(config, key)
        if value and value != hostname and not borrowed:
            yield from (option, value)
    for option, key in (("--user", "User"), ("--workdir", "WorkingDir"), ("--stop-signal", "StopSignal")):
        value = shape.text(config, key)
        if value and value != shape.text(image, key):
            yield from (option, value)
    for pair in shape.texts(config, "Env"):
        if pair not in shape.texts(image, "Env"):
            yield from ("--env", pair)
    known = shape.labels(image)
    for key, value in shape.labels(config).items():
        if known.get(key) != value:
            yield from ("--label", f"{key}={value}")


def _ports(config: Data, host: Data, image: Data) -> Iterator[str]:
    if shape.flag(host, "PublishAllPorts"):
        yield "--publish-all"
    bound = shape.table(host, "PortBindings")
    for key in bound:
        port, _, protocol = key.partition("/")
        inside = port if protocol in ("", "tcp") else f"{port}/{protocol}"
        for item in shape.tables(bound, key):
            address, outside = shape.text(item, "HostIp"), shape.text(item, "HostPort")
            address = f"[{address}]" if ":" in address else address
            front = [address] if address else []
            front += [outside] if outside and outside != "0" else [""] if address else []
            yield from ("--publish", ":".join([*front, inside]))
    for key in shape.table(config, "ExposedPorts"):
        if key not in bound and key not in shape.table(image, "ExposedPorts"):
            yield from ("--expose", key.removesuffix("/tcp"))


def _storage(config: Data, host: Data, image: Data) -> Iterator[str]:
    binds = shape.texts(host, "Binds")
    for bind in binds:
        yield from ("--volume", bind)
    # docker-py declares the target of a bind here, too; what is declared alone is a volume without a name.
    known = {bind if ":" not in bind else bind.split(":")[1] for bind in binds}
    for path in shape.table(config, "Volumes"):
        if path not in known and path not in shape.table(image, "Volumes"):
            yield from ("--volume", path)
    for item in shape.tables(host, "Mounts"):
        yield from ("--mount", _mount(item))
    if shape.text(host, "VolumeDriver"):
        yield from ("--volume-driver", shape.text(host, "VolumeDriver"))
    for path, given in shape.table(host, "Tmpfs").items():
        yield from ("--tmpfs", f"{path}:{given}" if given else path)
    for other in shape.texts(host, "VolumesFrom"):
        yield from ("--volumes-from", other)
    if shape.flag(host, "ReadonlyRootfs"):
        yield "--read-only"
    if shape.number(host, "ShmSize") not in (0, _SHM_BYTES):
        yield from ("--shm-size", _size(shape.number(host, "ShmSize")))


def _mount(item: Data) -> str:
    parts = [f"type={shape.text(item, 'Type')}"]
    parts += [f"source={shape.text(item, 'Source')}"] if shape.text(item, "Source") else []
    parts += [f"target={shape.text(item, 'Target')}"]
    parts += ["readonly"] if shape.flag(item, "ReadOnly") else []
    passing = shape.text(shape.table(item, "BindOptions"), "Propagation")
    parts += [f"bind-propagation={passing}"] if passing else []
    parts += ["volume-nocopy"] if shape.flag(shape.table(item, "VolumeOptions"), "NoCopy") else []
    memory = shape.table(item, "TmpfsOptions")
    parts += [f"tmpfs-size={shape.number(memory, 'SizeBytes')}"] if shape.number(memory, "SizeBytes") else []
    parts += [f"tmpfs-mode={shape.number(memory, 'Mode'):o}"] if shape.number(memory, "Mode") else []
    # The option is read as a line of CSV.
    return ",".join(f'"{part.replace(_QUOTE, _QUOTE * 2)}"' if "," in part else part for part in parts)


def _network(config: Data, host: Data, networks: Data) -> Iterator[str]:
    mode = shape.text(host, "NetworkMode")
    if mode not in _DEFAULT_NETWORKS:
        yield from ("--network", _scope(mode))
        place = shape.table(networks, mode)
        for alias in shape.texts(place, "Aliases"):
            yield from ("--network-alias", alias)
        address = shape.text(shape.table(place, "IPAMConfig"), "IPv4Address")
        if address:
            yield from ("--ip", address)
    for link in shape.texts(host, "Links"):
        other, _, inside = link.removeprefix("/").partition(":")
        alias = inside.rpartition("/")[2]
        yield from ("--link", other if alias in ("", other) else f"{other}:{alias}")
    if shape.text(config, "MacAddress"):
        yield from ("--mac-address", shape.text(config, "MacAddress"))
    for option, key in (
        ("--dns", "Dns"),
        ("--dns-search", "DnsSearch"),
        ("--dns-option", "DnsOptions"),
        ("--add-host", "ExtraHosts"),
    ):
        for value in shape.texts(host, key):
            yield from (option, value)


def _limits(host: Data) -> Iterator[str]:
    for option, key in (("--memory", "Memory"), ("--memory-reservation", "MemoryReservation")):
        if shape.number(host, key) > 0:
            yield from (option, _size(shape.number(host, key)))
    swap = shape.number(host, "MemorySwap")
    # Twice the memory is what the engine makes of none said; without a limit of memory it means nothing.
    if shape.number(host, "Memory") > 0 and swap not in (0, 2 * shape.number(host, "Memory")):
        yield from ("--memory-swap", _size(swap) if swap > 0 else "-1")
    if isinstance(host.get("MemorySwappiness"), int) and 0 <= shape.number(host, "MemorySwappiness") <= 100:
        yield from ("--memory-swappiness", str(shape.number(host, "MemorySwappiness")))
    if shape.number(host, "NanoCpus") > 0:
        yield from ("--cpus", _billionths(shape.number(host, "NanoCpus")))
    for option, key in (
        ("--cpu-shares", "CpuShares"),
        ("--cpu-period", "CpuPeriod"),
        ("--cpu-quota", "CpuQuota"),
        ("--blkio-weight", "BlkioWeight"),
        ("--pids-limit", "PidsLimit"),
    ):
        if shape.number(host, key) > 0:
            yield from (option, str(shape.number(host, key)))
    for option, key in (("--cpuset-cpus", "CpusetCpus"), ("--cpuset-mems", "CpusetMems")):
        if shape.text(host, key):
            yield from (option, shape.text(host, key))
    # No --oom-score-adj: an engine without root sets one for every container.
    if shape.flag(host, "OomKillDisable"):
        yield "--oom-kill-disable"
    for item in shape.tables(host, "Ulimits"):
        name, soft, hard = shape.text(item, "Name"), shape.number(item, "Soft"), shape.number(item, "Hard")
        yield from ("--ulimit", f"{name}={soft}:{hard}")


def _rights(host: Data) -> Iterator[str]:
    if shape.flag(host, "Privileged"):
        yield "--privileged"
    for option, key in (
        ("--cap-add", "CapAdd"),
        ("--cap-drop", "CapDrop"),
        ("--security-opt", "SecurityOpt"),
        ("--group-add", "GroupAdd"),
    ):
        for value in shape.texts(host, key):
            yield from (option, value)
    for item in shape.tables(host, "Devices"):
        outside, inside = shape.text(item, "PathOnHost"), shape.text(item, "PathInContainer")
        rights = shape.text(item, "CgroupPermissions")
        may = f":{rights}" if rights not in ("", "rwm") else ""
        yield from ("--device", (outside if outside == inside and not may else f"{outside}:{inside}") + may)
    for rule in shape.texts(host, "DeviceCgroupRules"):
        yield from ("--device-cgroup-rule", rule)
    for option, key, usual in (
        ("--pid", "PidMode", ""),
        ("--ipc", "IpcMode", "private"),
        ("--uts", "UTSMode", ""),
        ("--userns", "UsernsMode", ""),
        ("--cgroupns", "CgroupnsMode", "private"),
        ("--cgroup-parent", "CgroupParent", ""),
    ):
        if shape.text(host, key) not in ("", usual):
            yield from (option, _scope(shape.text(host, key)))
    for key, value in shape.labels(host, "Sysctls").items():
        yield from ("--sysctl", f"{key}={value}")


def _rest(config: Data, host: Data, image: Data) -> Iterator[str]:
    policy = shape.table(host, "RestartPolicy")
    if shape.text(policy, "Name") not in ("", "no"):
        most = shape.number(policy, "MaximumRetryCount")
        yield from ("--restart", shape.text(policy, "Name") + (f":{most}" if most else ""))
    if shape.flag(host, "Init"):
        yield "--init"
    log = shape.table(host, "LogConfig")
    if shape.text(log, "Type") not in ("", "json-file"):
        yield from ("--log-driver", shape.text(log, "Type"))
    for key, value in shape.table(log, "Config").items():
        yield from ("--log-opt", f"{key}={value}")
    yield from _health(shape.table(config, "Healthcheck"), shape.table(image, "Healthcheck"))
    # A time of 0 is one: kill at once.
    if isinstance(config.get("StopTimeout"), int):
        yield from ("--stop-timeout", str(shape.number(config, "StopTimeout")))


def _health(wanted: Data, image: Data) -> Iterator[str]:
    test = shape.texts(wanted, "Test")
    if test[:1] == ("NONE",):
        yield "--no-healthcheck"
        return
    if test and test != shape.texts(image, "Test"):
        yield from ("--health-cmd", shlex.join(test[1:]) if test[0] == "CMD" else " ".join(test[1:]))
    for option, key in (
        ("--health-interval", "Interval"),
        ("--health-timeout", "Timeout"),
        ("--health-start-period", "StartPeriod"),
        ("--health-start-interval", "StartInterval"),
    ):
        if shape.number(wanted, key) not in (0, shape.number(image, key)):
            yield from (option, f"{_billionths(shape.number(wanted, key))}s")
    if shape.number(wanted, "Retries") not in (0, shape.number(image, "Retries")):
        yield from ("--health-retries", str(shape.number(wanted, "Retries")))


def _command(config: Data, image: Data) -> tuple[list[str], list[str]]:
    """The option for another entry point, and the words after the image."""
    entry, command = shape.texts(config, "Entrypoint"), shape.texts(config, "Cmd")
    if entry == shape.texts(image, "Entrypoint"):
        return [], list(command) if command != shape.texts(image, "Cmd") else []
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
