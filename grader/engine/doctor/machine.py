"""What the doctor says of the machine itself: room, folders, ports, versions."""

from __future__ import annotations

from collections.abc import Iterator

from grader.engine.doctor.facts import Facts
from grader.engine.doctor.report import Item

_GB = 1 << 30
BUILD_BYTES = 4 * _GB
ROOM_BYTES = 1 * _GB
MEMORY_BYTES = 3 * _GB // 2


def room(facts: Facts) -> Iterator[Item]:
    """Disk first, then memory."""
    step = "free some space, or set DOCKBOOK_CACHE to a folder on another disk"
    needed = BUILD_BYTES if facts.image else ROOM_BYTES
    if facts.cache_free is None:
        yield Item("Room", "disk", "problem", f"the cache cannot be used: {facts.cache}", step)
    else:
        text = f"{facts.cache_free / _GB:.1f} GB free in {facts.cache}"
        if facts.cache_free < needed:
            yield Item("Room", "disk", "problem", f"{text}; {needed / _GB:.0f} GB are needed", step)
        else:
            yield Item("Room", "disk", "ok", text)
    if facts.memory_total is None or facts.memory_available is None:
        return
    text = f"{facts.memory_available / _GB:.1f} of {facts.memory_total / _GB:.1f} GB available"
    if facts.memory_available < MEMORY_BYTES:
        step = "close other programs: an engine with JupyterLab needs 1.5 GB"
        yield Item("Room", "memory", "problem", text, step)
    else:
        yield Item("Room", "memory", "ok", text)


def folders(facts: Facts) -> Iterator[Item]:
    """Unsuitable folders."""
    for place in facts.places:
        yield Item("Room", place.name, "problem" if place.needed else "note", place.text, place.next_step)


def ports(facts: Facts) -> Iterator[Item]:
    """The ports that a lab and the chapters want."""
    if 8888 in facts.busy_ports:
        yield Item("Ports", "8888", "note", "in use: JupyterLab takes the next free one (or --port N)")
    else:
        yield Item("Ports", "8888", "ok", "free for JupyterLab")
    if 5000 not in facts.busy_ports:
        yield Item("Ports", "5000", "ok", "free (chapters publish it)")
    elif facts.system == "Darwin":
        step = (
            "System Settings, General, AirDrop & Handoff: turn AirPlay Receiver off; or publish another port"
        )
        yield Item("Ports", "5000", "note", "in use, on macOS usually by AirPlay Receiver", step)
    else:
        text = "in use: this matters only with --backend host; a private engine has its own ports"
        yield Item("Ports", "5000", "note", text, "ss --listening --tcp --processes 'sport = :5000'")


def versions(facts: Facts) -> Iterator[Item]:
    """The system and the software."""
    text = f"{facts.distribution_name}, {facts.system} {facts.kernel}, {facts.machine}"
    if facts.system != "Linux":
        yield Item(
            "Versions", "system", "note", f"{text}: Dockbook has not been tried on {system_name(facts)} yet"
        )
    elif facts.wsl:
        yield Item("Versions", "system", "note", f"{text}: Dockbook has not been tried in WSL yet")
    else:
        yield Item("Versions", "system", "ok", text)
    yield Item(
        "Versions", "software", "ok", ", ".join(f"{name} {found}" for name, found in facts.versions.items())
    )


def system_name(facts: Facts) -> str:
    """The system's usual name."""
    return "macOS" if facts.system == "Darwin" else facts.system
