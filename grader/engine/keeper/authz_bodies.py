"""The authorization plugin's rules for bodies: what a container, a volume, a network may be told to be.

A check takes a JSON value and raises ``Denied`` with words for the student. dockerd reads JSON with Go's
encoding/json: keys without regard to case (K, the Kelvin sign, is a k), what is named twice is merged,
null means "as if it were not there". So: ASCII keys, nothing twice, and a field that is not listed here may
only be empty. Standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

Json = object
Check = Callable[[Json], None]
ENGINE = "this course's engine does not"


class Denied(ValueError):
    """Raised by a rule with the reason, in words for the student."""


def parse(body: bytes | None) -> Json:
    """The JSON object of a request's body, as dockerd hands it to its plugins. Raises ValueError."""
    if not body:
        raise Denied(
            f"{ENGINE} take this request without a readable JSON body (application/json, less than 1 MiB)"
        )
    return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):  # Go merges the second into the first
        raise Denied(f"{ENGINE} take a request that says the same thing twice")
    return found


def _constant(name: str) -> Json:
    raise ValueError(name)


def _struct(value: Json) -> dict[str, Json]:
    """An object whose keys Go matches with Unicode case folding: K (U+212A) is a k, so ASCII keys only."""
    if not isinstance(value, dict):
        raise Denied(f"{ENGINE} understand the body of this request")
    folded: dict[str, Json] = {}
    for key, item in value.items():
        if not key.isascii() or key.lower() in folded:
            raise Denied(f"{ENGINE} understand the option {key[:40]!a}")
        folded[key.lower()] = item
    return folded


def _fields(checks: Mapping[str, Check]) -> Check:
    """A check of an object: every field by its own check; one that is not listed may only be empty."""

    def check(value: Json) -> None:
        for key, item in _struct(value).items():
            if item is None:  # for Go: as if it were not there
                continue
            rule = checks.get(key)
            if rule is not None:
                rule(item)
            elif item:
                raise Denied(f"{ENGINE} know the option {key[:40]!a}")

    return check


def _any(value: Json) -> None:
    """Anything: the option stays inside the container whatever it says."""


def _free(names: str) -> dict[str, Check]:
    """These fields may say anything."""
    return dict.fromkeys(names.split(), _any)


def _empty(words: str) -> Check:
    def check(value: Json) -> None:
        if value:
            raise Denied(f"{ENGINE} {words}")

    return check


def _absent(words: str) -> Check:
    def check(_: Json) -> None:
        raise Denied(f"{ENGINE} {words}")  # even an empty value switches a protection off

    return check


def _matches(pattern: str, words: str) -> Check:
    def check(value: Json) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Denied(f"{ENGINE} {words}")

    return check


def _each(rule: Check) -> Check:
    def check(value: Json) -> None:
        if not isinstance(value, list):
            raise Denied(f"{ENGINE} understand a list in this request")
        for item in value:
            rule(item)

    return check


def _entries(rule: Callable[[str, Json], None]) -> Check:
    def check(value: Json) -> None:
        if not isinstance(value, dict):
            raise Denied(f"{ENGINE} understand a table in this request")
        for key, item in value.items():
            rule(key, item)

    return check


def _table(allowed: str, words: str) -> Check:
    """Options of text: their names must match ``allowed``, their values are of no consequence."""

    def rule(key: str, item: Json) -> None:
        if not re.fullmatch(allowed, key) or not isinstance(item, str):
            raise Denied(f"{ENGINE} {words} {key[:60]!a}")

    return _entries(rule)


OUTSIDE = "(it would reach outside the container)"
NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
OTHER = f"container:{NAME}"
_DEFAULT_CAPS = (
    "AUDIT_WRITE|CHOWN|DAC_OVERRIDE|FOWNER|FSETID|KILL|MKNOD|NET_BIND_SERVICE|NET_RAW|SETFCAP|SETGID|SETPCAP|SETUID"
    "|SYS_CHROOT"
)
_BIND = rf"(?:{NAME}:)?/[^:]*(?::(?:(?:ro|rw|z|Z|nocopy|consistent|cached|delegated)(?:,(?=.)|$))+)?"
_TMPFS = re.compile(
    r"(?:(?:size|uid|gid|mode|nr_inodes)=[0-9A-Za-z%]+|ro|rw|(?:no)?(?:exec|suid|dev|atime))?"
)


