"""Words for findings: whatever an engine says, as one short printable line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence

MAX_QUOTE = 120
"""Characters of a quoted value."""

_EXIT_CODES = {
    1: "the command reported an error",
    2: "the command reported an error, often a wrong option or a missing file",
    125: "the engine itself could not run it",
    126: "the command was found but cannot be executed",
    127: "the command was not found in the image",
    130: "interrupted, as by Ctrl-C",
    137: "killed: SIGKILL, as `docker kill` sends, or `docker stop` after its time-out",
    139: "crashed: a memory fault",
    143: "ended by SIGTERM, as `docker stop` sends it",
    255: "the engine ended while it ran, or the command itself exited with 255",
}


def visible(text: str, limit: int = MAX_QUOTE) -> str:
    """One line of at most ``limit`` printable characters; others are written out: ``\\x1b``, ``\\n``."""
    shown: list[str] = []
    length = 0
    for at, char in enumerate(text):
        piece = char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        length += len(piece)
        if length > limit:
            return _cut("".join(shown), len(text) - at, limit)
        shown.append(piece)
    return "".join(shown)


def _cut(kept: str, left_out: int, limit: int) -> str:
    """Make room for the remark inside the limit, so that cutting what was cut changes nothing."""
    note = f"… ({left_out} more)"
    room = max(0, limit - len(note))
    return (kept[:room] + note)[:limit]


def quote(value: object, limit: int = MAX_QUOTE) -> str:
    """A value as a reader would type it: text in quotes, data as JSON."""
    if isinstance(value, str):
        return f"'{visible(value, limit)}'"
    try:
        # Cut before it is made visible: a long list must not be written out in full first.
        return visible(json.dumps(value, ensure_ascii=False)[: 4 * limit], limit)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"


def listing(names: Iterable[str], most: int = 8) -> str:
    """``'a', 'b' and 3 more``; "none" for none."""
    known = list(names)
    if not known:
        return "none"
    shown = ", ".join(quote(name, 40) for name in known[:most])
    return f"{shown} and {len(known) - most} more" if len(known) > most else shown


def either(texts: Sequence[str]) -> str:
    """``143, 130 or 0``; "nothing" for none."""
    *most, last = texts or ("nothing",)
    return f"{', '.join(most)} or {last}" if most else last


def command(argv: Sequence[str], limit: int = 200) -> str:
    """An argument list, told apart word by word: ``["/bin/echo", "Hello world"]``."""
    return quote(list(argv), limit) if argv else "no command"


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like ``name``, or ``""``."""
    by_folded = {candidate.casefold()[:200]: candidate for candidate in list(known)[:500]}
    near = difflib.get_close_matches(name.casefold()[:200], by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else ""


def misspelt(name: str, known: Iterable[str]) -> str:
    """The known name that ``name`` may be a misspelling of: few letters differ; or ``""``."""
    wanted = _letters(name)
    most = max(1, min(2, len(wanted) // 3))
    near = [
        (distance, other)
        for other in list(known)[:500]
        if (distance := _edits(wanted, _letters(other), most)) <= most
    ]
    return min(near)[1] if near else ""


def _letters(name: str) -> str:
    return name.casefold()[:200].replace("_", "-")


def _edits(left: str, right: str, most: int) -> int:
    """How many letters must be changed, added, left out or swapped; more than ``most`` is not counted out."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before, row = [0] * (len(right) + 1), list(range(len(right) + 1))
    for place, letter in enumerate(left, 1):
        older, before, row = before, row, [place]
        for at, other in enumerate(right, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (letter != other))
            if place > 1 and at > 1 and letter == right[at - 2] and left[place - 2] == other:
                cost = min(cost, older[at - 2] + 1)
            row.append(cost)
    return row[-1]


def exit_meaning(code: int) -> str:
    """What an exit code says by convention: ``the command was not found in the image``; empty for none."""
    meaning = _EXIT_CODES.get(code, "")
    return meaning or (f"ended by signal {code - 128}" if 128 < code < 160 else "")


def exit_code(code: int) -> str:
    """``127 (the command was not found in the image)``."""
    meaning = exit_meaning(code)
    return f"{code} ({meaning})" if meaning else str(code)


def count(number: int, thing: str) -> str:
    """``1 container``, ``2 containers``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
