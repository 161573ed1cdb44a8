"""Reach the engine, or say that it could not be reached: "wrong" and "could not check" differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from requests import Response, Session
from requests.exceptions import RequestException, Timeout
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TimeoutErrorOfPool

from grader.errors import Blocked, NoAnswer, ObjectFault

DOCTOR = "run `dockbook doctor`: it says what is wrong with the engine and how to fix it."

MOST_BYTES = 8 << 20
"""Of all that is answered in one look: hundreds of containers take 3 MB. Read, it takes twenty times that."""
_CHUNK = 1 << 16

_SHORTAGES = (
    *("no space left", "cannot allocate memory", "too many open files", "resource temporarily unavailable"),
    *("input/output error", "read-only file system", "disk quota", "out of pty", "plugin", "ttrpc", "grpc"),
    *("connection refused", "connection reset", "broken pipe", "context deadline"),
)


class _TooLong(DockerException):
    """An answer that is too long to keep."""


class Look:
    """One look with a deadline: how many seconds are left, and calls that may find nothing."""

    def __init__(self, client: DockerClient, what: str, deadline_s: float) -> None:
        self._api: Any = client.api
        self._what = what
        self._deadline_s = deadline_s
        self._end = time.monotonic() + deadline_s
        self._left_bytes = MOST_BYTES

    def left(self) -> float:
        """Seconds left. Raises Blocked when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise NoAnswer(
                f"Could not inspect {self._what}: the engine took longer than {self._deadline_s:g} s.",
                next_step="run the check again; if it stays slow, restart the engine.",
            )
        return left

    def bounded(self, answer: Response, *_: Any, stream: bool = False, **__: Any) -> None:
        """Reads the answer to one request, where requests would read it all: what is in an engine is the
        student's, and a container or an image may be told in gigabytes."""
        if stream:
            return
        pieces = []
        for piece in answer.iter_content(_CHUNK):
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                answer.close()
                raise _TooLong(f"the engine's answer has more than {MOST_BYTES:,} bytes")
            self.left()
            pieces.append(piece)
        answer._content = b"".join(pieces)  # noqa: SLF001 - as requests itself keeps it

    def call(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Ask the engine, within what is left of the deadline."""
        # docker-py takes a time limit for each client only; the caller's own is put back by `looking`.
        self._api.timeout = self.left()
        return question(*args, **kwargs)

    def present(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The same; None when the engine says that there is no such thing (it may have just gone)."""
        try:
            return self.call(question, *args, **kwargs)
        except NotFound:
            return None


@contextmanager
def looking(client: DockerClient, what: str, deadline_s: float, *, one: bool = False) -> Iterator[Look]:
    """Everything that prevents the look becomes Blocked, with the engine's own words.

    NoAnswer where it did not answer in time. ``one``: the look is at one object, and the engine's refusal is
    about that: ObjectFault.
    """
    api: Any = client.api  # its timeout is typed as whole seconds; requests takes fractions
    patience = api.timeout
    look = Look(client, what, deadline_s)
    hooks = api.hooks["response"] if isinstance(api, Session) else []
    hooks.append(look.bounded)
    try:
        yield look
    except (DockerException, RequestException, HTTPError, OSError) as error:
        too_long = isinstance(error, _TooLong)
        if one and (too_long or (isinstance(error, APIError) and not _shortage(error))):
            raise ObjectFault(what, reason(error)) from error
        kind = NoAnswer if too_long or _timed_out(error) else Blocked
        raise kind(f"Could not inspect {what}: {reason(error)}.", next_step=DOCTOR) from error
    finally:
        api.timeout = patience
        hooks.remove(look.bounded)


def _shortage(error: APIError) -> bool:
    """Whether the engine says that it, or its machine, has run out of something."""
    words = str(error).lower()
    return any(short in words for short in _SHORTAGES)


def _timed_out(error: BaseException) -> bool:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return False
        if isinstance(seen, (TimeoutError, Timeout, TimeoutErrorOfPool)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def reason(error: Exception) -> str:
    """The innermost cause in one short line: ``[Errno 2] No such file or directory``, a daemon's message."""
    seen: BaseException = error
    for _ in range(10):  # urllib3 and requests wrap each other's errors, three or four deep
        inner = seen.__cause__ or seen.__context__
        if inner is None:
            break
        seen = inner
    words = " ".join(str(getattr(error, "explanation", None) or seen).split())
    return (words or type(seen).__name__)[:300].rstrip(".")
