"""The reference of checks, written from their docstrings. Needs no Sphinx, so that a test can read it, too.

A check is whatever a test cell can call: found by going from ``check`` through what each method returns.
Pages name the checks in blocks that ``expand`` fills in, and so decide where each of them appears::

    ```{checks} container
    is_running
    exited
    ```
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from grader.expect import Checker

START = "check"
"""The word that every check begins with."""
_BLOCK = re.compile(r"^```\{checks\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = "```{all-checks}\n```"
_INLINE = re.compile(r"^Example: ``(.+)``$", re.MULTILINE)
_INDENTED = re.compile(r"^Example::\n\n((?:    .*\n?|\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """One of them: ``container.is_running``. ``signature`` is empty for what is read without a call."""

    subject: str
    name: str
    signature: str
    text: str
    example: str

    @property
    def full_name(self) -> str:
        """As the reference names it."""
        return self.name if self.subject == START else f"{self.subject}.{self.name}"

    @property
    def summary(self) -> str:
        """The first sentence of its description."""
        first = " ".join(self.text.partition("\n\n")[0].split())
        return re.split(r"(?<=\.)\s", first)[0].rstrip(":")

    def as_markdown(self) -> str:
        """Its entry in the reference."""
        kind = "py:method" if self.signature else "py:attribute"
        if self.subject == START:
            kind = "py:function"
        body = f"{self.text}\n\n```python\n{self.example}\n```"
        return f"::::{{{kind}}} {self.full_name}{self.signature}\n\n{body}\n::::\n"


def public_checks() -> dict[str, Check]:
    """All that a test cell can call, by full name, in the order of the source."""
    block = _returned(Checker.check)
    engine = next(found for kind in block for found in _returned(vars(kind)["__enter__"]))
    found = [_read(START, START, Checker.check), *_of_class("engine", engine)]
    words: dict[type, str] = {engine: "engine"}
    todo = [engine]
    while todo:
        for name, function in _members(todo.pop(0)):
            for kind in _returned(function):
                if kind not in words:
                    words[kind] = name
                    todo.append(kind)
                    found += _of_class(name, kind)
    return {check.full_name: check for check in found}


def declared(pages: Iterable[Path]) -> list[str]:
    """The full names that the pages have a place for; one that has two is there twice."""
    return [
        name if subject == START else f"{subject}.{name}"
        for page in pages
        for subject, names in _BLOCK.findall(page.read_text(encoding="utf-8"))
        for name in names.split()
    ]


def expand(page: str, checks: Mapping[str, Check]) -> str:
    """A page with its blocks filled in. Raises KeyError for a name that is not a check."""

    def fill(found: re.Match[str]) -> str:
        subject = found[1]
        names = (name if subject == START else f"{subject}.{name}" for name in found[2].split())
        return "\n".join(checks[name].as_markdown() for name in names)

    return _BLOCK.sub(fill, page).replace(_TABLE, table(checks.values()))


def table(checks: Iterable[Check]) -> str:
    """All checks with a line on each."""
    rows = [f"| {_link(check)} | {check.summary.replace('|', chr(92) + '|')} |" for check in checks]
    return "\n".join(["| check | what it asks |", "|---|---|", *rows])


def _link(check: Check) -> str:
    role = "py:func" if check.subject == START else "py:meth" if check.signature else "py:attr"
    return f"{{{role}}}`{check.full_name}`"


def _of_class(word: str, kind: type) -> Iterator[Check]:
    return (_read(word, name, function) for name, function in _members(kind))


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties, those of the class itself before those of its bases."""
    names = dict.fromkeys(name for each in kind.__mro__ for name in vars(each))
    for name in names:
        member = inspect.getattr_static(kind, name)
        if not name.startswith("_") and inspect.isfunction(_function(member)):
            yield name, member


def _function(member: Any) -> Any:
    """What a property is made of; anything else unchanged."""
    return getattr(member, "fget", None) or getattr(member, "func", None) or member


def _returned(member: Any) -> list[type]:
    """The classes of this package that a method returns, for further checks."""
    answer = get_type_hints(_function(member)).get("return")
    kinds = [kind for kind in (answer, *get_args(answer)) if inspect.isclass(kind)]
    return [kind for kind in kinds if kind.__module__.startswith("grader.expect.")]


def _read(subject: str, name: str, member: Any) -> Check:
    function = _function(member)
    doc = f"{inspect.getdoc(function) or ''}\n"
    indented = _INDENTED.search(doc)
    examples = [textwrap.dedent(indented[1]).strip()] if indented else _INLINE.findall(doc)
    text = _INLINE.sub("", _INDENTED.sub("", doc)).strip()
    signature = _plain(function) if inspect.isfunction(member) else ""
    return Check(subject, name, signature, text, "\n".join(examples))


def _plain(function: Any) -> str:
    """A signature for people: names and defaults, without ``self`` and types."""
    whole = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in whole.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(bare))
