"""``why(container)``: why a container does not run, in words, with what to try."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from docker import DockerClient

from grader.errors import Blocked, UsageError
from grader.expect.show import AMBER, GREEN, CouldNotCheck, InWords, with_code
from grader.expect.why import Why, explain
from grader.expect.words import closest, quote
from grader.state import Container, json_fields, read_file, read_log
from grader.state.reach import looking

LOOK_S = 5.0
TAIL_LINES = 20
TAIL_BYTES = TAIL_LINES * 17 * 1024
"""Room for all of them: an engine notes a long line in pieces of 16 kB."""
PROGRAM_BYTES = 1024
"""The first line of a script tells what is to run it."""
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_FINE = ("running", "finished", "stopped")


class CannotTell(InWords, UsageError):
    """The argument is not a container that the engine knows."""


class Answer:
    """An explanation as a notebook shows it; ``why`` has it as data."""

    def __init__(self, why: Why) -> None:
        self.why = why

    def __repr__(self) -> str:
        return str(self.why)

    def _repr_html_(self) -> str:
        why = self.why
        hint = f"<br>Try: {with_code(why.hint)}" if why.hint else ""
        tail = f"<br>It printed last:<pre style='margin: 2px 0 0 1em'>{escape(chr(10).join(why.tail))}</pre>"
        head = f"<b>{escape(why.name)}</b>: {with_code(why.what)}{hint}{tail if why.tail else ''}"
        colour = GREEN if why.kind in _FINE else AMBER
        return f'<div style="border-left: 4px solid {colour}; padding: 2px 8px">{head}</div>'


def explainer(connect: Callable[[], DockerClient]) -> Callable[[object], Answer]:
    """``why`` for a notebook."""

    def why(container: object) -> Answer:
        """Why this container (a docker-py one, or its name or id) is not running, and what to try.

        Raises CannotTell when there is no such container.
        """
        with in_words():
            client = connect()
            box = Container.from_inspect(inspected(client, container, "why"))
            # The end of a long log is what tells; the engine gives it in time, whatever its length.
            log = read_log(client, box.id, TAIL_BYTES, LOOK_S, tty=box.tty, tail=TAIL_LINES)
            path = box.argv[0] if box.argv and "/" in box.argv[0] else ""
            program = read_file(client, box.id, path, LOOK_S, max_bytes=PROGRAM_BYTES) if path else None
        return Answer(explain(box, log, program))

    return why


@contextmanager
def in_words() -> Iterator[None]:
    """An engine that does not answer is told in words, without a traceback."""
    try:
        yield
    except Blocked as blocked:
        raise CouldNotCheck(blocked.what, next_step=blocked.next_step) from blocked.__cause__


def inspected(client: DockerClient, container: object, asker: str) -> dict[str, Any]:
    """What the engine says of a container (a docker-py one, or its name or id).

    ``asker``: the function's name, for messages. Raises CannotTell and Blocked.
    """
    given = getattr(container, "id", container)
    if not isinstance(given, str) or not given.strip():
        raise CannotTell(
            f"{asker}() needs a container or its name, not {quote(given)}.", next_step=f'{asker}("web").'
        )
    given = given.strip()
    with looking(client, "the container", LOOK_S) as look:
        data: dict[str, Any] | None = None
        if _NAME.fullmatch(given):  # else no container can have it, and the engine is not to be asked
            data = look.present(client.api.inspect_container, given)
        if data is None:
            raise _no_such(look.call(client.api.containers, all=True), given)
    return data


def _no_such(rows: list[dict[str, Any]], given: str) -> CannotTell:
    names = [name.removeprefix("/") for one in rows for name in json_fields.texts(one, "Names")]
    near = closest(given, names)
    step = f"did you mean {quote(near)}?" if near else "`docker ps -a` lists what is there."
    return CannotTell(
        f"There is no container {quote(given)}: it was never created, or was removed (as `--rm` does).",
        next_step=step,
    )
