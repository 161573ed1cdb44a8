"""How an outcome looks: in a notebook, in a terminal, in nbgrader's validation."""

from __future__ import annotations

import textwrap
from html import escape

from grader.errors import Blocked, DockbookError
from grader.expect.finding import Outcome
from grader.expect.words import count

# JupyterLab's variables follow its theme; the colours after them read on white and on black.
GREEN = "var(--jp-success-color1, #2e9e44)"
AMBER = "var(--jp-warn-color1, #c77700)"
RED = "var(--jp-error-color1, #d84a4a)"
_COLOURS = {"passed": GREEN, "failed": RED, "not_reached": AMBER, "blocked": AMBER}
_WORDS = {"passed": "passed", "failed": "not yet", "not_reached": "not reached", "blocked": "could not check"}


def as_text(task: str, outcome: Outcome) -> str:
    """Plain text: ``greeter: passed``, or a line for each finding."""
    head = f"{task}: {_WORDS[outcome.status]}"
    if outcome.status in ("not_reached", "blocked"):
        return f"{head}: {outcome.reason}"
    if not outcome.findings:
        return head
    lines = [f"{head}. {count(len(outcome.findings), 'thing')} to fix:"]
    for finding in outcome.findings:
        lines += _wrap(f"{finding.subject}: {finding.property}", "  - ", "    ")
        if finding.expected:
            lines += _wrap(finding.expected, "      expected: ", " " * 16)
        lines += _wrap(finding.found, "      found:    ", " " * 16)
        lines += _wrap(finding.hint, "      ", "      ")
    return "\n".join(lines)


def _wrap(text: str, first: str, later: str) -> list[str]:
    # nbgrader's Validate cuts every line of an error at 80 characters.
    return textwrap.wrap(text, 78, initial_indent=first, subsequent_indent=later)


def as_html(task: str, outcome: Outcome, progress: str = "", more: str = "") -> str:
    """The same as a block of HTML: escaped, inline styles, no script, the same bytes each time.

    ``more``: HTML that follows.
    """
    colour = _COLOURS[outcome.status]
    head = f"<b>{escape(task)}</b>: {_WORDS[outcome.status]}"
    if outcome.reason:
        head += f": {escape(outcome.reason)}"
    if progress:
        head += f' <span style="opacity: 0.7">({escape(progress)})</span>'
    body = "".join(
        f"<li>{escape(finding.subject)}: {escape(finding.property)}: "
        + (f"expected <code>{escape(finding.expected)}</code>, " if finding.expected else "")
        + f"found <code>{escape(finding.found)}</code>."
        + (f"<br>{escape(finding.hint)}" if finding.hint else "")
        + "</li>"
        for finding in outcome.findings
    )
    listed = f'<ul style="margin: 4px 0 0 0">{body}</ul>' if body else ""
    return f'<div style="border-left: 4px solid {colour}; padding: 2px 8px">{head}{listed}{more}</div>'


def with_code(text: str) -> str:
    """Text as HTML, escaped, with text between backticks as code; an odd backtick marks nothing."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


class Verdict:
    """An outcome as a notebook shows it. ``progress``: how far the chapter is, in words; ``more``: HTML."""

    def __init__(self, task: str, outcome: Outcome, progress: str = "", more: str = "") -> None:
        self.task = task
        self.outcome = outcome
        self.progress = progress
        self.more = more

    def __repr__(self) -> str:
        text = as_text(self.task, self.outcome)
        return f"{text} ({self.progress})" if self.progress else text

    def _repr_html_(self) -> str:
        return as_html(self.task, self.outcome, self.progress, self.more)


class CheckFailed(AssertionError):
    """A check found something to fix, or was not reached. Plain words wherever exceptions are shown.

    ``task`` and ``outcome`` say the same as data.
    """

    def __init__(self, task: str, outcome: Outcome) -> None:
        super().__init__(as_text(task, outcome))
        self.task = task
        self.outcome = outcome

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this in place of a traceback; Jupyter and nbgrader's Validate show it."""
        return str(self).splitlines()

    def __reduce__(self) -> tuple[type[CheckFailed], tuple[str, Outcome]]:
        return type(self), (self.task, self.outcome)


class InWords(DockbookError):
    """Mixed into an error that a notebook shows: what and the next step, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [self.what, *([f"Next: {self.next_step}"] if self.next_step else [])]


class CouldNotCheck(InWords, Blocked):
    """A check in a notebook could not read the engine."""
