"""Outputs of a student's cells: from kernel messages, bounded, and only the kinds that are safe to show.

HTML, JavaScript and SVG are left out: opening the graded notebook would run what the student sent. The
course's own pictures are the one exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

MOST_OUTPUTS = 500
_IMAGES = ("image/png", "image/jpeg")
# What ``grader.notebook.pictures`` draws: one <img> with its SVG inside, where no script of it can run.
_DRAWN = re.compile(
    r"""<img alt="[^"<>]*" src="data:image/svg\+xml,[\w.%='():;,/@!?~-]*" style="max-width: 100%">"""
)
_MOST_DRAWN = 64 << 10
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
"""What a pasted picture may be. In an <img>, where no script of an SVG can run."""
_MOST_COLOURS = 2000
"""Terminal sequences in one piece of text."""
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
_CUT = "\n... output cut: the submission's limit is reached ...\n"


@dataclass
class Budget:
    """Bytes of output that a submission may still keep."""

    left: int

    def take(self, text: str) -> str:
        """As much of ``text`` as fits; what is cut off is said."""
        if len(text) <= self.left:
            self.left -= len(text)
            return text
        kept, self.left = text[: self.left], 0
        return kept + _CUT


@dataclass
class Collector:
    """Outputs of one cell, built from messages of the iopub channel. The messages are the student's data."""

    budget: Budget
    outputs: list[NotebookNode] = field(default_factory=list)
    full: bool = False

    def add(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take one message; anything malformed is passed over."""
        if self.full:
            return
        if self.budget.left <= 0 or len(self.outputs) >= MOST_OUTPUTS:
            self.full = True
            self.outputs.append(new_output("stream", name="stderr", text=_CUT))
            return
        if kind == "stream":
            self._stream(content)
        elif kind in ("display_data", "execute_result"):
            self._display(kind, content)
        elif kind == "error":
            self._error(content)

    def _stream(self, content: Mapping[str, Any]) -> None:
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        text = self.budget.take(_text(content.get("text")))
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self.outputs.append(new_output("stream", name=name, text=text))

    def _display(self, kind: str, content: Mapping[str, Any]) -> None:
        data = content.get("data")
        if not isinstance(data, Mapping):
            return
        kept = {}
        if isinstance(data.get("text/plain"), str | list):
            kept["text/plain"] = self.budget.take(_text(data["text/plain"]))
        for mime in _IMAGES:
            image = data.get(mime)
            # Half a picture is useless.
            if isinstance(image, str) and len(image) <= self.budget.left and is_base64(image):
                kept[mime] = self.budget.take(image)
        drawn = data.get("text/html")
        most = min(_MOST_DRAWN, self.budget.left)
        if isinstance(drawn, str) and len(drawn) <= most and _DRAWN.fullmatch(drawn):
            kept["text/html"] = self.budget.take(drawn)
        if kept:
            # display_data for both: an execute_result must not be able to look like a score.
            self.outputs.append(new_output("display_data", data=kept))

    def _error(self, content: Mapping[str, Any]) -> None:
        lines = content.get("traceback")
        traceback = [_text(line) for line in lines[:60]] if isinstance(lines, list) else []
        self.outputs.append(
            new_output(
                "error",
                ename=_text(content.get("ename"))[:200],
                evalue=self.budget.take(_text(content.get("evalue"))[:5000]),
                traceback=[self.budget.take(line[:5000]) for line in traceback],
            )
        )

    def say(self, name: str, text: str) -> None:
        """An error of our own: a limit, a kernel that ended."""
        self.outputs.append(new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"]))


def is_base64(text: str) -> bool:
    """Whether this is data in base64, and nothing that could end an attribute of HTML."""
    return bool(_BASE64.match(text))


def _text(value: object) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    if value.count("\x1b") > _MOST_COLOURS:
        # Drawing each one scans the rest of the text.
        value = value.replace("\x1b", "")
    return value.encode("utf-8", "replace").decode("utf-8")