def _bind(value: Json) -> None:
    if not isinstance(value, str) or not re.fullmatch(_BIND, value):
        raise Denied(
            f"{ENGINE} mount the host's folders {OUTSIDE}: use a named volume, as in -v data:/data; "
            f"found {str(value)[:60]!a}"
        )


def _driver_opts(value: Json) -> None:
    if not value:
        return
    table = value if isinstance(value, dict) else {}
    given = {key: item for key, item in table.items() if isinstance(item, str)}
    known = len(given) == len(table) and set(given) <= {"type", "device", "o"}
    options = given.get("o", "").split(",")
    if not (known and given.get("type") == "tmpfs" and given.get("device") in ("tmpfs", "none", "")):
        raise Denied(
            f"{ENGINE} make volumes of anything but the local driver's own folders and tmpfs {OUTSIDE}"
        )
    if not all(re.fullmatch(_TMPFS, option) for option in options):
        raise Denied(f"{ENGINE} know these options of a tmpfs volume")


_driver = _matches("|local", "have volume drivers other than 'local'")
_mount_kinds: dict[str, Check] = {
    "volume": _fields(
        {
            "type": _any,
            "source": _matches(f"|{NAME}", f"mount the host's folders {OUTSIDE}: use a named volume"),
            "volumeoptions": _fields(
                {"nocopy": _any, "labels": _any, "subpath": _any}
                | {"driverconfig": _fields({"name": _driver, "options": _driver_opts})}
            ),
        }
        | _free("target readonly consistency")
    ),
    "tmpfs": _fields(_free("type target readonly consistency tmpfsoptions")),
}


def _mount(value: Json) -> None:
    kind = _struct(value).get("type")
    rule = _mount_kinds.get(kind) if isinstance(kind, str) else None
    if rule is None:
        raise Denied(f"{ENGINE} mount the host's folders {OUTSIDE}: use a volume or tmpfs, found {kind!a}")
    rule(value)


def _oom_score(value: Json) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Denied(f"{ENGINE} shield a container from running out of memory")


_endpoint = _fields(
    _free(
        "ipamconfig links aliases networkid endpointid gateway ipaddress ipprefixlen ipv6gateway"
        " globalipv6address globalipv6prefixlen macaddress dnsnames gwpriority"
    )
    # The bridge driver's own: an interface's name, its sysctls, and what it does not know and ignores.
    | {"driveropts": _table(r"[A-Za-z0-9_.-]+", "know the option of a network's endpoint")}
)


def _endpoint_of(network: str, value: Json) -> None:
    if network == "host":
        raise Denied(f"{ENGINE} put a container on the host's network {OUTSIDE}")
    if value is not None:
        _endpoint(value)


