"""20: whatever a student writes, nothing of it is markup in a page or an order to a terminal."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO

import nbformat
import pytest
from rich.console import Console

from grader.grading.report.terminal import render_table
from tests.grading.hostile.attacks import ATTACKS
from tests.grading.hostile.attacks_on_formats_and_texts import MARK

pytestmark = pytest.mark.timeout(1500)
"""The first test to run waits for the batch."""
POISONED = [attack for attack in ATTACKS if attack.family == 20 or attack.name == "a name that is code"]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Markup(HTMLParser):
    """What a browser would obey: elements, their handlers and where they lead."""

    def __init__(self):
        super().__init__()
        self.live = []
        self._script = False

    def handle_starttag(self, tag, attrs):
        self._script = tag == "script"
        for name, value in attrs:
            leads = name in ("href", "src", "action", "formaction", "xlink:href", "data", "srcdoc")
            scripted = (value or "").strip().lower().startswith(("javascript:", "data:text/html"))
            if name.startswith("on") or (leads and scripted):
                self.live.append((tag, name, value))

    def handle_data(self, data):
        if self._script and MARK in data:
            self.live.append(("script", "", data[:100]))

    def handle_endtag(self, tag):
        self._script = False


def live(page):
    parser = Markup()
    parser.feed(page)
    return parser.live


def test_the_parser_finds_what_is_live():
    assert live(f"<svg onload=alert('{MARK}')>")
    assert live(f"<script>alert('{MARK}')</script>")
    assert live("<a href='JavaScript:alert()'>x</a>")
    assert not live("&lt;img onerror=alert()&gt; <a href='https://example.org'>x</a>")


@pytest.mark.parametrize("attack", POISONED, ids=str)
def test_feedback_has_nothing_live(attack, attacked):
    page = attacked.page(attack.student)
    assert page
    assert live(page) == []
    assert len(page) < 5_000_000


@pytest.mark.parametrize("attack", POISONED, ids=str)
def test_verdicts_are_printable_and_bounded(attack, attacked):
    """A student's own output is the student's; what grading says of it is plain text."""
    path = attacked.course.root / "autograded" / attack.student / attacked.chapter.id
    verdicts = 0
    for cell in nbformat.read(path / attacked.chapter.notebook.name, as_version=4).cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("test-"):
            verdicts += 1
            text = "".join(o.get("text", "") + "".join(o.get("traceback", ())) for o in cell.outputs)
            assert text
            assert not CONTROL.findall(text)
    assert verdicts == 2
    student = attacked.of(attack.student)
    lines = [*student.notes, *(line for task in student.tasks for line in task.words())]
    assert len("\n".join(lines)) < 20_000


def test_the_terminal_table_obeys_nobody(attacked):
    out = StringIO()
    render_table(attacked.result, Console(file=out, force_terminal=False, width=200))
    assert not CONTROL.findall(out.getvalue())
    for student in attacked.result.students:
        assert student.student in out.getvalue()
