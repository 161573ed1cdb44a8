"""Networks and volumes, as the engine lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.state import _shape as shape

PREDEFINED = ("bridge", "host", "none")
"""Networks that come with every engine."""


@dataclass(frozen=True)
class Network:
    """A network. Who is in it stands with the containers, the stopped ones too."""

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
        ranges = shape.rows(shape.table(data, "IPAM"), "Config")
        return cls(
            id=shape.text(data, "Id"),
            name=shape.text(data, "Name"),
            driver=shape.text(data, "Driver"),
            internal=shape.flag(data, "Internal"),
            subnets=tuple(shape.text(item, "Subnet") for item in ranges if isinstance(item, dict)),
            labels=shape.labels(data),
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
        return cls(shape.text(data, "Name"), shape.text(data, "Driver"), shape.labels(data))
