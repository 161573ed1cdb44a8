"""A student's feedback as one page that a phone can show: nbgrader's GenerateFeedback with our own exporter.

nbgrader fills in points and comments and writes the file; this draws it. Everything on the page but the
frame is a student's or a grader's text: escaped, or cleaned by ``pages``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import Exporter, HTMLExporter
from nbconvert.filters.ansi import ansi2html
from nbconvert.filters.highlight import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters.base import BaseConverter
from traitlets.config import Config

from grader.course import is_by_hand, marks
from grader.grading import rendering
from grader.grading.judge.received import times_of_platforms_alone
from grader.grading.judge.results import number
from grader.grading.safe_markdown import clean, code_colours, limit_of

_TEMPLATES = Path(__file__).with_name("templates")
_ENDINGS = {"CheckFailed": "failed", "NotReached": "not_reached", "Blocked": "blocked"}
_WORDS = {
    "passed": "passed",
    "failed": "not yet",
    "not_reached": "not reached",
    "blocked": "not graded yet",
    "by_hand": "graded by hand",
    "waiting": "waiting to be graded by hand",
    "unanswered": "not answered",
}
_HEADING = re.compile(r"^#[ \t]+(\S.*)$", re.MULTILINE)
_CONFIGURED = ("Exporter", "TemplateExporter", "HTMLExporter", "FeedbackExporter", "NbConvertBase")
"""What of a course's configuration concerns the drawing."""
_PLAIN_CHARS = 10_000


def _plain_code(source: str, **_: Any) -> str:
    return f"<pre>{escape(source)}</pre>"


def _plain_output(text: str) -> str:
    return escape(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))


@pass_context
def _code(context: Context, source: str, **options: Any) -> str:
    """nbconvert's colouring, as long as the page has time and room for it."""
    colour = Highlight2HTML(pygments_lexer="ipython3")
    drawn = limit_of(context).run(lambda: str(colour(source, **options)))
    return drawn if drawn is not None else _plain_code(source)


@pass_context
def _output(context: Context, text: str) -> str:
    """nbconvert's drawing of a terminal's colours, likewise."""
    drawn = limit_of(context).run(lambda: str(ansi2html(text)))
    return drawn if drawn is not None else _plain_output(text)


_PLAIN = {"markdown2html": rendering.plain, "highlight_code": _plain_code, "ansi2html": _plain_output}
_LIMITED = {"highlight_code": _code, "ansi2html": _output}


@dataclass(frozen=True)
class GradedTask:
    """A graded cell as the page shows it. ``lines``: what was found, in the grader's words.

    ``anchor`` is its id on the page: a test and an answer may have one name.
    """

    name: str
    status: str
    score: float
    most: float
    lines: tuple[str, ...] = ()
    anchor: str = ""

    @property
    def words(self) -> str:
        """How it came out."""
        return _WORDS[self.status]


class FeedbackExporter(HTMLExporter):
    """In the place of nbgrader's exporter; the course's ``nbgrader_config.py`` names it."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        # nbgrader's converter has its own template in the configuration: what is given here goes before.
        kw |= {"template_name": "feedback-page", "extra_template_basedirs": [str(_TEMPLATES)]}
        super().__init__(*args, **kw, extra_template_paths=[str(_TEMPLATES)])
        if isinstance(self.parent, BaseConverter):
            times_of_platforms_alone(self.parent.coursedir)
        for name, function in _FILTERS.items():
            self.register_filter(name, function)
        self.environment.globals["feedback_css"] = _css

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        """As nbconvert's."""
        nb = copy.deepcopy(nb)
        _note_hand_grades(nb, (resources or {}).get("nbgrader", {}))
        # The steps before the drawing, nbgrader's own among them; what draws has a time, and no gradebook.
        nb, resources = Exporter.from_notebook_node(self, nb, resources=resources, **kw)
        sections = {name: self.config[name] for name in _CONFIGURED if name in self.config}
        return rendering.page(nb, resources, sections) or _bare(nb, resources), resources


