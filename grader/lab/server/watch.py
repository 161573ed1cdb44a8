"""One watcher of an engine for all its viewers: Docker's events, and what the engine holds after them.

Two threads, as docker-py blocks: one reads the events, one reports the engine's state. However many events
come, the reporting has a bounded rate, the lists a bounded length, and the reading a bounded share of the
processor (Docker drops events for a reader that is too slow; the lists come from the engine, not from them).
If an engine goes away, the connection is retried for a while.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from grader.lab.server import shown

Status = Literal["looking", "running", "waiting", "gone"]
State = dict[str, Any]

WORDS: dict[Status, str] = {
    "looking": "Looking for the engine.",
    "running": "",
    "waiting": "The engine does not answer. Trying again; a reset takes some seconds.",
    "gone": "The engine has ended. Save your notebooks, end the lab with Ctrl-C and start it again.",
}
"""What the student is told about an engine."""
_FAULTS = (DockerException, RequestException, HTTPError, OSError, ValueError)


@dataclass(frozen=True)
class Pace:
    """How often, in seconds. ``tell_s``: at least between two states that are told. ``share``: telling takes
    at most this part of the time. ``events_per_s``: more are read later, or never. ``wait_s``: before the
    first new try, then twice that, up to ``longest_wait_s``; ``tries`` without an answer, then it is gone.
    ``idle_s``: a look without an event. ``history_s``: of what was before, this much is told."""

    tell_s: float = 0.5
    share: float = 0.2
    events_per_s: int = 200
    wait_s: float = 0.3
    longest_wait_s: float = 5.0
    tries: int = 30
    idle_s: float = 5.0
    history_s: int = 900


class Watch:
    """Follows an engine from ``start`` to ``stop``; ``tell`` gets it and each new state, from another thread.

    ``connect`` makes a client and may fail like docker-py. ``taken`` names published ports that do not
    answer on this machine: ``8080/tcp``. ``proxy``: see ``shown.containers``.
    """

    def __init__(
        self,
        connect: Callable[[], DockerClient],
        tell: Callable[[Watch, State], object],
        *,
        taken: Callable[[], Collection[str]] = tuple,
        proxy: str = "",
        pace: Pace | None = None,
    ) -> None:
        self._connect, self._tell, self._taken = connect, tell, taken
        self._pace, self._proxy = pace or Pace(), proxy
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._events: deque[dict[str, Any]] = deque(maxlen=shown.MOST_EVENTS)
        self._names = shown.Names()
        self._seen = 0  # of the newest event, in nanoseconds: a new stream begins with old ones
        self._status: Status = "looking"
        self._version = ""
        self._asks: DockerClient | None = None  # the telling thread's own
        self._stream: Any = None
        self._threads = [
            threading.Thread(target=self._read, name="dockbook-watch-events", daemon=True),
            threading.Thread(target=self._speak, name="dockbook-watch-state", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End both threads; safe to call twice, and from any other thread."""
        self._ended.set()
        self._changed.set()
        self._hang_up()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def _hang_up(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except _FAULTS:
                return  # the other end was quicker

    # Reading

    def _read(self) -> None:
        tries, wait = 0, self._pace.wait_s
        while not self._ended.is_set() and tries < self._pace.tries:
            if self._follow():
                tries, wait = 0, self._pace.wait_s
            tries += 1
            self._set("waiting")
            self._ended.wait(wait)
            wait = min(2 * wait, self._pace.longest_wait_s)
        if not self._ended.is_set():
            self._set("gone")

    def _follow(self) -> bool:
        """Read events as long as they come; whether the engine answered at all."""
        try:
            client = self._connect()
        except _FAULTS:
            return False
        answered = False
        try:
            version = shown.version(client.version())
            old = self._seen
            since = old // 10**9 if old else int(time.time()) - self._pace.history_s
            stream = client.events(decode=True, filters=dict(shown.EVENTS), since=since)
            with self._lock:
                self._stream, self._version = stream, version
            answered = True
            self._set("running")
            if not self._ended.is_set():
                self._take(stream, old)
        except _FAULTS:
            pass  # what the next try finds is what is said
        finally:
            with self._lock:
                self._stream = None
            client.close()
        return answered

    def _take(self, stream: Any, old: int) -> None:
        """Note what comes. Up to ``old``, in nanoseconds, it was told before the last stream broke off."""
        begun, read = time.monotonic(), 0
        for data in stream:
            if self._ended.is_set():
                return
            moment = data.get("timeNano") if isinstance(data, dict) else None
            if isinstance(moment, int) and moment > old:
                self._seen = max(self._seen, moment)
                self._note(data)
            read += 1
            if read >= self._pace.events_per_s:
                if self._ended.wait(max(0.0, 1.0 - (time.monotonic() - begun))):
                    return
                begun, read = time.monotonic(), 0

    def _note(self, data: dict[str, Any]) -> None:
        new = shown.event(data, self._names)
        if new is None:
            return
        with self._lock:
            last = self._events[-1] if self._events else None
            if last is not None and (last["who"], last["what"]) == (new["who"], new["what"]):
                self._events[-1] = new | {"times": last["times"] + 1}
            else:
                self._events.append(new)
        self._changed.set()

    def _set(self, status: Status) -> None:
        with self._lock:
            if self._status == status:
                return
            self._status = status
        self._changed.set()

    # Telling

    def _speak(self) -> None:
        told: State | None = None
        while not self._ended.is_set():
            self._changed.clear()
            begun = time.monotonic()
            state = self._look()
            if state != told:
                self._tell(self, state)
                told = state
            took = time.monotonic() - begun
            # Never busy for more than its share, however slow the engine is or how much happens on it.
            self._ended.wait(max(self._pace.tell_s, took / self._pace.share - took))
            self._changed.wait(self._pace.idle_s)
        self._forget()

    def _look(self) -> State:
        """The engine's current state."""
        with self._lock:
            status, version = self._status, self._version
            events = [dict(one) for one in reversed(self._events)]
        if status == "running":
            try:
                return _said("running", events) | {"version": version} | self._ask()
            except _FAULTS:
                status = "waiting"  # it may be on its way out: then its events end, too
        self._forget()
        return _said(status, events)

    def _ask(self) -> State:
        self._asks = self._asks or self._connect()
        boxes = self._asks.api.containers(all=True)
        return {
            "containers": shown.containers(boxes, self._taken(), self._proxy),
            "images": shown.images(self._asks.api.images()),
            "networks": shown.networks(self._asks.api.networks(), boxes),
        }

    def _forget(self) -> None:
        if self._asks is not None:
            self._asks.close()
            self._asks = None


def _said(status: Status, events: list[dict[str, Any]]) -> State:
    return {"status": status, "words": WORDS[status], "events": events}
