"""Worked answers appear folded under a passed check, and nowhere where a submission is graded."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import handouts, worked_answers
from grader.course import Chapter, Course
from grader.expect.finding import Outcome
from grader.expect.show import Verdict
from grader.grading.judge.files import regular_files
from grader.workspace.folder import fill

COURSE = Course.read(Path(__file__).parents[2] / "course")
TEXT = """
[web]
python = '''
print("<b>")
'''
shell = '''
!docker run -d --name web httpd
'''
half = 3
"""


def test_both_are_shown_folded_and_escaped(tmp_path: Path) -> None:
    (tmp_path / worked_answers.HIDDEN).write_text(TEXT)
    shown = worked_answers.as_html("web", tmp_path)
    assert shown.startswith("<details") and "open" not in shown.split(">")[0]
    assert "print(&quot;&lt;b&gt;&quot;)" in shown and "!docker run -d --name web httpd" in shown
    assert shown.index("In Python") < shown.index("On the command line")
    verdict = Verdict("web", Outcome.passed(), "1 of 2 tasks", shown)
    assert shown in verdict._repr_html_() and repr(verdict) == "web: passed (1 of 2 tasks)"


@pytest.mark.parametrize("text", ["", "[web", "web = 3", "[other]\npython = 'x'", "[web]\npython = 3", "\0"])
def test_without_an_answer_there_is_nothing(tmp_path: Path, text: str) -> None:
    assert worked_answers.as_html("web", tmp_path) == ""
    (tmp_path / worked_answers.HIDDEN).write_text(text)
    assert worked_answers.as_html("web", tmp_path) == ""


def test_who_learns_has_them_under_a_hidden_name(tmp_path: Path) -> None:
    chapter = COURSE.written[0]
    fill(chapter, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert worked_answers.HIDDEN in names and worked_answers.FILE not in names


def test_they_follow_the_course_and_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = COURSE.written[0]
    given, outside = tmp_path / "work" / worked_answers.HIDDEN, tmp_path / "outside"
    outside.write_text("theirs")
    given.parent.mkdir()
    given.symlink_to(outside)
    fill(chapter, given.parent)
    assert not given.is_symlink() and outside.read_text() == "theirs"
    given.write_text("of an earlier edition")
    fill(chapter, given.parent)
    assert given.read_bytes() == (chapter.folder / worked_answers.FILE).read_bytes()
    monkeypatch.setattr(worked_answers, "FILE", "none.toml")
    fill(chapter, given.parent)
    assert not given.exists()
    given.mkdir()
    fill(chapter, given.parent)  # the chapter is whole without them


def test_a_graded_submission_has_none(tmp_path: Path) -> None:
    (tmp_path / "ch01.ipynb").write_text("{}")
    (tmp_path / worked_answers.HIDDEN).write_text(TEXT)
    assert [name for name, _ in regular_files(tmp_path)] == ["ch01.ipynb"]
    for chapter in COURSE.written:
        assert (chapter.folder / worked_answers.FILE).is_file()
        assert worked_answers.FILE not in dict(handouts.given_files(chapter.folder))


@pytest.mark.parametrize("chapter", COURSE.written, ids=lambda chapter: chapter.id)
def test_each_task_has_answers_in_both_hands(chapter: Chapter) -> None:
    answers = worked_answers.read(chapter.folder / worked_answers.FILE)
    assert list(answers) == [task.id for task in chapter.tasks]
    assert all(set(hands) == set(worked_answers.HANDS) for hands in answers.values())