class _Drawing(FeedbackExporter):
    """What draws the page, in a process of its own (``rendering``)."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[Any, dict[str, Any]]:
        return HTMLExporter.from_notebook_node(self, nb, resources=resources, **kw)


def draw(
    notebook: Mapping[str, Any], resources: Mapping[str, Any], config: Mapping[str, Any], *, plainly: bool
) -> str:
    """The page as HTML. ``plainly``: what takes libraries is shown as it was typed."""
    nb = nbformat.from_dict(notebook)
    ours = config.get("HTMLExporter", {})
    filters = {**ours.get("filters", {}), **_LIMITED}
    if plainly:
        _strip(nb)
        filters = _PLAIN
    exporter = _Drawing(config=Config({**config, "HTMLExporter": {**ours, "filters": filters}}))
    html, _ = exporter.from_notebook_node(nb, resources={**resources, "plainly": plainly})
    # What scrolls can be scrolled with the keyboard, too.
    return str(html).replace("<pre>", '<pre tabindex="0">')


def _strip(nb: NotebookNode) -> None:
    """Keep only text outputs, and only a limited length of each."""
    for cell in nb.cells:
        cell.source = str(cell.source)[:_PLAIN_CHARS]
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data = NotebookNode(
                    {"text/plain": str(output.data.get("text/plain", ""))[:_PLAIN_CHARS]}
                )
            if "text" in output:
                output.text = str(output.text)[:_PLAIN_CHARS]


def _bare(nb: NotebookNode, resources: Mapping[str, Any]) -> str:
    """Points and findings alone, when even plain text took too long."""
    facts = resources.get("nbgrader", {})
    lines = [f"<h1>{escape(str(facts.get('notebook', '')))}</h1><p>The notebook could not be drawn.</p>"]
    for cell in nb.cells:
        if is_graded(cell):
            task = graded_task(cell)
            head = f"{task.name}: {task.words}, {points(task.score)} of {points(task.most)} points"
            lines.append(f"<h2>{escape(head)}</h2><pre>{escape(chr(10).join(task.lines))}</pre>")
    return '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Feedback</title>' + "\n".join(lines)


def _note_hand_grades(nb: NotebookNode, facts: Mapping[str, Any]) -> None:
    """Write next to each cell that a person grades whether that is done: nbgrader's own points do not show
    it."""
    if "db_url" not in facts:
        return
    with Gradebook(facts["db_url"]) as gradebook:
        submitted = gradebook.find_submission_notebook(
            facts["notebook"], facts["assignment"], facts["student"]
        )
        grades = {grade.name: grade for grade in submitted.grades}
        for cell in nb.cells:
            grade = grades.get(marks(cell).get("grade_id"))
            if grade is not None and is_by_hand(cell):
                by_hand = "waiting" if grade.auto_score is None else "unanswered"
                cell.metadata.nbgrader["by_hand"] = "by_hand" if grade.manual_score is not None else by_hand


def is_graded(cell: NotebookNode) -> bool:
    """Whether nbgrader gives points for this cell."""
    found = marks(cell)
    return bool(found.get("grade") or found.get("task"))


def is_yours(cell: NotebookNode) -> bool:
    """Whether it is the student's to fill in."""
    return bool(marks(cell).get("solution"))


def comment_of(cell: NotebookNode) -> str:
    """What a grader, or the grading, says next to the cell, in Markdown."""
    return str(marks(cell).get("comment") or "")


def graded_task(cell: NotebookNode) -> GradedTask:
    """How a graded cell came out. A grader's points by hand go before what the test said."""
    facts = marks(cell)
    name = str(facts.get("grade_id", ""))
    score, most = float(facts.get("score") or 0), float(facts.get("points") or 0)
    if is_by_hand(cell):
        return GradedTask(name, facts.get("by_hand", "by_hand"), score, most, anchor=f"answer-{name}")
    name = name.removeprefix("test-")
    status, lines = "failed", ["The test gave no verdict."]
    for output in cell.get("outputs", ()):
        if output.output_type == "error" and output.ename in _ENDINGS:
            status, lines = _ENDINGS[output.ename], [str(line) for line in output.traceback[1:]]
        elif output.output_type == "stream":
            status, lines = "passed", output.text.strip().splitlines()[1:]
    if score != (most if status == "passed" else 0):
        status = "by_hand"
    return GradedTask(name, status, score, most, tuple(lines), f"task-{name}")


def title_of(nb: NotebookNode, resources: dict[str, Any]) -> str:
    """The chapter's own heading, else the notebook's name."""
    for cell in nb.cells:
        found = _HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if found:
            return found[1].strip()
    return str(resources["nbgrader"]["notebook"])


def notes_of(nb: NotebookNode) -> list[str]:
    """What the grading says of the notebook as a whole."""
    found = nb.metadata.get("dockbook", {}).get("notes", [])
    return [str(note) for note in found]


def points(value: float | None) -> str:
    """Points with at most two decimals, whole ones as whole numbers."""
    return str(number(round(float(value or 0), 2)))


def _css() -> str:
    own = (_TEMPLATES / "feedback-page" / "feedback.css").read_text(encoding="utf-8")
    return f"{own}\n{code_colours()}"


_FILTERS = {
    "clean_page": clean,
    "graded": is_graded,
    "yours": is_yours,
    "by_hand": is_by_hand,
    "comment": comment_of,
    "task": graded_task,
    "title": title_of,
    "points": points,
    "notes": notes_of,
}
