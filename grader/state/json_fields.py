"""Take values out of the engine's JSON whatever the API version left out, renamed or made null."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]


def text(source: Json, key: str) -> str:
    """A string, or ``""``."""
    value = source.get(key)
    return value if isinstance(value, str) else ""


def number(source: Json, key: str) -> int:
    """An integer, or 0; a string of digits counts (ports come as strings)."""
    value = source.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) else 0


def flag(source: Json, key: str) -> bool:
    """True only for JSON true."""
    return source.get(key) is True


def table(source: Json, key: str) -> dict[str, Any]:
    """An object, or ``{}``."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def rows(source: Json, key: str) -> list[Any]:
    """An array, or ``[]``."""
    value = source.get(key)
    return value if isinstance(value, list) else []


def tables(source: Json, key: str) -> list[dict[str, Any]]:
    """The objects of an array."""
    return [item for item in rows(source, key) if isinstance(item, dict)]


def texts(source: Json, key: str) -> tuple[str, ...]:
    """The strings of an array. A lone string (old daemons gave one for Entrypoint) is one word."""
    value = source.get(key)
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(item for item in rows(source, key) if isinstance(item, str))


def labels(source: Json, key: str = "Labels") -> dict[str, str]:
    """An object of strings."""
    return {name: str(value) for name, value in table(source, key).items()}


def environment(source: Json, key: str = "Env") -> dict[str, str]:
    """``NAME=value`` strings as a table; a name without ``=`` has the value ``""``."""
    return {name: value for name, _, value in (item.partition("=") for item in texts(source, key))}


def moment(source: Json, key: str) -> datetime | None:
    """A time with its zone; None where the engine wrote "never" (year 1), nothing, or nonsense."""
    try:
        when = datetime.fromisoformat(text(source, key))
    except ValueError:
        return None
    return when if when.year > 1 and when.tzinfo is not None else None
