"""Ports of a student's own: no two tasks of the course may meet on one, for anybody."""

from __future__ import annotations

import re
from pathlib import Path

from grader.course import Course
from grader.expect import StudentValues

COURSE = Course.read(Path(__file__).parents[2] / "course")
ASKED = re.compile(r"""mine\.port\(\s*["']([^"']+)["']""")


def test_tasks_have_ports_of_their_own() -> None:
    names = {
        name
        for chapter in COURSE.written
        for cell in chapter.source.cells
        for name in ASKED.findall(cell.source)
    }
    # For one student is for all: see Mine.port.
    ports = {name: StudentValues().port(name) for name in sorted(names)}
    assert len(set(ports.values())) == len(ports), f"rename one of two tasks with one port: {ports}"
    assert ASKED.findall("engine.mine.port('web')") == ["web"]
