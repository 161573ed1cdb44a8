"""Values that vary from student to student, and stay the same for each: ports, words, numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from grader.errors import CourseError
from grader.expect.words import quote

_VERSION = "1"
"""Part of every value: another one gives all students other values, and stored outputs other text."""

SCENE_LABEL = "dockbook.scene"

# Where programs of the student's machine may well listen: databases, desktops, names on the local network.
_IN_USE = {5222, 5269, 5351, 5353, 5354, 5355, 5357, 5432, 5555, 5601, 5671, 5672, 5900}
PORTS = tuple(port for port in range(5100, 6000) if port not in _IN_USE)
"""Their number is a prime, 887: so that every step but zero goes through all of them (see ``port``)."""

# Two tables whose every pair can be said aloud, in 5 to 7 letters, and means nothing rude.
_HEADS = (
    "bal", "bel", "bor", "cal", "cor", "dal", "del", "dor", "fal", "fen", "gal", "hal", "hol", "jor",
    "kal", "kel", "lam", "lin", "lor", "mal", "mar", "mel", "mil", "nal", "nor", "pal", "pel", "ral",
    "rel", "rin", "sal", "sel", "sol", "tal", "tel", "tor", "val", "vel", "vin", "wil", "zel",
)  # fmt: skip
_TAILS = (
    "da", "de", "ka", "ko", "lo", "ma", "mo", "na", "ta", "to", "va", "vo", "ado", "aro", "elo", "ena",
    "era", "ero", "ilo", "ina", "iro", "ola", "ona", "ora", "uma", "una", "uro", "uvo", "ando", "arda",
    "elda", "endo", "enta", "inda", "ondo", "orta", "undo",
)  # fmt: skip


@dataclass(frozen=True)
class StudentValues:
    """One student's values. ``student`` is the id that the work is graded under; ``""``: the source's own."""

    student: str = ""

    def port(self, task: str) -> int:
        """A port from 5100 to 5999. Tasks whose ports differ for one student differ for all.

        Example: ``engine.container("web").publishes(5000, engine.mine.port("web"))``
        """
        # The task alone chooses the place and the student a permutation of the places: so a course can make
        # sure once, for all students, that no two of its tasks meet.
        place = _digest("", "port", _named(task))
        own = _digest(self.student, "port", "")
        step, start = 1 + own % (len(PORTS) - 1), own // len(PORTS)
        return PORTS[(place * step + start) % len(PORTS)]

    def word(self, task: str) -> str:
        """A word of 5 to 7 lowercase letters that can be said aloud.

        Example: ``engine.container("echo").printed(engine.mine.word("echo"))``
        """
        return _word(_digest(self.student, "word", _named(task)))

    def number(self, task: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included. Raises CourseError if there is none.

        Example: ``engine.answer("sum").equals(engine.mine.number("sum", 10, 99) + 1)``
        """
        if low > high:
            raise CourseError(
                f"There is no number between {low} and {high}.", next_step="give the smaller one first."
            )
        return low + _digest(self.student, "number", _named(task)) % (high - low + 1)


@dataclass(frozen=True)
class Hidden:
    """Values that a student is to find on the engine, where ``scene("task")`` put them.

    They vary as those of ``StudentValues`` do, and are others: what ``mine`` gives away in a notebook is none
    of them.
    """

    student: str = ""

    def label(self, task: str) -> dict[str, str]:
        """The label of what a scene has created.

        Example: ``engine.container("locker").has_label(*next(iter(engine.hidden.label("locker").items())))``
        """
        return {SCENE_LABEL: self.word(f"label {_named(task)}")}

    def port(self, task: str) -> int:
        """A port from 7100 to 7899.

        Example: ``engine.answer("host_port").equals(engine.hidden.port("switchboard"))``
        """
        return 7100 + _digest(self.student, "hidden port", _named(task)) % 800

    def word(self, task: str) -> str:
        """A word of 5 to 7 lowercase letters that can be said aloud.

        Example: ``engine.answer("password").equals(engine.hidden.word("locker"))``
        """
        return _word(_digest(self.student, "hidden word", _named(task)))

    def number(self, task: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included.

        Example: ``engine.answer("lines").equals(engine.hidden.number("diary", 3, 9))``
        """
        return low + _digest(self.student, "hidden number", _named(task)) % (high - low + 1)


def _word(number: int) -> str:
    return _HEADS[number % len(_HEADS)] + _TAILS[number // len(_HEADS) % len(_TAILS)]


def _named(task: object) -> str:
    """The task's name. A cell is not type-checked."""
    if not isinstance(task, str) or not task.strip():
        raise CourseError(
            f"A value of your own needs a task's name, not {quote(task)}.", next_step='mine.port("web").'
        )
    return task.strip()


def _digest(student: str, kind: str, task: str) -> int:
    # Lengths first: no two triples can run together into one text.
    parts = (_VERSION, student, kind, task)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
