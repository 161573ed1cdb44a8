"""Reach the engine, or say that it could not be reached: "wrong" and "could not look" differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from docker import DockerClient
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from grader.errors import Blocked

DOCTOR = "run `dockbook doctor`: it says what is wrong with the engine and how to mend it."


class Look:
    """One look with a deadline: how many seconds are left, and calls that may find nothing."""

    def __init__(self, client: DockerClient, what: str, deadline_s: float) -> None:
        self._api: Any = client.api
        self._what = what
        self._deadline_s = deadline_s
        self._end = time.monotonic() + deadline_s

    def left(self) -> float:
        """Seconds left. Raises Blocked when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Blocked(
                f"Could not look at {self._what}: the engine took longer than {self._deadline_s:g} s.",
                next_step="run the check again; if it stays slow, restart the engine.",
            )
        return left

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
def looking(client: DockerClient, what: str, deadline_s: float) -> Iterator[Look]:
    """Everything that keeps us from looking becomes Blocked, with the engine's own words."""
    api: Any = client.api  # its timeout is typed as whole seconds; requests takes fractions
    patience = api.timeout
    try:
        yield Look(client, what, deadline_s)
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise Blocked(f"Could not look at {what}: {reason(error)}.", next_step=DOCTOR) from error
    finally:
        api.timeout = patience


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
