"""Whether a program sends datagrams back: asked twice, with words that cannot be foreseen."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from grader.expect.probes import UdpReply
from grader.expect.words import quote

HINT = "It is sent different words each time, and each must come back."
_TIMES = 2
_LETTERS = 12


@dataclass(frozen=True)
class Fault:
    """What came back in place of what should; ``error``: nothing did, and why."""

    expected: str
    found: str
    error: str = ""


def fault(
    ask: Callable[[str], UdpReply], *, send: str = "", expect: str = "", capitals: bool = False
) -> Fault | None:
    """Send datagrams by ``ask``; None when the right ones came back.

    With ``send``, one with this text, and ``expect`` is to be in the answer. Without, two with words made up
    now, and each is to come back as it was sent, ``capitals``: in capital letters.
    """
    if send:
        reply, wanted = ask(send), f"one with {quote(expect)}"
        if not reply.answered:
            return Fault(wanted, "none", reply.error)
        return None if expect in reply.body else Fault(wanted, quote(reply.body, 200))
    return next(filter(None, (_echo(ask, _words(), capitals=capitals) for _ in range(_TIMES))), None)


def _echo(ask: Callable[[str], UdpReply], sent: str, *, capitals: bool) -> Fault | None:
    # Two runs of a check give one report: what differs each time is not named.
    expected = "what was sent" + (", in capital letters" if capitals else "")
    reply = ask(sent)
    if not reply.answered:
        return Fault(expected, "none", reply.error)
    body, wanted = reply.body.strip(), sent.upper() if capitals else sent
    if body == wanted:
        return None
    if body.casefold() == sent:
        return Fault(expected, "the same in small letters" if capitals else "the same in capital letters")
    return Fault(expected, "more than that" if sent in body.casefold() else quote(body, 200))


def _words() -> str:
    """Two words of small letters and a number."""
    letters = [secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS)]
    return f"{''.join(letters[:5])} {''.join(letters[5:])} {secrets.randbelow(1000)}"
