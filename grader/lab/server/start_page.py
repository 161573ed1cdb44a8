"""The start page in words and numbers: what `dockbook status` knows, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from grader.course import Course
from grader.expect.words import count, visible
from grader.workspace.record import student_of
from grader.workspace.status import ChapterStatus, workspace_status

Stage = Literal["new", "work", "done", "damaged", "missing"]

HELP = (
    {
        "title": "A terminal with docker",
        "text": "File, New, Terminal opens one. docker there talks to this lab's engine, as your cells do.",
        "command": "docker ps",
    },
    {
        "title": "Stuck on a task",
        "text": "In a new cell, with the task's name. It helps more each time.",
        "command": 'hint("greeter")',
    },
    {
        "title": "Start a chapter over",
        "text": "In a terminal. Your work is saved in the folder kept.",
        "command": "dockbook reset ch03",
    },
    {
        "title": "Submit a chapter",
        "text": "Save it first. Then, in a terminal: a zip and its receipt, in the folder submissions.",
        "command": "dockbook submit ch03",
    },
)


def start_page(workspace: Path, course: Course) -> dict[str, Any]:
    """What the start page shows, as JSON. Raises UsageError without a workspace."""
    found = workspace_status(workspace, course)
    about = {chapter.id: chapter.about for chapter in course.chapters}
    upcoming = next_step(found)
    rows = [_row(one, about.get(one.chapter, "")) for one in found]
    return {
        "student": student_of(workspace) or "",
        "passed": sum(one.passed for one in found),
        "tasks": sum(one.tasks for one in found),
        "chapters": rows,
        "next": upcoming,
        "help": list(HELP),
    }


def stage(one: ChapterStatus) -> Stage:
    """How far a chapter is. One without tasks is done once something was run in it."""
    match one.state:
        case "damaged":
            return "damaged"
        case "missing":
            return "missing"
        case "not started":
            return "new"
    return "done" if one.passed == one.tasks else "work"


def words(one: ChapterStatus) -> str:
    """The same for a reader: ``3 of 7 tasks``."""
    match stage(one):
        case "new":
            return f"not begun, {count(one.tasks, 'task')}" if one.tasks else "not begun"
        case "work":
            return f"{one.passed} of {count(one.tasks, 'task')}"
        case "done":
            return f"all {count(one.tasks, 'task')} done" if one.tasks > 1 else "done"
        case "damaged":
            return f"damaged: {one.problem}. The next lab sets it aside and gives you a clean one."
    return "not in your workspace. The next lab puts it there."


def next_step(found: Sequence[ChapterStatus]) -> dict[str, str] | None:
    """The next thing to do; None when all is done and submitted.

    In the course's order: continue what was begun, then begin or repair, then submit.
    """
    for one in found:
        if stage(one) == "work":
            return _step(one, "continue", f"Continue: {words(one)} done in")
    for one in found:
        match stage(one):
            case "new":
                return _step(one, "begin", "Begin with")
            case "damaged" | "missing":
                text = f"{one.title} cannot be opened. End the lab and start it again: it gives a clean one."
                return _step(one, "repair", text)
    for one in found:
        if not one.submitted or one.changed:
            again = " again: you changed it since" if one.changed else ""
            text = f"All tasks are done. Submit it{again}, in a terminal:"
            command = f"dockbook submit {one.chapter.split('-')[0]}"
            return _step(one, "submit", text) | {"command": command}
    return None


def _step(one: ChapterStatus, do: str, text: str) -> dict[str, str]:
    return {"chapter": one.chapter, "do": do, "text": text}


def _row(one: ChapterStatus, about: str) -> dict[str, Any]:
    number = one.chapter.split("-")[0].removeprefix("ch").lstrip("0")
    return {
        "id": one.chapter,
        "number": number if number.isdigit() else "",
        "title": visible(one.title, 80),
        "about": visible(about, 120),
        "path": f"{one.chapter}/{one.chapter}.ipynb",
        "stage": stage(one),
        "words": visible(words(one), 200),
        "passed": one.passed,
        "tasks": one.tasks,
        "submitted": one.submitted,
        "changed": one.changed,
        "other_notebooks": [visible(name, 80) for name in one.other_notebooks[:4]],
    }
