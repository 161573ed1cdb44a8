"""Comparisons that forgive what makes no difference: ways to write a command, ways to name an image."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from grader.state import Container, Snapshot, familiar, repository

_SHELLS = ("sh", "bash", "dash", "ash")


def script(argv: Sequence[str]) -> str | None:
    """The script of ``sh -c SCRIPT``; None for anything else."""
    if len(argv) == 3 and PurePosixPath(argv[0]).name in _SHELLS and argv[1] in ("-c", "-ec", "-xc", "-lc"):
        return argv[2]
    return None


def words(argv: Sequence[str]) -> list[str]:
    """The words of a command, however they were told apart, without the shell around them.

    ``["/bin/echo", "Hello world"]``, ``["echo", "Hello", "world"]`` and ``sh -c "echo Hello world"`` are one.
    """
    text = script(argv)
    if text is None:
        # The first word is what is executed: "echo hi" in one word is a program that does not exist.
        split = [*argv[:1], *(word for item in argv[1:] for word in item.split())]
    else:
        split = [part for token in _tokens(text) for part in token.split()]
    if split and split[0].startswith("/"):
        split[0] = PurePosixPath(split[0]).name
    return split


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text.strip().replace("\n", ";"), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # a quote without its partner: the shell will say so in the log
        return text.split()
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return tokens


def uses_image(box: Container, ref: str, snapshot: Snapshot, *, tag_matters: bool) -> bool:
    """Whether a container was made from ``ref``: by name, or from an image that has the name today.

    ``tag_matters``: another tag of the same image does not do.
    """
    same_name = familiar(box.image) == familiar(ref)
    original = snapshot.originals.get(familiar(ref))
    if original is not None:
        # A name proves nothing: `docker tag` gives it to any image. The original counts, even untagged.
        return box.image_id == original and (same_name or not tag_matters or _by_id(box))
    if same_name:
        return True
    wanted = snapshot.image(ref)
    if wanted is None or not box.image_id or wanted.id != box.image_id:
        return False
    return not tag_matters or _by_id(box)


def _by_id(box: Container) -> bool:
    """Typed by id, there is no tag that could be the wrong one."""
    return box.image_id.removeprefix("sha256:").startswith(box.image.removeprefix("sha256:"))


def same_repository(left: str, right: str) -> bool:
    """Whether two references differ in the tag at most."""
    return repository(left) == repository(right)
