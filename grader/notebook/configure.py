"""``configure("daemon.json")``: the private engine applies what the student wrote, or says why not."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker import DockerClient

from grader import variables
from grader.errors import Blocked, EngineError
from grader.expect.show import InWords
from grader.expect.words import quote, visible
from grader.state.reach import looking
from grader.unix_socket import connect

MAX_BYTES = 64 * 1024
REPLY_S = 35.0
SHOWN_S = 10.0

Json = dict[str, Any]
Apply = Callable[[Mapping[str, object]], None]


class ConfigurationRefused(InWords, EngineError):
    """A ``daemon.json`` that cannot be read, or that the engine does not take."""


def configurer(
    connect: Callable[[], DockerClient],
    *,
    held: Apply | None = None,
    environment: Mapping[str, str] | None = None,
    shown_s: float = SHOWN_S,
) -> Callable[[str], None]:
    """``configure`` for a notebook.

    ``connect`` gives a client to see the result; ``held`` configures an engine that this kernel opened.
    """
    before: Json = {}

    def configure(path: str = "daemon.json") -> None:
        """Give the private engine this ``daemon.json``; containers keep running.

        Raises ConfigurationRefused, in words, when the file is not JSON or the engine does not take it.
        """
        nonlocal before
        name = Path(path).name
        options = read(Path(path))
        _look_at_mirrors(options, name)
        apply = _by_socket((os.environ if environment is None else environment).get(variables.CONTROL), held)
        try:
            apply(options)
        except ConfigurationRefused as refused:
            raise ConfigurationRefused(
                f"The engine does not take {name}: {refused.what}",
                next_step=refused.next_step
                or "correct the file and call configure() again; until then nothing changes.",
            ) from None
        earlier, before = before, {**before, **options}  # what a reload keeps, a later file may take back
        _see(connect, options, earlier, shown_s)
        before = options
        print(f"The engine has taken {name}: {', '.join(options) or 'no options'}.")

    return configure


def read(path: Path) -> Json:
    """The options in a file. Raises ConfigurationRefused with line and column if it is not a JSON object."""
    name = quote(str(path), 200)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationRefused(
            f"The file {name} cannot be read: {error.strerror or error}.",
            next_step="write it into this notebook's folder, or give its path.",
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigurationRefused(f"The file {name} is too long for a daemon.json.")
    try:
        options = json.loads(data.decode("utf-8"), object_pairs_hook=_table, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ConfigurationRefused(
            f"The file {name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.",
            next_step=_advice(error),
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationRefused(f"The file {name} is not text in UTF-8.") from error
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigurationRefused(f"The file {name} is not what a daemon.json can be: {why}.") from error
    if not isinstance(options, dict):
        raise ConfigurationRefused(
            f"The file {name} does not hold a JSON object.",
            next_step='write names and values in braces: {"debug": true}.',
        )
    return options


def _look_at_mirrors(options: Json, name: str) -> None:
    """A daemon accepts a mirror that is not an address, reports it only in its log, and continues without
    it."""
    given = options.get("registry-mirrors")
    for mirror in given if isinstance(given, list) else ():
        if not (isinstance(mirror, str) and _is_address(mirror)):
            raise ConfigurationRefused(
                f"The engine does not take {name}: the mirror {quote(mirror, 100)} is not an address.",
                next_step='write it in full, with http:// or https:// before the host: "http://mirror".',
            )


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):  # brackets that are not an IPv6 address
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    return False


def _table(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the name {quote(key, 60)} occurs twice in it")
        found[key] = value
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _advice(error: json.JSONDecodeError) -> str:
    line = error.doc.splitlines()[error.lineno - 1] if error.doc.splitlines() else ""
    before = error.doc[: error.pos].rstrip()
    if not error.doc.strip():
        return "the file is empty: {} is the smallest daemon.json."
    if "'" in line:
        return 'JSON puts text between double quotes: "...".'
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
        return "remove the comma before it: JSON has none after the last item."
    if any(word in line for word in ("True", "False", "None")):
        return "JSON writes true, false and null."
    if error.msg.startswith(("Illegal trailing comma", "Expecting property name")) and "," in before[-40:]:
        return "look at the comma before it: JSON has none after the last item."
    return "look there and just before: a comma, a quote or a bracket is missing, or there is one too many."


# The engine


def _by_socket(address: str | None, held: Apply | None) -> Apply:
    if address:
        return lambda options: _knock(address, options)
    if held is not None:
        return lambda options: _directly(held, options)
    raise ConfigurationRefused(
        "This engine is your own Docker: the course does not change its configuration.",
        next_step="edit its daemon.json yourself, or do this lesson on a private engine: `dockbook lab`.",
    )


def _directly(held: Apply, options: Mapping[str, object]) -> None:
    try:
        held(options)
    except EngineError as error:
        raise ConfigurationRefused(visible(error.what, 500), next_step=error.next_step) from error


def _knock(address: str, options: Mapping[str, object]) -> None:
    """One line there, one line back."""
    line = b""
    try:
        with connect(address, REPLY_S) as control:
            control.sendall(json.dumps({"daemon": options}).encode() + b"\n")
            end = time.monotonic() + REPLY_S
            while b"\n" not in line and len(line) <= MAX_BYTES and time.monotonic() < end:
                chunk = control.recv(65536)
                if not chunk:
                    break
                line += chunk
        reply = json.loads(line)
    except (OSError, ValueError) as error:
        raise ConfigurationRefused(
            f"nothing answered at the engine's control socket ({visible(str(error), 120)}).",
            next_step="is the engine still running? `dockbook lab` starts another.",
        ) from error
    if not (isinstance(reply, dict) and reply.get("ok") is True):
        why = reply.get("error") if isinstance(reply, dict) else None
        raise ConfigurationRefused(visible(str(why or "it did not say why"), 500).rstrip(".") + ".")


def _see(connect: Callable[[], DockerClient], options: Json, before: Json, within_s: float) -> None:
    """Wait until ``docker info`` shows the options: a reload takes a moment."""
    end = time.monotonic() + within_s
    missing: list[str] = []
    while True:
        with contextlib.suppress(Blocked):  # a daemon that is busy reloading
            missing = _not_shown(_info(connect()), options, before)
            if not missing:
                return
        if time.monotonic() > end:
            kept = [key for key in missing if key not in options]
            missing = [key for key in missing if key not in kept]
            if kept and not missing:
                raise ConfigurationRefused(
                    f"The engine took the file, and keeps an earlier value of: {', '.join(kept)}.",
                    next_step="a reload leaves alone what is no longer in the file. To take it back, write "
                    f'"{kept[0]}": [].',
                )
            raise ConfigurationRefused(
                f"The engine took the file, but does not show: {', '.join(missing) or 'no answer'}.",
                next_step='is each value of the kind that the daemon asks for? A mirror is a full address: "http://mirror".',
            )
        time.sleep(0.05)


def _info(client: DockerClient) -> Json:
    with looking(client, "the engine's information", 5) as look:
        found: Json = look.call(client.api.info)
    return found


def _not_shown(info: Json, options: Json, before: Json) -> list[str]:
    """Options that can be seen in ``docker info`` and are not yet as they should be."""
    wrong = []
    for key, shown in _SHOWN.items():
        here, wanted, old = shown(info), _values(options, key), _values(before, key)
        if wanted - here or (old - wanted) & here:
            wrong.append(key)
    if isinstance(options.get("debug"), bool) and info.get("Debug") is not options["debug"]:
        wrong.append("debug")
    return wrong


def _values(options: Json, key: str) -> set[str]:
    found = options.get(key)
    return {item.rstrip("/") for item in found if isinstance(item, str)} if isinstance(found, list) else set()


def _registries(info: Json) -> Json:
    found = info.get("RegistryConfig")
    return found if isinstance(found, dict) else {}


def _insecure(info: Json) -> set[str]:
    """Names are among the registries with ``Secure`` false; address ranges in a separate list."""
    names = _registries(info).get("IndexConfigs") or {}
    ranges = _registries(info).get("InsecureRegistryCIDRs") or []
    return {name for name, facts in names.items() if facts.get("Secure") is False} | set(ranges)


_SHOWN: dict[str, Callable[[Json], set[str]]] = {
    "registry-mirrors": lambda info: {item.rstrip("/") for item in _registries(info).get("Mirrors") or []},
    "insecure-registries": _insecure,
    "labels": lambda info: set(info.get("Labels") or []),
}
