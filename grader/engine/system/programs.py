"""Where the programs that we start are found, and what of their words is worth showing.

A login user of Debian has no ``sbin`` folder on the PATH, and ``chroot``, ``mke2fs``, ``dockerd`` and the
like are there. ``extend_path`` is called once, when one of our processes starts; whatever it starts inherits
it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import MutableMapping

ADMINISTRATION = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Folders of the Filesystem Hierarchy Standard for programs of the system's administration."""
_FIRST_PROCESS = ("sandbox: ", "nested: ", "vm: ")
_AFTER = 10


def extend_path(environment: MutableMapping[str, str] | None = None) -> None:
    """Put the folders of administration at the end of the PATH of ``environment`` (default: this process's).

    At the end: they hide none of the person's own programs.
    """
    env = os.environ if environment is None else environment
    folders = (env.get("PATH") or os.defpath).split(os.pathsep)
    env["PATH"] = os.pathsep.join([*folders, *(name for name in ADMINISTRATION if name not in folders)])


def find(name: str) -> str | None:
    """The path of a program, or None: on the PATH or in a folder of administration."""
    env = dict(os.environ)
    extend_path(env)
    return shutil.which(name, path=env["PATH"])


def last_words(tail: str) -> str:
    """The last line of a log that says something.

    Where an engine's first process has said why it ends, that line: others may have written after it.
    """
    lines = [line for line in tail.splitlines() if line.strip()][-_AFTER:]
    own = [line for line in lines if line.startswith(_FIRST_PROCESS)]
    return (own or lines or ["its log is empty"])[-1]
