"""Networks and volumes, as the engine lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.state import json_fields as fields

PREDEFINED = ("bridge", "host", "none")
"""Networks that come with every engine."""


@dataclass(frozen=True)
class Network:
    """A network. The containers say who is in it, stopped ones too."""

    id: str
    name: str
    driver: str
    internal: bool
    subnets: tuple[str, ...]
    labels: dict[str, str] = field(hash=False)

    @property
    def predefined(self) -> bool:
        """Whether it comes with the engine."""
        return self.name in PREDEFINED

    @classmethod
    def from_list(cls, data: dict[str, Any]) -> Network:
        """Read one entry of ``GET /networks``."""
        ranges = fields.rows(fields.table(data, "IPAM"), "Config")
        return cls(
            id=fields.text(data, "Id"),
            name=fields.text(data, "Name"),
            driver=fields.text(data, "Driver"),
            internal=fields.flag(data, "Internal"),
            subnets=tuple(fields.text(item, "Subnet") for item in ranges if isinstance(item, dict)),
            labels=fields.labels(data),
        )


@dataclass(frozen=True)
class Volume:
    """A named volume."""

    name: str
    driver: str
    labels: dict[str, str] = field(hash=False)

    @classmethod
    def from_list(cls, data: dict[str, Any]) -> Volume:
        """Read one entry of ``GET /volumes``."""
        return cls(fields.text(data, "Name"), fields.text(data, "Driver"), fields.labels(data))
