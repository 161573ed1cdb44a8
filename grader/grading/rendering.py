"""Turns what students wrote into HTML in a process of its own, which has a time and a memory, and is ended.

Markdown and colouring are done by libraries whose time may grow with the square of the length of a text
that a student chose, and one thread writes the results of a whole class. What is not done in time is shown as
plain text. ``rendering_process`` is that process: a request and an answer a line, in JSON.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from html import escape
from typing import Any

from grader import variables

PAGE_S = 30.0
"""Seconds for one student's page. An honest one takes one or two."""
CELL_S = 3.0
"""Seconds for one piece of Markdown on pages that another program draws (the formgrader)."""
SHARE_S = 10.0
"""Seconds for all the Markdown of such a page."""
START_S = 120.0
MEMORY_BYTES = 2 << 30
MOST_BYTES = 64 << 20
"""Bytes of one answer."""
TOO_LONG = "shown as plain text: it could not be drawn, or not in time"


class Renderer:
    """The process, started when it is first asked and again after it was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, request: Mapping[str, Any], seconds: float) -> tuple[str | None, float]:
        """Its answer and the seconds that took; None when it took longer than allowed, or the answer is not
        usable."""
        with self._lock:
            started = time.monotonic()
            line = json.dumps({**request, "seconds": seconds}).encode() + b"\n"
            answer = None
            try:
                process = self._started()
                assert process.stdin is not None
                # Its start does not count: it takes a second, or ten on a busy machine.
                started = time.monotonic()
                process.stdin.write(line)
                process.stdin.flush()
                answer = json.loads(self._read(process, started + seconds))
            except (OSError, ValueError):
                pass
            html = answer.get("html") if isinstance(answer, Mapping) else None
            if not isinstance(answer, Mapping):
                self._end()
            return html if isinstance(html, str) else None, time.monotonic() - started

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._process = subprocess.Popen(
            # -P: not from the folder where nbgrader happens to be, which may be a submission's.
            [sys.executable, "-P", "-m", "grader.grading.rendering_process"],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, _DRAWS: "1"},
        )
        self._read(self._process, time.monotonic() + START_S)
        return self._process

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        """One line. Raises OSError at the deadline, or when the process ends before the line does."""
        assert process.stdout is not None
        found = bytearray()
        while not found.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise OSError("it took too long")
            data = os.read(process.stdout.fileno(), 1 << 20)
            found += data
            if not data or len(found) > MOST_BYTES:
                raise OSError("it ended, or said too much")
        return bytes(found)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()


_DRAWS = variables.DRAWS
_RENDERER = Renderer()


def markdown(source: str, attachments: Mapping[str, Any], share: dict[str, Any]) -> str:
    """Markdown as HTML that can do nothing, else as plain text. ``share``: a page's, to count its time in."""
    left = float(share.get("dockbook_seconds_left", SHARE_S))
    if left <= 0:
        return plain(source)
    request = {"what": "markdown", "source": source, "attachments": dict(attachments)}
    html, took = _RENDERER.ask(request, min(CELL_S, left))
    share["dockbook_seconds_left"] = left - took
    return html if html is not None else plain(source)


def page(notebook: Mapping[str, Any], resources: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """A student's feedback page, with everything or as plain text; None when neither was done in time."""
    request = {"what": "page", "notebook": notebook, "resources": resources, "config": config}
    text = json.loads(json.dumps(request, default=str))
    for simple in (False, True):
        html, _ = _RENDERER.ask({**text, "plain": simple}, PAGE_S)
        if html is not None:
            return html
    return None


def drawing() -> bool:
    """Whether this is the process that draws."""
    return _DRAWS in os.environ


def plain(source: str) -> str:
    """Any text as HTML, with the reason."""
    return f"<p><em>{TOO_LONG}</em></p><pre>{escape(source)}</pre>"
