"""The one error tree. Every message says what, where, what was found, and the next step."""

from __future__ import annotations


class DockbookError(Exception):
    """Base of everything Dockbook raises on purpose.

    ``str()`` is one line for a person: what went wrong (and where, and what was found), then the next step.
    ``exit_code`` is what the command line ends with: 2 usage, 3 infrastructure.
    """

    exit_code = 3

    def __init__(self, what: str, *, next_step: str = "") -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what} Next: {next_step}" if next_step else what)


class UsageError(DockbookError):
    """The command was given something that cannot be used: a chapter, a file, an option."""

    exit_code = 2


class EngineError(DockbookError):
    """An engine could not be made, reached or kept."""


class EngineUnavailable(EngineError):
    """This backend cannot work on this machine; ``str()`` says why and what would change that."""


class EngineDied(EngineError):
    """An engine that was running is gone; the message carries the tail of its log."""


class StateUnfit(EngineDied):
    """The folder for an engine's persistent state cannot be used: its file system, its permissions, no
    room."""


class StateDamaged(EngineDied):
    """An engine did not start on its saved state."""


class StateBusy(EngineError):
    """Another engine uses this state. ``pid``: its process, 0 if it did not say."""

    def __init__(self, what: str, *, next_step: str = "", pid: int = 0) -> None:
        super().__init__(what, next_step=next_step)
        self.pid = pid


class ImageError(EngineError):
    """The engine image is missing, stale, damaged, or could not be built."""


class KernelError(DockbookError):
    """The kernel in an engine did not start, or does not answer."""


class KernelDied(KernelError):
    """The kernel ended while it was executing."""


class CourseError(UsageError):
    """A chapter, notebook or submission is missing or cannot be read."""


class NoCourse(CourseError):
    """No course is here or above, and none was named. A faulty course is another error."""


class GradebookError(DockbookError):
    """The gradebook cannot be read or written (locked, read-only, corrupt, another version)."""


class GradingBusy(DockbookError):
    """Another process grades in this course. ``pid``: which one, 0 if it did not say."""

    def __init__(self, what: str, *, next_step: str = "", pid: int = 0) -> None:
        super().__init__(what, next_step=next_step)
        self.pid = pid


class Blocked(DockbookError):
    """The check could not be made. Never the student's fault, never a zero: the work stays ungraded and
    visible."""


class NoAnswer(Blocked):
    """The engine did not answer in time. The submission may be the reason: then it happens again."""


class ObjectFault(Blocked):
    """The engine answered that it cannot inspect one of its objects: ``what`` it was, and ``why`` not.

    Such an object is the student's own work: in a check it is a finding.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"Could not inspect {what}: {why}.")
        self.subject, self.why = what, why