_RESOURCES: dict[str, Check] = _free(
    "cpushares memory nanocpus blkioweight cpuperiod cpuquota cpurealtimeperiod cpurealtimeruntime cpusetcpus"
    " cpusetmems kernelmemory kernelmemorytcp memoryreservation memoryswap memoryswappiness oomkilldisable"
    " pidslimit ulimits cpucount cpupercent iomaximumiops iomaximumbandwidth"
)
_RESOURCES |= {
    "cgroupparent": _empty(f"let a container choose its control group {OUTSIDE}"),
    "devices": _empty(f"hand devices to a container {OUTSIDE}"),
    "devicerequests": _empty(f"hand devices to a container {OUTSIDE}"),
    "devicecgrouprules": _empty(f"hand devices to a container {OUTSIDE}"),
}
_restart = _fields({"name": _any, "maximumretrycount": _any})
UPDATE = _fields(_RESOURCES | {"restartpolicy": _restart})
_unmask = "show a container the kernel's hidden files (it would reach outside the container)"
_host_config = _fields(
    _RESOURCES
    | _free(
        "containeridfile portbindings autoremove volumesfrom consolesize capdrop dns dnsoptions dnssearch"
        " extrahosts groupadd links publishallports readonlyrootfs shmsize tmpfs init"
    )
    | {
        "restartpolicy": _restart,
        "binds": _each(_bind),
        "mounts": _each(_mount),
        "volumedriver": _driver,
        "privileged": _empty(f"let a container be privileged {OUTSIDE}"),
        "networkmode": _matches(
            f"|{OTHER}|(?!host$){NAME}", f"put a container on the host's network {OUTSIDE}"
        ),
        "pidmode": _matches(f"|{OTHER}", f"show a container the host's processes {OUTSIDE}"),
        "ipcmode": _matches(
            f"|none|private|shareable|{OTHER}", f"give a container the host's shared memory {OUTSIDE}"
        ),
        "utsmode": _empty(f"give a container the host's name {OUTSIDE}"),
        "usernsmode": _empty(f"take a container out of its user namespace {OUTSIDE}"),
        "cgroupnsmode": _matches("|private", f"show a container the host's control groups {OUTSIDE}"),
        "cgroup": _empty(f"let a container choose its control group {OUTSIDE}"),
        "capadd": _each(
            _matches(
                f"(?i:(?:CAP_)?(?:{_DEFAULT_CAPS}))",
                f"give a container more capabilities than Docker's own set {OUTSIDE}",
            )
        ),
        "securityopt": _each(
            _matches(
                "no-new-privileges(?:[:=](?:true|false))?",
                f"loosen a container's security (no-new-privileges is fine) {OUTSIDE}",
            )
        ),
        "sysctls": _table(
            r"net\.(?:ipv4|ipv6|core)(?:\.[\w-]+)+|kernel\.(?:(?:msg|shm)[a-z_]+|sem)|fs\.mqueue\.[a-z_]+",
            "let a container set the kernel's parameter",
        ),
        "logconfig": _fields(
            {
                "type": _matches("|json-file|local|none", "have log drivers but json-file, local and none"),
                "config": _table(
                    "max-size|max-file|max-buffer-size|mode|compress|tag|labels|labels-regex|env|env-regex",
                    "know the log option",
                ),
            }
        ),
        "isolation": _matches("(?i:|default|process)", "have this kind of isolation"),
        "runtime": _empty("let a container choose its runtime"),
        "oomscoreadj": _oom_score,
        "maskedpaths": _absent(_unmask),
        "readonlypaths": _absent(_unmask),
        "storageopt": _empty("take storage options"),
        "annotations": _empty("take annotations: the runtime reads them as orders"),
    }
)
CREATE = _fields(
    _free(
        "hostname domainname user attachstdin attachstdout attachstderr exposedports tty openstdin stdinonce"
        " env cmd healthcheck argsescaped image workingdir entrypoint networkdisabled macaddress onbuild"
        " labels stopsignal stoptimeout shell volumes"
    )
    | {
        "hostconfig": _host_config,
        "networkingconfig": _fields({"endpointsconfig": _entries(_endpoint_of)}),
    }
)


def limits_cpus(body: bytes | None) -> bool:
    """Whether a container's settings, which passed the rules, say how many processors it may use."""
    settings = _struct(parse(body))
    host = settings.get("hostconfig")
    return bool((_struct(host) if host else settings).get("nanocpus"))


EXEC = _fields(
    _free(
        "container user tty consolesize attachstdin attachstdout attachstderr detach detachkeys env"
        " workingdir cmd"
    )
    | {"privileged": _empty(f"let a command in a container be privileged {OUTSIDE}")}
)
VOLUME_CREATE = _fields(
    {"name": _matches(f"|{NAME}", "take this name for a volume"), "labels": _any}
    | {"driver": _driver, "driveropts": _driver_opts}
)
NETWORK = _fields(
    _free("name checkduplicate internal attachable enableipv4 enableipv6 labels")
    | {
        "driver": _matches("|bridge", f"make networks but bridges {OUTSIDE}"),
        "scope": _matches("|local", "make networks beyond this engine"),
        "configfrom": _fields({}),
        "ipam": _fields({"driver": _matches("|default", "have address drivers but its own"), "config": _any}),
        "options": _table(
            r"com\.docker\.network\.(?:driver\.mtu|container_iface_prefix|bridge\.(?:enable_icc|enable_ip_masquerade"
            r"|host_binding_ipv4|gateway_mode_ipv[46]))",
            "know the network option",
        ),
    }
)
CONNECT = _fields({"container": _any, "endpointconfig": _endpoint})
