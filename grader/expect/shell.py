"""What a command line executes: a program with its arguments, or a shell with a script for it.

A shell around one program makes no difference, and a shell that has more to do than that does: without one,
``;``, ``|``, ``>`` and ``$NAME`` are arguments like any other. Quoting is that of
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

SHELLS = ("sh", "bash", "dash", "ash")
_WITH_SCRIPT = re.compile(r"-[a-z]*c[a-z]*")
_OPERATORS = ";&|<>()"
_EXPANDS = "$`"
_PATTERNS = "*?[~{"
_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin")

_BUILTIN = re.compile(
    r"[.:!{}]|break|case|cd|continue|eval|exec|exit|export|for|if|read|readonly|return|set|shift|source|trap|"
    r"umask|unset|until|wait|while"
)
"""What a shell does itself: no program has the name."""


@dataclass(frozen=True)
class Token:
    """A word of a script, or an operator. ``fixed``: a word that a shell passes on unchanged."""

    text: str
    fixed: bool = True
    operator: bool = False


@dataclass(frozen=True)
class Command:
    """What is executed: the words of one program, or what a shell is told to do."""

    words: tuple[str, ...]
    script: tuple[Token, ...] = ()

    @classmethod
    def of(cls, argv: Sequence[str]) -> Command:
        """Read a container's command. ``sh -c 'echo "a b"'`` is ``echo`` with one argument, ``a b``."""
        text = script_of(argv)
        if text is None:
            return cls(_program(tuple(argv)))
        tokens = _tokens(text)
        while tokens and tokens[-1] == _SEMICOLON:
            tokens.pop()
        words = tuple(token.text for token in tokens)
        if words[:1] == ("exec",):
            words, tokens = words[1:], tokens[1:]
        if (
            words
            and all(token.fixed for token in tokens)
            and "=" not in words[0]
            and not _BUILTIN.fullmatch(words[0])
        ):
            return cls(_program(words))
        return cls((), tuple(tokens))


def script_of(argv: Sequence[str]) -> str | None:
    """The script of ``sh -c SCRIPT``, whatever other options the shell has; None for anything else."""
    words = list(_program(tuple(argv)))
    if not words or words[0] not in SHELLS:
        return None
    for place, word in enumerate(words[1:-1], 1):
        if _WITH_SCRIPT.fullmatch(word):
            return words[place + 1]
        if not word.startswith("-"):
            return None
    return None


def is_bare_shell(argv: Sequence[str]) -> bool:
    """Whether it is a shell that reads what it is to do from its input: ``sh``, ``bash -i``."""
    words = _program(tuple(argv))
    return (
        bool(words)
        and words[0] in SHELLS
        and all(word.startswith("-") and not _WITH_SCRIPT.fullmatch(word) for word in words[1:])
    )


def runs_in_background(argv: Sequence[str]) -> bool:
    """Whether the last thing that a shell's script does is to send a program to the background."""
    tokens = _tokens(script_of(argv) or "")
    while tokens and tokens[-1] == _SEMICOLON:
        tokens.pop()
    return len(tokens) > 1 and tokens[-1].operator and tokens[-1].text == "&"


def _program(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The same without what is not part of the program: its usual folder, busybox or env in front of it."""
    if not argv:
        return argv
    path = PurePosixPath(argv[0])
    name = path.name if str(path.parent) in _FOLDERS else argv[0]
    if name in ("busybox", "env") and len(argv) > 1 and not (argv[1].startswith("-") or "=" in argv[1]):
        return _program(argv[1:])
    return (name, *argv[1:])


_SEMICOLON = Token(";", fixed=False, operator=True)


def _tokens(text: str) -> list[Token]:
    try:
        return list(_lex(text.strip()))
    except _Unfinished:  # a quote without its partner: the shell will say so in the log
        return [Token(word, fixed=False) for word in text.split()]


class _Unfinished(Exception):
    pass


def _lex(text: str) -> Iterator[Token]:
    """The words and operators of a script, line ends as ``;``, comments left out."""
    at, word, fixed, open_word, ended = 0, "", True, False, True
    while at < len(text):
        char = text[at]
        if text.startswith("\\\n", at):  # a line that continues on the next one
            at += 2
            continue
        blank = char in " \t\r\n"  # what a shell takes for blanks: no others of Unicode's
        if not (blank or char in _OPERATORS or (char == "#" and not open_word)):
            piece, literal, at = _piece(text, at)
            word, fixed, open_word = word + piece, fixed and literal, True
            continue
        number = word if char in "<>" and fixed and word.isdecimal() else ""  # 2> is one operator
        if open_word:
            ended = False
            if not number:
                yield Token(word, fixed)
        word, fixed, open_word = "", True, False
        if char == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        if not blank or (char == "\n" and not ended):
            ended = char == "\n"
            yield Token(";" if ended else number + char, fixed=False, operator=True)
        at += 1
    if open_word:
        yield Token(word, fixed)


def _piece(text: str, at: int) -> tuple[str, bool, int]:
    """One character or one quoted text of a word, whether it is literal, and where the next begins."""
    char = text[at]
    if char == "'":
        end = text.find("'", at + 1)
        if end < 0:
            raise _Unfinished
        return text[at + 1 : end], True, end + 1
    if char == "\\":
        if at + 1 == len(text):
            return char, True, at + 1
        return text[at + 1 : at + 2].replace("\n", ""), True, at + 2
    if char != '"':
        return char, char not in _EXPANDS + _PATTERNS, at + 1
    said, literal, at = "", True, at + 1
    while text[at : at + 1] != '"':
        char = text[at : at + 1]
        if not char:
            raise _Unfinished
        if char == "\\" and text[at + 1 : at + 2] in ("$", "`", '"', "\\", "\n"):
            char, at = text[at + 1].replace("\n", ""), at + 1
        elif char in _EXPANDS:
            literal = False
        said, at = said + char, at + 1
    return said, literal, at + 1


_FLAGS = (
    *("--rm", "--detach", "--publish-all", "--init", "--interactive", "--tty", "--privileged", "--read-only"),
    *("-d", "-i", "-t", "-it", "-ti", "-dit", "-P"),
)
_DOCKERS = (
    *("--name", "--publish", "--network", "--network-alias", "--env", "--volume", "--mount", "--entrypoint"),
    *("--restart", "--label", "--user", "--workdir", "-p", "-v", *_FLAGS),
)
"""Options of ``docker run`` that are often typed too late."""


def options_after_image(cmd: Sequence[str], *options: str) -> tuple[str, ...]:
    """The words from the first option of Docker's on that came after the image; empty for none.

    ``cmd``: the container's command without its entry point. ``options``: these alone count.
    """
    wanted = options or _DOCKERS
    place = next((at for at, word in enumerate(cmd) if word.partition("=")[0] in wanted), None)
    if place is None:
        return ()
    return tuple(
        part for word in cmd[place:] for part in (word.split("=", 1) if word.startswith("--") else [word])
    )


def late_option(cmd: Sequence[str]) -> str:
    """The option that a command begins with, with its value: ``-p 5101:5000``; ``""`` for none."""
    first = cmd[0] if cmd and cmd[0].startswith("-") else ""
    return first if not first or first in _FLAGS or "=" in first else " ".join(cmd[:2])
