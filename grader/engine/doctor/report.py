"""What the doctor says: lines with a status, on one screen or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "note", "problem"]
_SIGNS = {"ok": "ok", "note": "--", "problem": "!!"}


@dataclass(frozen=True)
class Item:
    """One line of the screen: ``next_step`` is there for every problem."""

    topic: str
    name: str
    status: Status
    text: str
    next_step: str = ""


@dataclass(frozen=True)
class Report:
    """What was found. ``usable``: a lab can start, with the engine image built or still to be built."""

    items: tuple[Item, ...]
    usable: bool

    def as_dict(self) -> dict[str, Any]:
        """A JSON object: usable, problems (a count), items."""
        problems = sum(item.status == "problem" for item in self.items)
        return {"usable": self.usable, "problems": problems, "items": [asdict(item) for item in self.items]}

    def as_text(self) -> str:
        """One screen."""
        lines, topic = [], ""
        for item in self.items:
            if item.topic != topic:
                topic = item.topic
                lines.append(topic)
            lines.append(f"  {_SIGNS[item.status]}  {item.name:<10} {item.text}")
            if item.next_step:
                lines.append(f"{'next:':>15}  {item.next_step}")
        verdict = "ready" if self.usable else "not ready: no lab can be started here yet, see the steps above"
        return "\n".join([*lines, f"Dockbook is {verdict}."])
