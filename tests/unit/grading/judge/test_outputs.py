"""What of a student's outputs is kept: text, raster pictures and the course's own drawings, nothing else."""

from __future__ import annotations

import pytest

from grader.grading.judge.outputs import Budget, Collector
from grader.notebook.pictures.svg import Board


def kept(html: object, left: int = 100_000) -> str | None:
    collector = Collector(Budget(left))
    collector.add("display_data", {"data": {"text/plain": "<Container: 1234>", "text/html": html}})
    found = collector.outputs[0].data.get("text/html")
    return None if found is None else str(found)


@pytest.fixture
def drawing() -> str:
    board = Board(200, 60)
    board.text(10, 30, 'it\'s <b>"web"</b> & more 🐳 ünïcode', width=180)
    return board.img("container \"web\" <script>alert('1')</script>")


def test_a_drawing_of_the_course_is_kept_as_it_is(drawing):
    assert kept(drawing) == drawing


@pytest.mark.parametrize(
    "change",
    [
        lambda html: html + "<script>alert(1)</script>",
        lambda html: html.replace("<img ", '<img onerror="alert(1)" '),
        lambda html: html.replace("data:image/svg+xml,", "https://example.org/pixel.png?"),
        lambda html: html.replace("data:image/svg+xml,", "data:text/html,"),
        lambda html: html.replace("max-width: 100%", "position: fixed; inset: 0"),
        lambda html: html.replace('alt="', 'alt="x" class="cell" title="'),
        lambda html: html.replace("%20", '"><b>'),
        lambda html: f"<div>{html}</div>",
        lambda html: [html],
        lambda html: html.replace("%20", "%20" * 30_000),
        lambda html: "<table><tr><td>16 of 16</td></tr></table>",
    ],
)
def test_anything_else_is_left_out_and_its_text_stays(drawing, change):
    assert kept(change(drawing), 10_000_000) is None


def test_a_drawing_counts_as_output(drawing):
    assert kept(drawing, len(drawing)) is None
