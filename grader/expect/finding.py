"""What a check says: findings, and the four outcomes of a task."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Literal

from grader.expect.words import visible

Status = Literal["passed", "failed", "not_reached", "blocked"]

MAX_WORDS = 600
"""Characters of one field of a finding."""


@dataclass(frozen=True)
class Finding:
    """One thing that differs from what the task asks.

    ``expected`` is empty where saying it would give the answer away. All strings that come from the
    daemon (names, labels, logs) are the student's data: each field is cut to a line of MAX_WORDS printable
    characters here, and must still be escaped wherever it is shown as HTML.
    """

    subject: str
    property: str
    expected: str
    found: str
    hint: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            # A frozen dataclass is written once, here; see dataclasses on __post_init__.
            object.__setattr__(self, each.name, visible(getattr(self, each.name), MAX_WORDS))

    def __str__(self) -> str:
        expected = f"expected {self.expected}, " if self.expected else ""
        line = f"{self.subject}: {self.property}: {expected}found {self.found}."
        return f"{line} {self.hint}" if self.hint else line

    def as_dict(self) -> dict[str, str]:
        """A JSON object with the five fields."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """The verdict on one task. Only ``passed`` is worth points; ``reason`` serves the last two.

    ``silent``: blocked, since the engine did not answer in time.
    """

    status: Status
    findings: tuple[Finding, ...] = field(default=())
    reason: str = ""
    silent: bool = False

    @classmethod
    def passed(cls) -> Outcome:
        return cls("passed")

    @classmethod
    def failed(cls, *findings: Finding) -> Outcome:
        return cls("failed", findings)

    @classmethod
    def not_reached(cls, because: str) -> Outcome:
        return cls("not_reached", reason=because)

    @classmethod
    def blocked(cls, reason: str, *, silent: bool = False) -> Outcome:
        return cls("blocked", reason=reason, silent=silent)


@dataclass(frozen=True)
class TaskOutcome:
    """One task of a chapter and its verdict."""

    task: str
    outcome: Outcome
