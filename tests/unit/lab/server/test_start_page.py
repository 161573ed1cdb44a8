"""The start page's words: each stage of a chapter, and what to do next."""

from __future__ import annotations

import json
import shutil
from typing import Any

from grader.lab.server.start_page import next_step, start_page, words
from grader.workspace.status import ChapterStatus
from grader.workspace.submit import submit
from tests.unit.workspace.student_work import CHAPTER, change, notebook


def test_each_stage_of_a_chapter_and_what_comes_next(workspace, course, chapter):
    def now() -> tuple[str, str, str]:
        page = start_page(workspace, course)
        (row,) = page["chapters"]
        return row["stage"], row["words"], page["next"]["do"] if page["next"] else ""

    assert now() == ("new", "not begun, 2 tasks", "begin")
    change(workspace, "sum")
    assert now() == ("work", "1 of 2 tasks", "continue")
    change(workspace, "sum", "greeter")
    assert now() == ("done", "all 2 tasks done", "submit")
    sent = submit(workspace, chapter).receipt
    assert now() == ("done", "all 2 tasks done", "")
    page = start_page(workspace, course)
    assert page["chapters"][0]["submitted"] == sent.time
    assert (page["student"], page["passed"], page["tasks"]) == ("ann", 2, 2)
    change(workspace, "sum", failed="greeter")
    assert now() == ("work", "1 of 2 tasks", "continue")
    notebook(workspace).write_text("{")
    stage, said, do = now()
    assert (stage, do) == ("damaged", "repair")
    assert "is cut off" in said
    shutil.rmtree(workspace / CHAPTER)
    stage, said, do = now()
    assert (stage, do) == ("missing", "repair")
    assert "not in your workspace" in said


def test_what_a_page_needs_is_in_it(workspace, course):
    (workspace / CHAPTER / f"{CHAPTER}.new-<b>\u202e.ipynb").write_text("{}")
    page = start_page(workspace, course)
    (row,) = page["chapters"]
    assert (workspace / row["path"]).is_file()
    assert row["number"] == "1"
    assert row["other_notebooks"] == [f"{CHAPTER}.new-<b>\\u202e.ipynb"]
    assert json.loads(json.dumps(page)) == page


def status(name: str, **facts: Any) -> ChapterStatus:
    values: dict[str, Any] = {"chapter": name, "title": name.title(), "state": "in progress", "tasks": 3}
    return ChapterStatus(**values | facts)


def test_what_was_begun_comes_first_then_what_is_new_then_what_was_not_handed_in():
    done = status("ch01-a", passed=3)
    sent = status("ch01-a", passed=3, submitted="2026-01-02T03:04:05Z")
    changed = status("ch02-b", passed=3, submitted="2026-01-02T03:04:05Z", changed=True)
    begun, new = status("ch02-b", passed=1), status("ch03-c", state="not started")

    def told(*found: ChapterStatus) -> tuple[str, str]:
        step = next_step(found)
        return (step["chapter"], step["do"]) if step else ("", "")

    assert told(done, begun, new) == ("ch02-b", "continue")
    assert told(new, begun) == ("ch02-b", "continue")
    assert told(done, new) == ("ch03-c", "begin")
    assert told(status("ch00-x", state="damaged"), new) == ("ch00-x", "repair")
    assert told(done, changed) == ("ch01-a", "submit")
    assert told(sent, changed) == ("ch02-b", "submit")
    again = next_step([sent, changed])
    assert again is not None and "changed it since" in again["text"]
    assert again["command"] == "dockbook submit ch02"
    assert told(sent) == ("", "")
    assert told() == ("", "")


def test_a_chapter_without_tasks_is_done_once_something_ran():
    assert words(status("ch01-a", tasks=0)) == "done"
    assert words(status("ch01-a", tasks=0, state="not started")) == "not begun"
    assert words(status("ch01-a", tasks=1, passed=1)) == "done"


def test_every_chapter_of_the_course_says_what_it_is_about():
    from grader.course import Course
    from tests.grading.tiny import REPOSITORY

    course = Course.read(REPOSITORY / "course")
    assert [one.id for one in course.chapters if not 20 < len(one.about) <= 90] == []
