"""Commands that pages and workflows name, looked up in the command line itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from grader.cli import cli

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:\./)?dockbook [^`]+)`", re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s;|(])(?:\S*/)?dockbook(?= )(.*)$", re.MULTILINE)
_SHELLS = ("console", "sh")


def in_page(text: str) -> Iterator[str]:
    """A Markdown page's ``dockbook`` commands, in shells' blocks and in prose, without that first word."""
    for _, language, body in _FENCED.findall(text):
        if language in _SHELLS:
            lines = body.replace("\\\n", " ").splitlines()
            yield from in_script("\n".join(re.sub(r"\s+#.*", "", line) for line in lines))
    for found in _INLINE.findall(_FENCED.sub("", text)):
        yield " ".join(found.split()).partition(" ")[2]


def in_script(text: str) -> Iterator[str]:
    """The same of a shell's script."""
    for found in _COMMAND.findall(text):
        yield re.split(r"&&|\|\||[;|)]", found)[0].strip()


def fault(command: str) -> str:
    """What is wrong with a command's words; empty if they are known. Values of options are not looked at."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return str(error)
    now: click.Command = cli
    for word in words:
        if word == "--":
            break
        if word.startswith("-"):
            options = {"-h", "--help"}.union(*(option.opts for option in now.params))
            if word.partition("=")[0] not in options and word != "--version":
                return f"{now.name} has no option {word}"
        elif isinstance(now, click.Group):
            if word == "...":
                break
            if word not in now.commands:
                return f"{now.name} has no command {word}"
            now = now.commands[word]
    return ""
